"""Members of zip and tar archives: one by name, or all of them into a folder that they cannot leave."""

import hashlib
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from fgr.data.errors import SourceError

BLOCK = 1 << 20
HASH = "sha256"


@contextmanager
def open_member(archive: Path, member: str) -> Iterator[BinaryIO]:
    """Open one named file of a zip (wheel) or tar archive.

    Raises:
        SourceError: if the archive lacks it, or it is no file.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            if member not in opened.namelist():
                raise SourceError(f"the archive holds no {member}")
            with opened.open(member) as stream:
                yield stream
        return
    with tarfile.open(archive) as opened:
        try:
            entry = opened.getmember(member)
        except KeyError:
            raise SourceError(f"the archive holds no {member}") from None
        if not entry.isfile():
            raise SourceError(f"{member} of the archive is a link or folder, not a file")
        with opened.extractfile(entry) as stream:
            yield stream


def unpack(archive: Path, folder: Path) -> dict[str, str]:
    """Write all files of a zip or tar archive (plain, gzip, bzip2, xz) below a folder.

    Every name is judged before anything of that name is written; nothing but files and folders is accepted.

    Args:
        archive: the archive.
        folder: an existing folder.

    Returns:
        Path below the folder -> sha256, in the order of the archive.

    Raises:
        SourceError: if a member would lie outside the folder or is a link, a device or another special file.
        tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError: if the archive is damaged.
    """
    members = {}
    for name, kind, stream in _members(archive):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
            raise SourceError(f"its member {name!r} points outside the folder: the archive is not what it should be")
        if kind not in ("file", "folder"):
            raise SourceError(f"its member {name!r} is a {kind}, not a file: the archive is not what it should be")
        try:
            if kind == "folder":
                (folder / path).mkdir(parents=True, exist_ok=True)
            else:
                members[str(path)] = _write(stream, folder / path)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise SourceError(f"its member {name!r} is a file and a folder at once") from error
    return members


def _write(stream: BinaryIO, target: Path) -> str:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.new(HASH)
    with target.open("wb") as output:
        while block := stream.read(BLOCK):
            digest.update(block)
            output.write(block)
    return digest.hexdigest()


def _members(archive: Path) -> Iterator[tuple[str, str, BinaryIO | None]]:
    """Yield name, kind and content of every member in the order of the archive."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                kind = _kind_in_zip(entry)
                with opened.open(entry) as stream:
                    yield entry.filename, kind, stream
        return
    with tarfile.open(archive) as opened:
        for entry in opened:
            kind = "file" if entry.isfile() else "folder" if entry.isdir() else _special(entry)
            yield entry.name, kind, opened.extractfile(entry) if kind == "file" else None


def _special(entry: tarfile.TarInfo) -> str:
    return "link" if entry.issym() or entry.islnk() else "device"


def _kind_in_zip(entry: zipfile.ZipInfo) -> str:
    """Return the kind by the Unix mode, where the archive was made on Unix and has one."""
    if entry.is_dir():
        return "folder"
    mode = (entry.external_attr >> 16) & 0o170000
    return {0: "file", 0o100000: "file", 0o120000: "link"}.get(mode, "device")
