"""One file over HTTP through pooch: continued where it was cut, begun anew where the server cannot continue."""

import re
import sys
import time
import warnings
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import requests
from tqdm import TqdmWarning

from fgr.data.errors import Cut, SourceError, Unreachable

TIMEOUT = (5, 30)  # seconds to connect (so that being offline shows soon), and between two packets
TRIES = 4  # in a row that bring no more than the tries before them
PAUSE = 0.5  # seconds after the first of them, doubled after each next one
BLOCK = 1 << 16  # bytes; what a cut loses at most


def download(url: str, target: Path, limit: int | None = None) -> None:
    """Write what an address gives to `target`; what `target` holds already is kept and only the rest is asked for.

    The caller checks the content: a server may have changed the file since its first part was written.

    Args:
        url: http or https.
        target: the file; after a cut it keeps what came, so that the next call continues.
        limit: how many bytes it may have at most; None: any number.

    Raises:
        Unreachable: if nobody answers there.
        Cut: if the connection is cut again and again, or the server is overloaded.
        SourceError: if the server refuses or sends too much.
        OSError: if the disk is full.
    """
    answered, failed, most = [], 0, target.stat().st_size if target.exists() else 0
    with target.open("r+b" if target.exists() else "w+b") as file:
        while True:
            try:
                _once(url, file, limit, answered)
                return
            except requests.HTTPError as error:
                status = error.response.status_code
                if status == 416:  # nothing follows what is here: the caller judges the content
                    return
                reason = f"the server answers {status} {error.response.reason}"
                if status < 500 and status != 429:
                    raise SourceError(reason) from error
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                if not answered and not isinstance(error, requests.ReadTimeout):
                    raise Unreachable(f"there is no connection to {urlsplit(url).netloc}") from error
                reason = "the connection was cut before the end"
            except requests.RequestException as error:
                raise SourceError(str(error)) from error
            size = file.seek(0, 2)
            failed, most = (0 if size > most else failed + 1), max(size, most)
            if failed >= TRIES:
                raise Cut(
                    reason + (f"; the next fetch continues after the {size:,} bytes that arrived" if size else "")
                )
            time.sleep(PAUSE * 2 ** max(failed - 1, 0))


def _once(url: str, file: BinaryIO, limit: int | None, answered: list) -> None:
    with warnings.catch_warnings():  # in a notebook kernel without widgets pooch's import warns
        warnings.simplefilter("ignore", TqdmWarning)
        import pooch

    have = file.seek(0, 2)

    def place(response: requests.Response, *_: object, **__: object) -> None:
        """Put the file's end where the body that follows begins."""
        answered.append(response.status_code)
        begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if response.status_code == 206 and begins and int(begins[1]) <= have:
            file.seek(int(begins[1]))
            file.truncate()
        elif response.status_code == 206:
            raise SourceError("the server continues at another place than asked")
        elif response.ok and not response.is_redirect:
            file.seek(0)
            file.truncate()

    # "identity": a .gz that a server also declares as compressed would otherwise arrive unpacked
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    get = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), chunk_size=BLOCK, timeout=TIMEOUT, headers=headers, hooks={"response": place}
    )
    get(url, _Limited(file, limit), None)


class _Limited:
    """A file that refuses to grow beyond a limit."""

    def __init__(self, file: BinaryIO, limit: int | None) -> None:
        self.file, self.limit = file, limit

    def write(self, data: bytes) -> None:
        if self.limit is not None and self.file.tell() + len(data) > self.limit:
            raise SourceError(f"it sends more than the {self.limit} bytes expected")
        self.file.write(data)

    def flush(self) -> None:
        self.file.flush()
