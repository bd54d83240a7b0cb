"""A local web server that can misbehave, and manifests that point to it."""

import hashlib
import http.server
import json
import threading
import time
from collections import Counter

import pytest


class Server:
    """Serves `pages` (path -> bytes); `faults` maps a path to "truncate", "stall" or a number of seconds to wait."""

    def __init__(self):
        self.pages, self.faults, self.asked = {}, {}, Counter()
        self.release = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner.asked[self.path] += 1
                content = owner.pages.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                fault = owner.faults.get(self.path)
                if isinstance(fault, int | float):
                    time.sleep(fault)
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                cut = len(content) // 2 if fault in ("truncate", "stall") else len(content)
                self.wfile.write(content[:cut])
                self.wfile.flush()
                if fault == "stall":
                    owner.release.wait(30)

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
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
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
    """Write a manifest of a set named toy: declare({file: (content, [sources])}, **changes)."""

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
                }
                for name, (content, sources) in files.items()
            ],
        }
        terms.update(changes)
        (manifests / "toy.json").write_text(json.dumps(terms))

    return write
