"""Sources one by one: a server that cuts, lies and hangs, and the registries' clients."""

import gzip
import os
import sys
from pathlib import Path

import pytest

from fgr.data import download as download_module
from fgr.data import registries
from fgr.data.download import download
from fgr.data.errors import Cut, SourceError, Unreachable
from fgr.data.manifests import Source
from fgr.data.sources import Sources

A = bytes(range(256)) * 50  # 12,800 bytes, no two neighbours equal; half of it is whole blocks of 100


def get(server, path: str, target: Path, **more: object) -> bytes:
    download(server.address + path, target, **more)
    return target.read_bytes()


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """Sources that work in a folder of their own."""
    (tmp_path / "scratch").mkdir()
    return Sources(tmp_path / "scratch", tmp_path / "partial")


# ---------------------------------------------------------------- download


def test_a_file_arrives(server, tmp_path):
    """The plain case: one request, no range."""
    server.pages = {"/a": A}
    assert get(server, "/a", tmp_path / "a") == A
    assert server.ranges == [None]


def test_a_cut_download_is_continued_where_it_was_cut(server, tmp_path):
    """The rest alone is asked for."""
    server.pages, server.faults = {"/a": A}, {"/a": "truncate once"}
    assert get(server, "/a", tmp_path / "a") == A
    assert server.ranges == [None, f"bytes={len(A) // 2}-"]


def test_progress_wins_however_often_it_is_cut(server, tmp_path):
    """A server that always sends half of the rest is asked more often than TRIES, and what arrived is kept."""
    server.pages, server.faults = {"/a": A}, {"/a": "truncate"}
    with pytest.raises(Cut, match=r"cut before the end; the next fetch continues after the 12,700 bytes that arrived"):
        get(server, "/a", tmp_path / "a")  # half of the last block is no block
    assert (tmp_path / "a").read_bytes() == A[:-100]
    assert server.asked["/a"] > 2 * download_module.TRIES
    server.faults = {}
    assert get(server, "/a", tmp_path / "a") == A


