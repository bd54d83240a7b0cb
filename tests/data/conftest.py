"""A local web server that can misbehave, and manifests that point to it."""

import hashlib
import http.server
import io
import json
import re
import tarfile
import threading
import time
import zipfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from fgr.data.fetch import verify


class Server:
    """Serves `pages` (path -> bytes), also from the middle on; `asked` counts requests, `ranges` keeps what was asked.

    `faults` maps a path to what goes wrong there:
        "truncate": every body ends at half of what it should be; "truncate once": the first one alone does;
        "truncate whole": as "truncate", and Range is not understood; "no range": Range is not understood;
        "shifted": a range begins elsewhere than asked;
        "long": the header promises ten bytes that never come; "short": it promises ten bytes too few;
        "stall": half of the body, then nothing; "drip": small pieces with pauses; "busy": 503;
        "endless": the body has no length and no end before a megabyte;
        a number: so many seconds pass before the answer.
    """

    def __init__(self):
        self.pages, self.faults, self.asked, self.ranges = {}, {}, Counter(), []
        self.release = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner.asked[self.path] += 1
                owner.ranges.append(self.headers.get("Range"))
                content, fault = owner.pages.get(self.path), owner.faults.get(self.path)
                if content is None or fault == "busy":
                    self.send_error(503 if fault == "busy" else 404)
                    return
                if isinstance(fault, int | float):
                    time.sleep(fault)
                content = self.begin(content, fault)
                if content is not None:
                    self.body(content, fault)

            def begin(self, content, fault):
                """Send the header and return what follows it."""
                total = len(content)
                asked = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
                start = int(asked[1]) if asked and fault not in ("no range", "truncate whole") else 0
                if start >= total > 0 and start:
                    self.send_error(416)
                    return None
                start += fault == "shifted" and start > 0
                content = content[start:]
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
                length = len(content) + {"long": 10, "short": -10}.get(fault, 0)
                if fault != "endless":
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                return content

            def body(self, content, fault):
                once = fault == "truncate once" and owner.asked[self.path] == 1
                half = once or fault in ("truncate", "truncate whole", "stall", "shifted")
                pieces = [content[: len(content) // 2]] if half else [content]
                if fault == "drip":
                    pieces = [content[i : i + 2000] for i in range(0, len(content), 2000)]
                if fault == "endless":
                    pieces = [content] * (1_000_000 // len(content))
                try:
                    for piece in pieces:
                        self.wfile.write(piece)
                        self.wfile.flush()
                        if fault == "drip":
                            time.sleep(0.02)
                    if fault == "stall":
                        owner.release.wait(30)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client had enough

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch):
    """A running server; tries after a cut follow each other at once and lose less than a hundred bytes."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("fgr.data.download.PAUSE", 0)
    monkeypatch.setattr("fgr.data.download.BLOCK", 100)
    running = Server()
    yield running
    running.close()


@pytest.fixture
def manifests(tmp_path, monkeypatch):
    """An empty folder that stands for `data_manifests`."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    monkeypatch.setattr("fgr.data.manifests.manifests_dir", lambda: folder)
    return folder


@pytest.fixture
def declare(manifests):
    """Write a manifest of a set named toy: declare({file: (content, [sources])}, **changes).

    A file may have a dictionary as third part, which changes its entry.
    """

    def write(files, **changes):
        terms = {
            "name": "toy",
            "alternateName": "Toy",
            "description": "Two files.",
            "version": "1.0.0",
            "license": "CC0-1.0",
            "citeAs": "nobody",
            "url": "https://example.org",
            "fgr:kind": "real",
            "fgr:splits": {"protocol": "none"},
            "fgr:channels": {},
            "fgr:faults": [],
            "fgr:obtain": "Ask the toy maker.",
            "fgr:files": [
                {
                    "name": name,
                    "bytes": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "sources": sources,
                    **(more[0] if more else {}),
                }
                for name, (content, sources, *more) in files.items()
            ],
        }
        terms.update(changes)
        (manifests / "toy.json").write_text(json.dumps(terms))

    return write


def tar_of(members: dict[str, bytes], mode: str = "w:gz", special: dict[str, tuple[bytes, str]] | None = None) -> bytes:
    """Return a tar archive; `special` maps a name to its type and the name it links to."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, (kind, target) in (special or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            tar.addfile(entry)
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(members: dict[str, bytes], modes: dict[str, int] | None = None) -> bytes:
    """Return a zip archive; `modes` maps a name to its Unix mode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (modes or {}).get(name, 0) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


@pytest.fixture
def pack():
    """Makers of archives: pack.tar and pack.zip of {name: content}."""
    return SimpleNamespace(tar=tar_of, zip=zip_of)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The data folder, which does not exist yet."""
    return tmp_path / "data"


@pytest.fixture
def url(server):
    """Make a source of the local server: url("/a", member=...)."""
    return lambda path, **more: {"kind": "url", "url": server.address + path, **more}


@pytest.fixture
def stored(root: Path):
    """List all files under the data folder, without the lock, which stays."""
    return lambda: sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file() and p.name != ".lock")


@pytest.fixture
def kinds(root: Path):
    """Verify the set and return kind and file of every problem."""
    return lambda: [(problem.kind, problem.file) for problem in verify("toy", root)]
