"""The wheel: what it holds, and that it works in a folder that knows nothing of the repository."""

import json
import os
import subprocess
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from fgr import __version__

pytestmark = pytest.mark.package

ROOT = Path(__file__).resolve().parents[1]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
NEED_NOTEBOOKS = ("run ch05_orthoreg", "claims", "results show")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [*PIP, "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """Return a folder into which the wheel alone was installed."""
    target = wheel.parent / "site"
    command = [*PIP, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    return target


def outside(installed: Path, folder: Path, *command: str) -> subprocess.CompletedProcess:
    """Run a command in `folder` where `fgr` is the installed one."""
    environment = {name: value for name, value in os.environ.items() if name not in ("FGR_HOME", "FGR_DATA")}
    environment |= {"PYTHONPATH": str(installed), "FGR_DATA": str(folder / "data"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_wheel_holds_library_and_manifests_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if not name.endswith("/")}
    library = {str(path.relative_to(ROOT)) for path in (ROOT / "fgr").rglob("*.py")}
    manifests = {f"fgr/_manifests/{path.name}" for path in (ROOT / "data_manifests").iterdir()}
    about = {name for name in files if name.startswith(f"fgr-{__version__}.dist-info/")}
    assert files - about == library | manifests
    assert any(name.endswith("licenses/LICENSE") for name in about)


def test_metadata_names_version_and_dependencies(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = message_from_bytes(archive.read(f"fgr-{__version__}.dist-info/METADATA"))
        scripts = archive.read(f"fgr-{__version__}.dist-info/entry_points.txt").decode()
    assert text["Version"] == __version__
    assert text["License-Expression"] == "MIT"
    core = [need for need in text.get_all("Requires-Dist") if "extra ==" not in need]
    assert {"torch>=2.6", "numpy>=2.0", "typer>=0.16"} <= set(core)
    assert not [need for need in core if need.startswith(("papermill", "jupyter", "pytest"))]
    assert "fgr = fgr.cli:app" in scripts


def test_import_works_outside_the_repository(installed: Path, tmp_path: Path) -> None:
    code = "import fgr, fgr.orthoreg, fgr.data; print(fgr.__version__, fgr.__file__)"
    done = outside(installed, tmp_path, sys.executable, "-c", code)
    assert done.stdout.split() == [__version__, str(installed / "fgr" / "__init__.py")], done.stderr


def test_help_teaches(installed: Path, tmp_path: Path) -> None:
    done = outside(installed, tmp_path, str(installed / "bin" / "fgr"), "--help")
    assert done.returncode == 0, done.stderr
    for word in ("run", "results", "claims", "data", "fgr run ch05_orthoreg --profile quick"):
        assert word in done.stdout


@pytest.fixture(scope="module")
def said(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Return exit code and output of some commands, given one after the other in one process outside the repository."""
    code = (
        "import json, sys\nfrom typer.testing import CliRunner\nfrom fgr.cli import app\n"
        "done = {line: CliRunner().invoke(app, line.split()) for line in sys.argv[1:]}\n"
        "print(json.dumps({line: [run.exit_code, run.stdout, run.stderr] for line, run in done.items()}))"
    )
    folder = tmp_path_factory.mktemp("elsewhere")
    done = outside(installed, folder, sys.executable, "-c", code, "data list", *NEED_NOTEBOOKS)
    assert done.returncode == 0, done.stderr
    assert list(folder.iterdir()) == [], "nothing is written"
    return json.loads(done.stdout)


def test_data_sets_are_known_from_the_manifests_of_the_wheel(said: dict) -> None:
    code, printed, _ = said["data list"]
    assert code == 0
    listed = {line.split()[0] for line in printed.splitlines() if line.startswith("  ")}
    assert listed - {"name"} == {path.stem for path in (ROOT / "data_manifests").glob("*.json")}


@pytest.mark.parametrize("command", NEED_NOTEBOOKS)
def test_commands_that_need_the_notebooks_say_so(command: str, said: dict) -> None:
    assert said[command] == [
        2,
        "",
        "fgr: the notebooks are not beside the installed package; clone the repository and run the command there, "
        "or set FGR_HOME to the clone\n",
    ]
