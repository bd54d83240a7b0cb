"""What a set's folder holds, compared with its manifest, and the stamp that spares hashing what was verified before.

The stamp is a hidden file in the folder. For every file of the manifest it holds hash, size and time of last change;
for an archive that was unpacked, the same of every member, so that members can be verified although no manifest lists
them: they came out of an archive with the right hash.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fgr.data.archives import HASH
from fgr.data.manifests import File, Manifest
from fgr.paths import atomic_path

WITHDRAWN = "withdrawn"  # entry of a stamp in which `verify` found something wrong
STAMP, LOCK, SCRATCH, PARTIAL = ".verified.json", ".lock", ".fetching-", ".partial"
Stamp = dict[str, list | dict]


@dataclass(frozen=True)
class Problem:
    """A difference between a folder and the manifest: `kind` is "missing", "changed" or "surplus"."""

    kind: str
    file: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.file} ({self.detail})"


def read_stamp(folder: Path) -> Stamp:
    """Return the stamp of a folder, empty if there is none or it cannot be read."""
    try:
        stamp = json.loads((folder / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(folder: Path, stamp: Stamp) -> None:
    """Replace the stamp of a folder."""
    with atomic_path(folder / STAMP) as temporary:
        temporary.write_text(json.dumps(stamp, indent=1))


def identity(digits: str, path: Path) -> list:
    """Return what must be unchanged for a file to count as verified still: its hash, size, time of last change."""
    status = path.stat()
    return [digits, status.st_size, status.st_mtime_ns]


def stamp_of(file: File, folder: Path, members: Mapping[str, str] | None = None) -> list | dict:
    """Return the stamp's entry of a file that was just verified; `members` (path -> sha256) if it was unpacked."""
    if members is None:
        return identity(file.checksum[1], folder / file.name)
    return {"archive": file.checksum[1], "members": {name: identity(h, folder / name) for name, h in members.items()}}


def is_current(entry: Manifest, folder: Path) -> bool:
    """Say whether all files of a set were verified and have not been touched since; nothing is hashed."""
    stamp = read_stamp(folder)
    if WITHDRAWN in stamp:
        return False
    try:
        return all(
            identity(kept[0], folder / name) == kept
            for file in entry.files
            for name, kept in _stamped(file, stamp[file.name])
        )
    except (OSError, KeyError, TypeError, AttributeError, IndexError, ValueError):
        return False


def problems_of(file: File, folder: Path, stamp: Stamp) -> list[Problem]:
    """Hash a file, or the members of an archive that was unpacked, and return what is wrong with it."""
    if not file.unpack:
        return _compare(file.name, folder, file.bytes, *file.checksum)
    try:
        members = dict(_stamped(file, stamp[file.name]))
    except (KeyError, TypeError, AttributeError, ValueError):
        return [Problem("missing", file.name, f"was not unpacked into {folder} by `fgr data fetch`")]
    return [found for name, kept in members.items() for found in _compare(name, folder, kept[1], HASH, kept[0])]


def known_names(entry: Manifest, stamp: Stamp) -> set[str]:
    """Return the paths below the folder that belong there; others are surplus."""
    names = {file.name for file in entry.files}
    for kept in stamp.values():
        names |= set(kept.get("members", ())) if isinstance(kept, dict) else set()
    return names


def own(path: str) -> bool:
    """Say whether a path below the folder is one of the fetcher's own hidden files."""
    first = path.split("/")[0]
    return first in (STAMP, LOCK, PARTIAL) or first.startswith(SCRATCH) or (first[0] == "." and first.endswith(".part"))


def digits_of(path: Path, algorithm: str) -> str:
    """Return the hexadecimal hash of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def _stamped(file: File, kept: list | dict) -> list[tuple[str, list]]:
    """Return path and identity of what a file's entry vouches for; ValueError if the manifest has changed since."""
    if (kept["archive"] if file.unpack else kept[0]) != file.checksum[1]:
        raise ValueError(f"{file.name} was verified against another hash")
    return list(kept["members"].items()) if file.unpack else [(file.name, kept)]


def _compare(name: str, folder: Path, size: int | None, algorithm: str, digits: str) -> list[Problem]:
    path = folder / name
    if not path.is_file():
        expected = "" if size is None else f"{size} bytes "
        return [Problem("missing", name, f"expected {expected}in {folder}")]
    found = path.stat().st_size
    if size is not None and found != size:
        return [Problem("changed", name, f"{found} bytes instead of {size}")]
    if (hashed := digits_of(path, algorithm)) != digits:
        return [Problem("changed", name, f"{algorithm} {hashed} instead of {digits}")]
    return []
