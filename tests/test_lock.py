"""The lock and the conda file are what pyproject.toml asks for, and what is installed here is what is locked."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import lock
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()


def wanted() -> list[Requirement]:
    """Return what pyproject.toml asks for, with the extras that the lock covers."""
    extras = PROJECT["project"]["optional-dependencies"]
    texts = [*PROJECT["project"]["dependencies"], *(text for extra in lock.EXTRAS for text in extras[extra])]
    return [Requirement(text) for text in texts]


def entries(text: str = LOCK) -> Iterator[tuple[Requirement, list[str]]]:
    """Yield every locked requirement with its hashes."""
    for entry in re.sub(r"\\\n", "", text).splitlines():
        if entry and not entry.startswith("#"):
            requirement, *hashes = re.split(r"\s+--hash=", entry.strip())
            yield Requirement(requirement), hashes


def pinned() -> dict[str, Version]:
    """Return the version that the lock gives each package on this platform."""
    here = [entry for entry, _ in entries() if entry.marker is None or entry.marker.evaluate()]
    pins = {canonicalize_name(entry.name): Version(str(entry.specifier).removeprefix("==")) for entry in here}
    assert len(pins) == len(here), "a package stands twice"
    return pins


def test_nothing_is_stale() -> None:
    assert lock.stale() == []


def test_every_requirement_is_met_by_the_lock() -> None:
    pins = pinned()
    unmet = [str(asked) for asked in wanted() if not asked.specifier.contains(pins[canonicalize_name(asked.name)])]
    assert unmet == []
    builds = [Requirement(text) for text in PROJECT["build-system"]["requires"]]
    assert all(asked.specifier.contains(pins[canonicalize_name(asked.name)]) for asked in builds)


def test_what_is_installed_is_what_is_locked() -> None:
    differ = {name: (str(pin), version(name)) for name, pin in pinned().items() if Version(version(name)) != pin}
    assert differ == {}, "package: (locked, installed)"


def test_every_entry_is_exact_and_hashed_and_names_no_address() -> None:
    for entry, hashes in entries():
        (specifier,) = entry.specifier
        assert specifier.operator == "==" and "*" not in specifier.version, entry
        assert hashes, f"{entry} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", found) for found in hashes), entry
        assert entry.url is None
    assert "://" not in LOCK
    assert "--index" not in LOCK and "--find-links" not in LOCK


def test_caps_are_the_locked_versions() -> None:
    for text in PROJECT["tool"]["uv"]["constraint-dependencies"]:
        cap = Requirement(text)
        assert cap.specifier.contains(pinned()[canonicalize_name(cap.name)]), text


def test_conda_file_asks_for_the_same() -> None:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda["name"] == "fgr"
    (of_pip,) = [part["pip"] for part in conda["dependencies"] if isinstance(part, dict)]
    of_conda = [part for part in conda["dependencies"] if isinstance(part, str)]
    (python,) = [part.removeprefix("python=") for part in of_conda if part.startswith("python=")]
    assert SpecifierSet(PROJECT["project"]["requires-python"]).contains(f"{python}.0")
    others = [part for part in of_conda if not part.startswith("python=") and part != "pip"]
    asked = {canonicalize_name(part.name): part.specifier for part in map(Requirement, others + of_pip)}
    assert asked == {canonicalize_name(part.name): part.specifier for part in wanted()}
    assert {"torch", "torchvision"} <= {Requirement(part).name for part in of_pip}  # named otherwise in conda


@pytest.mark.parametrize(
    ("before", "after", "stale_files"),
    [
        ('"scipy>=1.13"', '"scipy>=1.14"', ["requirements.lock", "environment.yml"]),
        ('"nbval>=0.11",', '"nbval>=0.11", "rich>=14",', ["requirements.lock", "environment.yml"]),
        ('"torch==2.', '"torch==1.', ["requirements.lock"]),
        ('"hatchling>=', '"hatchling>', ["requirements.lock"]),
    ],
)
def test_an_edit_of_the_dependencies_is_noticed(
    before: str, after: str, stale_files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyproject.toml", "requirements.lock", "environment.yml"):
        shutil.copy(ROOT / name, tmp_path)
    text = (ROOT / "pyproject.toml").read_text()
    assert text.count(before) == 1
    (tmp_path / "pyproject.toml").write_text(text.replace(before, after))
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    assert [problem.split()[0] for problem in lock.stale()] == stale_files


def test_both_files_are_written_or_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of the two cannot be made."""
    monkeypatch.setattr(lock, "ROOT", tmp_path)

    def fails() -> str:
        raise subprocess.CalledProcessError(1, "uv")

    for broken, other in (("lock", "environment"), ("environment", "lock")):
        monkeypatch.setattr(lock, broken, fails)
        monkeypatch.setattr(lock, other, lambda: "new\n")
        with pytest.raises(subprocess.CalledProcessError):
            lock.write()
        assert list(tmp_path.iterdir()) == []
        monkeypatch.setattr(lock, broken, lambda: "new\n")
    lock.write()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ("environment.yml", "requirements.lock"), "new\n"
    )


def test_an_edit_of_anything_else_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyproject.toml", "requirements.lock", "environment.yml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    before = lock.stale()
    with (tmp_path / "pyproject.toml").open("a") as file:
        file.write("\n[tool.other]\nx = 1\n")
    assert lock.stale() == before == []
