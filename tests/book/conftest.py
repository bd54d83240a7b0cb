"""The HTML book, built once from a smoke run, as strictly as `make book` does it."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from fgr.paths import project_root


@dataclass(frozen=True)
class Book:
    """A built book: its folder, how the build ended, and every page that readers can reach, by path."""

    html: Path
    done: subprocess.CompletedProcess
    pages: dict[str, BeautifulSoup] = field(repr=False)

    def text(self, page: str) -> str:
        """Return the words of a page's article, white space made single."""
        return " ".join(self.pages[page].article.get_text(" ").split())


@pytest.fixture(scope="module")
def book() -> Iterator[Book]:
    """Build the book in _build/test, so that the reader's own in _build/html stays.

    A finished smoke run in runs/ is reused if it is of this code. The lock keeps other processes of the tests away from
    both folders.
    """
    root = project_root()
    output = root / "_build" / "test"
    output.mkdir(parents=True, exist_ok=True)
    with (output / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "tools/build_book.py", "--profile", "smoke", "--output", str(output)]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        assert "The book is ready" in done.stdout, done.stdout + done.stderr  # that it also ended well is a test
        html = output / "_build" / "html"
        found = {str(path.relative_to(html)): path for path in sorted(html.rglob("*.html"))}
        pages = {
            name: BeautifulSoup(path.read_text(), "html.parser")
            for name, path in found.items()
            if not name.startswith("_static/")  # snippets of the theme, not pages
        }
        yield Book(html, done, pages)
