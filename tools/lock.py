"""Write requirements.lock and environment.yml from pyproject.toml.

usage: python tools/lock.py            (needs: pip install '.[lock]' for uv)
       python tools/lock.py --check    (no network: exit 1 if either file is out of date)

requirements.lock holds exact versions and hashes, no addresses; its first line carries a digest of the dependency
tables it was made from. environment.yml is for conda users: generated, never solved here.
"""

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

from fgr.paths import atomic_path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("notebooks", "book", "test")
PYTHON = "3.11"
BUILD = ("pip", "editables>=0.5")  # besides the build backend: what `pip install -e` without isolation needs
LOCK_HEADER = "# made by tools/lock.py from pyproject.toml; dependencies "
CONDA_HEADER = "# made by tools/lock.py from pyproject.toml; then: conda activate fgr && pip install --no-deps -e .\n"


def dependency_digest() -> str:
    """Return a hash of everything in pyproject.toml that the lock depends on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tables = [
        project["project"]["dependencies"],
        {extra: project["project"]["optional-dependencies"][extra] for extra in EXTRAS},
        project["project"]["requires-python"],
        project["build-system"]["requires"],
        project["tool"]["uv"]["constraint-dependencies"],
    ]
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()[:16]


def environment() -> str:
    """Return the conda environment file."""
    extras = [part for extra in EXTRAS for part in ("-e", extra)]
    command = [sys.executable, "-m", "pyproject2conda", "yaml", *extras, "-n", "fgr", "-p", PYTHON]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    lines = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
    return CONDA_HEADER + "\n".join(lines) + "\n"


def lock() -> str:
    """Return the locked requirements, resolved by uv under the caps of [tool.uv]."""
    build = ROOT / "_build" / "build-requirements.in"
    build.parent.mkdir(exist_ok=True)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    build.write_text("\n".join([*project["build-system"]["requires"], *BUILD]) + "\n")
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", str(build), "--universal", "--quiet"]
    command += ["--python-version", PYTHON, "--generate-hashes", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", *(f"--extra={extra}" for extra in EXTRAS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return f"{LOCK_HEADER}{dependency_digest()}\n{done.stdout}"


def write() -> None:
    """Write both files, or neither: what fails to resolve must not leave one of other dependencies than the other."""
    texts = {"requirements.lock": lock(), "environment.yml": environment()}
    for name, text in texts.items():
        with atomic_path(ROOT / name) as file:
            file.write_text(text)


def stale() -> list[str]:
    """Return what is out of date, without the network."""
    found = []
    first = (ROOT / "requirements.lock").read_text().partition("\n")[0]
    if first != LOCK_HEADER + dependency_digest():
        found.append("requirements.lock was made from other dependencies than pyproject.toml has; run: make lock")
    if (ROOT / "environment.yml").read_text() != environment():
        found.append("environment.yml differs from what pyproject.toml gives; run: make lock")
    return found


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        problems = stale()
        print("\n".join(problems) or "requirements.lock and environment.yml are up to date")
        sys.exit(bool(problems))
    write()
