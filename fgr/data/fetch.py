"""Get the files of a data set, check them by the hash of their content, and put them in place whole or not at all."""

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from fgr.data.archives import unpack
from fgr.data.errors import Cut, FetchError, SourceError, Unreachable
from fgr.data.inventory import (
    LOCK,
    PARTIAL,
    SCRATCH,
    WITHDRAWN,
    Problem,
    Stamp,
    digits_of,
    is_current,
    known_names,
    own,
    problems_of,
    read_stamp,
    stamp_of,
    write_stamp,
)
from fgr.data.manifests import File, Manifest, Source, manifest
from fgr.data.sources import DAMAGED, Sources
from fgr.paths import atomic_path, data_root, locked

__all__ = ["FetchError", "fetch", "folder_of", "state", "verify"]


def fetch(name: str, root: Path | str | None = None) -> Path:
    """Return the folder with all files of a set, verified; what is missing or damaged is fetched first.

    Sources are tried in the order of the manifest. A set that was verified before is recognised by sizes and times
    without being hashed again; `verify` always hashes. Two processes may fetch the same set: one waits for the other.
    Of a generated set the folder is returned, and made, in which its drawings are kept; a set without known hashes
    is taken as it lies there.

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
    folder = folder_of(name, root)
    if entry.kind != "generated" and not entry.files:
        if _holds_something(folder):
            return folder
        raise FetchError(
            f"{name} ({entry.kind}) cannot be fetched by a program, and {folder} does not hold it. {entry.obtain} "
            f"Unpack it into {folder}, or name its place: load({name!r}, folder=...)"
        )
    if entry.files and is_current(entry, folder):
        return folder
    try:
        if entry.kind == "generated":
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        with locked(folder / LOCK):
            if not is_current(entry, folder):  # it may be there now: another process had the lock
                _complete(entry, folder)
    except OSError as error:
        stamp = read_stamp(folder)
        if not any(problems_of(file, folder, stamp) for file in entry.files) and entry.files:
            return folder  # a read-only copy without our stamp
        raise FetchError(
            f"{folder} cannot be written: {error}; free space or set FGR_DATA to another folder"
        ) from error
    return folder


def verify(name: str, root: Path | str | None = None) -> list[Problem]:
    """Hash every file of a set and return what is missing, changed or surplus; an empty list means all is well.

    Of a set without known hashes only its absence can be found.

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
    folder = folder_of(name, root)
    if not entry.files:
        if entry.kind == "generated" or _holds_something(folder):
            return []
        return [Problem("missing", name, f"nothing is in {folder}")]
    stamp = read_stamp(folder)
    problems = []
    for file in entry.files:
        problems += problems_of(file, folder, stamp)
    if problems and stamp:
        with suppress(OSError):  # a folder that cannot be written cannot be repaired either
            write_stamp(folder, stamp | {WITHDRAWN: True})  # so that the next fetch repairs it
    known = known_names(entry, stamp)
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.is_file() and relative not in known and not own(relative):
            problems.append(Problem("surplus", relative, "not in the manifest"))
    return problems


def state(name: str, root: Path | str | None = None) -> str:
    """Return in a word or two what this machine has of a set, without hashing.

    "verified", "unverified" (some files lie there), "unchecked" (there, but no hash is known), "drawn" (a generated
    set that is kept) or "-".

    Args:
        name, root: as in `fetch`.

    Raises:
        ValueError: on an unknown name.
    """
    entry = manifest(name)
    folder = folder_of(name, root)
    if entry.files and is_current(entry, folder):
        return "verified"
    if not _holds_something(folder):
        return "-"
    return "unverified" if entry.files else "drawn" if entry.kind == "generated" else "unchecked"


def folder_of(name: str, root: Path | str | None = None) -> Path:
    """Return the folder of a set; it need not exist."""
    return (data_root() if root is None else Path(root).expanduser().resolve()) / name


def _holds_something(folder: Path) -> bool:
    return folder.is_dir() and any(not own(path.name) for path in folder.iterdir())


