"""Get the files of a data set, check them by the hash of their content, and put them in place whole or not at all."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fgr.data.manifests import File, Manifest, Source, manifest
from fgr.data.sources import SourceError, Sources
from fgr.paths import atomic_path, data_root

try:
    import fcntl
except ImportError:  # Windows has none: fetch a set from one process at a time there
    fcntl = None

STAMP, LOCK, SCRATCH = ".verified.json", ".lock", ".fetching-"
BLOCK = 1 << 20


class FetchError(RuntimeError):
    """The files of a set could not be had; the message lists what was tried, why it failed, and what to do."""


@dataclass(frozen=True)
class Problem:
    """A difference between a folder and the manifest: `kind` is "missing", "changed" or "surplus"."""

    kind: str
    file: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.file} ({self.detail})"


def fetch(name: str, root: Path | str | None = None) -> Path:
    """Return the folder with all files of a set, verified; what is missing or damaged is fetched first.

    Sources are tried in the order of the manifest. A set that was verified before is recognised by sizes and times
    without being hashed again; `verify` always hashes. Two processes may fetch the same set: one waits for the other.

    Args:
        name: a data set of `data_manifests`.
        root: folder that holds one folder a data set; by default `FGR_DATA`, else ~/.cache/fgr.

    Raises:
        ValueError: on an unknown name.
        FetchError: if the set must be asked for, no source delivers a file, or the folder cannot be written.

    Example:
        >>> folder = fetch("mnist_5k")
        >>> [file.name for file in folder.glob("*.gz")]
        ['mnist_5k.csv.gz']
    """
    entry = manifest(name)
    folder = _folder(name, root)
    if not entry.files:
        raise FetchError(f"{name} ({entry.kind}) has no files to fetch. {entry.obtain}")
    if _stamped(entry, folder):
        return folder
    try:
        with _locked(folder):
            if not _stamped(entry, folder):  # it may be there now: another process had the lock
                _complete(entry, folder)
    except OSError as error:
        if all(_intact(file, folder / file.name) for file in entry.files):
            return folder  # a read-only copy without our stamp
        raise FetchError(
            f"{folder} cannot be written: {error}; free space or set FGR_DATA to another folder"
        ) from error
    return folder


def verify(name: str, root: Path | str | None = None) -> list[Problem]:
    """Hash every file of a set and return what is missing, changed or surplus; an empty list means all is well.

    Args:
        name, root: as in `fetch`.

    Raises:
        ValueError: on an unknown name.

    Example:
        >>> from fgr.data.fetch import fetch, verify
        >>> _ = fetch("mnist_5k")
        >>> [problem for problem in verify("mnist_5k") if problem.kind != "surplus"]
        []
    """
    entry = manifest(name)
    folder = _folder(name, root)
    problems = []
    for file in entry.files:
        path = folder / file.name
        if not path.is_file():
            problems.append(Problem("missing", file.name, f"expected {file.bytes} bytes in {folder}"))
        elif path.stat().st_size != file.bytes:
            problems.append(Problem("changed", file.name, f"{path.stat().st_size} bytes instead of {file.bytes}"))
        elif (found := _sha256(path)) != file.sha256:
            problems.append(Problem("changed", file.name, f"sha256 {found} instead of {file.sha256}"))
    if problems:
        (folder / STAMP).unlink(missing_ok=True)  # so that the next fetch repairs it
    known = {file.name for file in entry.files} | {STAMP, LOCK}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.is_file() and relative not in known:
            problems.append(Problem("surplus", relative, "not in the manifest"))
    return problems


def _folder(name: str, root: Path | str | None) -> Path:
    return (data_root() if root is None else Path(root).expanduser().resolve()) / name


def _complete(entry: Manifest, folder: Path) -> None:
    for leftover in folder.glob(f"{SCRATCH}*"):  # of a process that was killed: we hold the lock, so nobody uses it
        shutil.rmtree(leftover)
    for leftover in folder.rglob(".*.part"):
        leftover.unlink()
    with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH) as scratch:
        sources = Sources(Path(scratch))
        for file in entry.files:
            if not _intact(file, folder / file.name):
                _get(entry, file, folder, sources)
    stamp = {file.name: _identity(file, folder / file.name) for file in entry.files}
    with atomic_path(folder / STAMP) as temporary:
        temporary.write_text(json.dumps(stamp, indent=1))


def _get(entry: Manifest, file: File, folder: Path, sources: Sources) -> None:
    reasons = []
    for source in file.sources:
        try:
            with atomic_path(folder / file.name) as temporary:
                _receive(file, source, sources, temporary)
            return
        except SourceError as error:
            reasons.append(f"  {source}: {error}")
    raise FetchError(
        f"no source delivered {file.name} of {entry.name}:\n" + "\n".join(reasons or ["  none is known"]) + "\n"
        f"How to obtain it: {entry.obtain} Files placed in {folder} are used if their hashes fit."
    )


def _receive(file: File, source: Source, sources: Sources, target: Path) -> None:
    """Write what a source gives to `target`, and check size and hash; stop once it is longer than it should be."""
    digest, size = hashlib.sha256(), 0
    with sources.open(source) as stream, target.open("wb") as output:
        while block := stream.read(BLOCK):
            digest.update(block)
            size += len(block)
            if size > file.bytes:
                raise SourceError(f"it sends more than the {file.bytes} bytes expected")
            output.write(block)
    if size != file.bytes:
        raise SourceError(f"it sends {size} bytes instead of {file.bytes}")
    if digest.hexdigest() != file.sha256:
        raise SourceError(f"its content has the sha256 {digest.hexdigest()} instead of {file.sha256}")


def _intact(file: File, path: Path) -> bool:
    return path.is_file() and path.stat().st_size == file.bytes and _sha256(path) == file.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _identity(file: File, path: Path) -> list:
    """What must be unchanged for a file to count as verified still: hash asked for, size, time of last change."""
    return [file.sha256, path.stat().st_size, path.stat().st_mtime_ns]


def _stamped(entry: Manifest, folder: Path) -> bool:
    try:
        stamp = json.loads((folder / STAMP).read_text())
        return all(
            stamp[file.name] == _identity(file, folder / file.name) and file.bytes == stamp[file.name][1]
            for file in entry.files
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system releases it even if this process is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
