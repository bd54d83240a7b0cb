"""What a folder holds compared with its manifest: what was verified before is known again, what is wrong is found."""

import os

import pytest

from fgr.data.fetch import fetch, state, verify

A, B = b"first file " * 1000, b"second file " * 500


@pytest.mark.parametrize(
    "stamp", ["", "[]", "{}", '{"a": null}', '{"a": []}', '{"a": [1, 2]}', '{"a": {"members": 1}}']
)
def test_a_damaged_stamp_is_made_anew(server, declare, root, stamp, url):
    """It only spares work."""
    server.pages = {"/a": A}
    declare({"a": (A, [url("/a")])})
    file = fetch("toy", root) / ".verified.json"
    whole = file.read_text()
    file.write_text(stamp)
    assert state("toy", root) == "unverified"
    fetch("toy", root)
    assert file.read_text() == whole
    assert server.asked["/a"] == 1


def test_complete_set_is_recognised_without_hashing_or_asking(server, declare, root, monkeypatch, url):
    """By size and time of last change."""
    server.pages = {"/a": A}
    declare({"a": (A, [url("/a")])})
    fetch("toy", root)
    monkeypatch.setattr("fgr.data.inventory.digits_of", lambda *_: pytest.fail("hashed again"))
    fetch("toy", root)
    assert server.asked["/a"] == 1


def test_a_changed_manifest_makes_the_old_stamp_void(server, declare, root, url):
    """The stamp remembers the hash that was asked for."""
    server.pages = {"/a": A}
    declare({"a": (A, [url("/a")])})
    fetch("toy", root)
    new = bytes(reversed(A))
    server.pages = {"/a": new}
    declare({"a": (new, [url("/a")])})
    assert (fetch("toy", root) / "a").read_bytes() == new


def test_verify_finds_missing_changed_and_surplus_files(server, declare, root, url, kinds):
    """Also a change that size and time do not show; fetch repairs the first two and leaves the third."""
    server.pages = {"/a": A, "/b": B, "/c": A}
    declare({name: (content, [url(f"/{name}")]) for name, content in {"a": A, "b": B, "c": A}.items()})
    folder = fetch("toy", root)
    times = (folder / "b").stat()
    (folder / "a").unlink()
    (folder / "b").write_bytes(b"X" + B[1:])
    os.utime(folder / "b", ns=(times.st_atime_ns, times.st_mtime_ns))
    (folder / "c").write_bytes(A[:-1])
    (folder / "notes.txt").write_text("mine")
    assert kinds() == [("missing", "a"), ("changed", "b"), ("changed", "c"), ("surplus", "notes.txt")]
    fetch("toy", root)
    assert [str(p) for p in verify("toy", root)] == ["surplus: notes.txt (not in the manifest)"]
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_change_that_only_hashing_shows_is_repaired_after_verify(server, declare, root, url, kinds):
    """Until then the set counts as verified: size and time are unchanged."""
    server.pages = {"/a": A}
    declare({"a": (A, [url("/a")])})
    file = fetch("toy", root) / "a"
    times = file.stat()
    file.write_bytes(b"X" + A[1:])
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    fetch("toy", root)
    assert server.asked["/a"] == 1
    assert kinds() == [("changed", "a")]
    assert state("toy", root) == "unverified"
    fetch("toy", root)
    assert (file.read_bytes(), server.asked["/a"]) == (A, 2)


def test_verify_of_an_absent_set_lists_everything(declare, root, kinds):
    """And makes no folder."""
    declare({"a": (A, []), "b": (B, [])})
    assert kinds() == [("missing", "a"), ("missing", "b")]
    assert not root.exists()