def _complete(entry: Manifest, folder: Path) -> None:
    for leftover in folder.glob(f"{SCRATCH}*"):  # of a process that was killed: we hold the lock, so nobody uses it
        shutil.rmtree(leftover)
    for leftover in folder.rglob(".*.part"):
        leftover.unlink()
    stamp = read_stamp(folder)
    wanted = [file for file in entry.files if problems_of(file, folder, stamp)]
    _check_space(entry, wanted, folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH) as scratch:
        sources = Sources(Path(scratch), folder / PARTIAL)
        try:
            for file in wanted:
                stamp.pop(file.name, None)
                members = _get(entry, file, folder, sources)
                stamp[file.name] = stamp_of(file, folder, members)
                write_stamp(folder, stamp)
        finally:
            sources.sweep()
    kept = {file.name for file in entry.files}
    stamp = {name: value for name, value in stamp.items() if name in kept}
    for file in entry.files:
        if file not in wanted:
            stamp[file.name] = stamp_of(file, folder, _members(file, stamp))
    write_stamp(folder, stamp)


def _members(file: File, stamp: Stamp) -> dict[str, str] | None:
    return {name: kept[0] for name, kept in stamp[file.name]["members"].items()} if file.unpack else None


def _check_space(entry: Manifest, wanted: list[File], folder: Path) -> None:
    """Refuse before the first download if the files alone would fill the disk."""
    needed, free = sum(file.bytes or 0 for file in wanted), shutil.disk_usage(folder).free
    if needed > free:
        raise FetchError(
            f"{entry.name} needs {needed / 1e9:.2f} GB but {folder} has {free / 1e9:.2f} GB left; "
            "free space or set FGR_DATA to another folder"
        )


def _get(entry: Manifest, file: File, folder: Path, sources: Sources) -> dict[str, str] | None:
    """Put a file in place, or the members of an archive, and return these with their hashes."""
    reasons = []
    if file.unpack and not _wrong(file, folder / file.name):  # the archive itself, placed by hand
        try:
            return _unpack(file, folder / file.name, folder, sources.scratch)
        except SourceError as error:
            reasons.append(f"  {folder / file.name}: {error}")
    for source in file.sources:
        try:
            if not file.unpack:
                with atomic_path(folder / file.name) as temporary:
                    _receive(file, source, sources, temporary)
                return None
            archive = sources.scratch / "archive"
            _receive(file, source, sources, archive)
            members = _unpack(file, archive, folder, sources.scratch)
            archive.unlink()  # the members and their hashes stay
            return members
        except SourceError as error:
            reasons.append(f"  {source}: {error}")
    hint = f" Files placed in {folder} are used if their hashes fit."
    if file.unpack and _holds_something(folder):
        hint += f" What lies there unpacked already is read with load({entry.name!r}, folder={str(folder)!r})."
    raise FetchError(
        f"no source delivered {file.name} of {entry.name}:\n" + "\n".join(reasons or ["  none is known"]) + "\n"
        f"How to obtain it: {entry.obtain}{hint}"
    )


def _receive(file: File, source: Source, sources: Sources, target: Path) -> None:
    """Write what a source gives to `target`, and check size and hash."""
    try:
        sources.take(source, target, file.bytes)
        if wrong := _wrong(file, target):
            raise SourceError(wrong)
    except (Cut, Unreachable):
        raise
    except SourceError:
        if not sources.forget(source):
            raise
        _receive(file, source, sources, target)


def _wrong(file: File, path: Path) -> str:
    """Say what is wrong with the content of a file; nothing if it is what the manifest says."""
    algorithm, digits = file.checksum
    if not path.is_file():
        return "it is missing"
    if file.bytes is not None and path.stat().st_size != file.bytes:
        return f"it sends {path.stat().st_size} bytes instead of {file.bytes}"
    found = digits_of(path, algorithm)
    return "" if found == digits else f"its content has the {algorithm} {found} instead of {digits}"


def _unpack(file: File, archive: Path, folder: Path, scratch: Path) -> dict[str, str]:
    """Unpack beside the folder's files and move the members in only when all of them are there."""
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        try:
            members = unpack(archive, Path(place))
        except DAMAGED as error:
            raise SourceError(f"{file.name} is damaged ({error})") from error
        if taken := [name for name in members if own(name)]:
            raise SourceError(f"its member {taken[0]!r} has the name of a file of our own")
        for name in members:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(place) / name).replace(folder / name)
    return members