def test_without_range_support_it_begins_anew_and_gives_up(server, tmp_path):
    """Nothing is appended to a body that starts again, and a server that always cuts there is left."""
    server.pages, server.faults = {"/a": A}, {"/a": "truncate whole"}
    with pytest.raises(Cut):
        get(server, "/a", tmp_path / "a")
    assert server.asked["/a"] == 1 + download_module.TRIES  # the first one brought something new
    assert (tmp_path / "a").read_bytes() == A[: len(A) // 2]
    server.faults = {"/a": "no range"}
    assert get(server, "/a", tmp_path / "a") == A


def test_a_range_at_another_place_is_refused(server, tmp_path):
    """Bytes that would land in the wrong place are not taken."""
    server.pages, server.faults = {"/a": A}, {"/a": "shifted"}
    with pytest.raises(SourceError, match="another place than asked"):
        get(server, "/a", tmp_path / "a")


def test_a_file_that_is_complete_already_stays(server, tmp_path):
    """The server has nothing after its end (416): the caller judges what is there."""
    server.pages = {"/a": A}
    (tmp_path / "a").write_bytes(A)
    assert get(server, "/a", tmp_path / "a") == A
    assert server.ranges == [f"bytes={len(A)}-"]


def test_a_length_that_promises_too_much_does_no_harm(server, tmp_path):
    """The body is whole although the connection ends before the promised length."""
    server.pages, server.faults = {"/a": A}, {"/a": "long"}
    assert get(server, "/a", tmp_path / "a") == A


def test_a_length_that_promises_too_little_gives_a_shorter_file(server, tmp_path):
    """HTTP cannot show it: the hash will."""
    server.pages, server.faults = {"/a": A}, {"/a": "short"}
    assert get(server, "/a", tmp_path / "a") == A[:-10]


def test_a_slow_server_is_waited_for(server, tmp_path):
    """Pauses between packets are no cut."""
    server.pages, server.faults = {"/a": A}, {"/a": "drip"}
    assert get(server, "/a", tmp_path / "a") == A
    assert server.asked["/a"] == 1


def test_a_server_that_stops_sending_is_left(server, tmp_path, monkeypatch):
    """Silence longer than the time-out counts as a cut."""
    monkeypatch.setattr(download_module, "TIMEOUT", (1, 0.1))
    monkeypatch.setattr(download_module, "TRIES", 1)
    server.pages, server.faults = {"/a": A, "/b": A}, {"/a": "stall", "/b": 2.0}
    for path in ("/a", "/b"):  # in the middle of the body, and before the header
        with pytest.raises(Cut, match="cut before the end"):
            get(server, path, tmp_path / path[1:])


def test_an_endless_body_is_stopped_at_the_limit(server, tmp_path):
    """A file that is longer than it can be does not fill the disk."""
    server.pages, server.faults = {"/a": A}, {"/a": "endless"}
    with pytest.raises(SourceError, match="sends more than the 12800 bytes expected"):
        get(server, "/a", tmp_path / "a", limit=len(A))
    assert (tmp_path / "a").stat().st_size <= len(A)


def test_refusals_are_quoted(server, tmp_path):
    """A missing file is final at once, an overloaded server is asked again."""
    with pytest.raises(SourceError, match="the server answers 404 Not Found"):
        get(server, "/a", tmp_path / "a")
    assert server.asked["/a"] == 1
    server.faults = {"/b": "busy"}
    with pytest.raises(Cut, match="the server answers 503"):
        get(server, "/b", tmp_path / "b")
    assert server.asked["/b"] == download_module.TRIES


def test_nobody_listens(server, tmp_path):
    """The message names the host."""
    server.close()
    with pytest.raises(Unreachable, match=r"there is no connection to 127\.0\.0\.1"):
        get(server, "/a", tmp_path / "a")
    with pytest.raises(SourceError, match="Invalid URL"):
        download("http://", tmp_path / "a")


# ---------------------------------------------------------------- Sources


def test_content_continued_from_an_earlier_run_can_be_forgotten_once(server, sources, tmp_path):
    """If the file changed on the server in between, it is asked for anew, from its beginning."""
    source = Source("url", url=server.address + "/a")
    server.pages, server.faults = {"/a": A}, {"/a": "truncate whole"}
    with pytest.raises(Cut):
        sources.take(source, tmp_path / "a")
    sources.sweep()
    new = bytes(reversed(A))
    server.pages, server.faults = {"/a": new}, {}
    again = Sources(sources.scratch, sources.partial)
    again.take(source, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == A[: len(A) // 2] + new[len(A) // 2 :]
    assert again.forget(source)
    again.take(source, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == new
    assert not again.forget(source)


def test_sweep_keeps_what_was_cut_and_nothing_else(server, sources, tmp_path):
    """Finished downloads, and those that failed for good, leave nothing."""
    server.pages, server.faults = {"/a": gzip.compress(A), "/b": A}, {"/b": "truncate"}
    sources.take(Source("url", url=server.address + "/a", unpack="gzip"), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == A
    for path, error in (("/b", Cut), ("/c", SourceError)):
        with pytest.raises(error):
            sources.take(Source("url", url=server.address + path), tmp_path / "x")
    sources.sweep()
    assert [file.stat().st_size for file in sources.partial.iterdir()] == [len(A) - 100]
    empty = Sources(sources.scratch, tmp_path / "other")
    with pytest.raises(SourceError):
        empty.take(Source("url", url=server.address + "/c"), tmp_path / "x")
    empty.sweep()
    assert not (tmp_path / "other").exists()


def test_an_unreachable_host_is_asked_once(server, sources, tmp_path, monkeypatch):
    """Further files of that host fail at once."""
    server.close()
    calls = []
    monkeypatch.setattr("fgr.data.sources.download", lambda url, *_: calls.append(url) or download(url, *_))
    for path in ("/a", "/b"):
        with pytest.raises(Unreachable):
            sources.take(Source("url", url=server.address + path), tmp_path / "x")
    assert len(calls) == 1


# ---------------------------------------------------------------- registries


def test_a_client_that_is_missing_is_named(tmp_path, monkeypatch):
    """Each with where it comes from."""
    monkeypatch.setattr(registries.shutil, "which", lambda name: None)
    monkeypatch.setattr(registries.importlib.util, "find_spec", lambda name: None)
    for client, words in (
        ("npm", "npm is not installed .it comes with Node.js"),
        ("pypi", "pip is not installed for"),
        ("debian", "apt-get is not installed .it belongs to Debian"),
    ):
        with pytest.raises(SourceError, match=words):
            registries.CLIENTS[client]("toys", tmp_path)


@pytest.mark.parametrize("said", ["ERROR: No such toy", "npm error No such toy", "E: No such toy"])
def test_a_client_that_fails_is_quoted(tmp_path, said):
    """Its own words; what it says besides is left out."""
    code = f"import sys; print('W: noise\\n{said}', file=sys.stderr); sys.exit(1)"
    with pytest.raises(SourceError, match=f"^{said}$"):
        registries._run([sys.executable, "-c", code], tmp_path)
    with pytest.raises(SourceError, match="ended with code 3"):
        registries._run([sys.executable, "-c", "import sys; sys.exit(3)"], tmp_path)


def program(folder: Path, name: str, script: str) -> None:
    """Write a shell program."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_apt_without_the_package_gets_lists_of_its_own(tmp_path, monkeypatch):
    """A machine that never updated: the first download fails, a private update follows, the second succeeds."""
    tools, folder = tmp_path / "tools", tmp_path / "scratch"
    tools.mkdir()
    folder.mkdir()
    log = tmp_path / "log"
    program(
        tools,
        "apt-get",
        f'echo "$@" >> {log}\n'
        'case "$*" in\n'
        f"  *update*) touch {folder}/updated ;;\n"
        f"  *download*) test -e {folder}/updated && echo deb > toys.deb || "
        '{ echo "E: Unable to locate package toys" >&2; exit 100; } ;;\n'
        "esac",
    )
    program(tools, "dpkg-deb", 'test "$1" = --fsys-tarfile && cat "$2"')
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    assert registries.debian("toys=1.0", folder).read_text() == "deb\n"
    first, update, second = log.read_text().splitlines()
    assert first == "-qq download toys=1.0"
    assert f"Dir::State::lists={folder}/apt/lists" in update and update.endswith(" update")
    assert f"Dir::State::lists={folder}/apt/lists" in second and second.endswith(" download toys=1.0")


def test_a_client_that_leaves_nothing_is_reported(tmp_path, monkeypatch):
    """Success without an archive is none."""
    program(tmp_path, "npm", "exit 0")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SourceError, match="left 0 archives instead of one"):
        registries.npm("toys@1.0", tmp_path)
