"""Sets that are whole archives, lie there unhashed, or are drawn: what is unpacked, taken as it is, or asked for."""

import os
import tarfile
from collections.abc import Callable

import pytest

from fgr.data.fetch import FetchError, fetch, state, verify

A, B = b"first file " * 1000, b"second file " * 500


# ---------------------------------------------------------------- archives that are unpacked whole


@pytest.fixture
def archived(server, pack, url) -> Callable[..., dict]:
    """Make the files of a manifest: one archive, which the server has."""

    def make(members: dict[str, bytes], kind: str = "tar") -> dict:
        content = getattr(pack, kind)(members)
        server.pages = {"/photos.tgz": content}
        return {"photos.tgz": (content, [url("/photos.tgz")], {"unpack": True})}

    return make


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_whole_archive_is_unpacked_and_its_members_verified(server, declare, root, kind, stored, kinds, archived):
    """The archive itself is not kept; members that change, vanish or come in are found, and fetch repairs them."""
    declare(archived({"birds/a.jpg": A, "birds/b.jpg": B, "list.txt": b"ab"}, kind))
    folder = fetch("toy", root)
    assert stored() == ["toy/.verified.json", "toy/birds/a.jpg", "toy/birds/b.jpg", "toy/list.txt"]
    assert verify("toy", root) == []
    fetch("toy", root)
    assert server.asked["/photos.tgz"] == 1
    (folder / "birds" / "a.jpg").write_bytes(b"X" + A[1:])
    (folder / "birds" / "b.jpg").unlink()
    (folder / "birds" / "mine.jpg").write_bytes(A)
    expected = [("changed", "birds/a.jpg"), ("missing", "birds/b.jpg"), ("surplus", "birds/mine.jpg")]
    assert kinds() == expected
    assert kinds() == expected, "the second look sees the same"
    fetch("toy", root)
    assert kinds() == expected[2:]
    assert (folder / "birds" / "a.jpg").read_bytes() == A
    assert server.asked["/photos.tgz"] == 2


def test_an_archive_placed_by_hand_is_checked_and_unpacked(server, declare, root, stored, archived):
    """It stays where its owner put it and is no surplus; a wrong one is not touched."""
    files = archived({"birds/a.jpg": A})
    declare(files)
    (root / "toy").mkdir(parents=True)
    (root / "toy" / "photos.tgz").write_bytes(files["photos.tgz"][0])
    fetch("toy", root)
    assert not server.asked
    assert stored() == ["toy/.verified.json", "toy/birds/a.jpg", "toy/photos.tgz"]
    assert verify("toy", root) == []


def test_unpacked_by_hand_cannot_be_verified_and_the_message_says_how_to_read_it(
    server, declare, root, stored, kinds, archived
):
    """No manifest lists the members."""
    declare(archived({"birds/a.jpg": A}))
    server.pages = {}
    (root / "toy" / "birds").mkdir(parents=True)
    (root / "toy" / "birds" / "a.jpg").write_bytes(A)
    assert kinds() == [("missing", "photos.tgz"), ("surplus", "birds/a.jpg")]
    assert state("toy", root) == "unverified"
    with pytest.raises(FetchError, match=r"read with load\('toy', folder="):
        fetch("toy", root)
    assert stored() == ["toy/birds/a.jpg"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda pack: pack.tar({"good": A, "../evil": A}), "points outside the folder"),
        (lambda pack: pack.tar({"good": A}, special={"door": (tarfile.SYMTYPE, "/etc")}), "'door' is a link"),
        (lambda pack: pack.tar({"good": A}, special={"tty": (tarfile.CHRTYPE, "")}), "'tty' is a device"),
        (lambda pack: pack.tar({"good": A, ".verified.json": b"{}"}), "the name of a file of our own"),
        (lambda pack: pack.tar({"good": os.urandom(20_000)})[:9_000], "damaged"),
        (lambda pack: b"no archive", "damaged"),
    ],
)
@pytest.mark.parametrize("by_hand", [False, True])
def test_hostile_and_damaged_archives_leave_nothing(server, declare, root, content, reason, by_hand, url, pack, stored):
    """Although their hash is right; not even the members that came before the bad one."""
    content = content(pack)
    server.pages = {"/photos.tgz": content}
    declare({"photos.tgz": (content, [url("/photos.tgz")] * (not by_hand), {"unpack": True})})
    if by_hand:
        (root / "toy").mkdir(parents=True)
        (root / "toy" / "photos.tgz").write_bytes(content)
    with pytest.raises(FetchError, match=reason):
        fetch("toy", root)
    assert stored() == ["toy/photos.tgz"] * by_hand
    assert not list(root.parent.rglob("evil"))


def test_two_archives_share_a_folder(server, declare, root, url, pack, stored):
    """Photographs in one, their labels in the other."""
    one, two = pack.tar({"set/a.jpg": A}), pack.zip({"set/a.txt": B})
    server.pages = {"/1": one, "/2": two}
    more = {"unpack": True}
    declare({"1.tgz": (one, [url("/1")], more), "2.zip": (two, [url("/2")], more)})
    fetch("toy", root)
    assert stored() == ["toy/.verified.json", "toy/set/a.jpg", "toy/set/a.txt"]
    (root / "toy" / "set" / "a.txt").unlink()
    fetch("toy", root)
    assert server.asked == {"/1": 1, "/2": 2}
    assert verify("toy", root) == []


# ---------------------------------------------------------------- sets without hashes


@pytest.mark.parametrize("kind", ["restricted", "real"])
def test_a_set_without_hashes_is_taken_as_it_lies_there_or_asked_for(declare, root, kind, kinds):
    """An absent one says how to obtain it, where to put it, and how to read it elsewhere; nothing is made."""
    declare({}, **{"fgr:kind": kind})
    with pytest.raises(FetchError, match=rf"toy \({kind}\) cannot be fetched.*Ask the toy maker\..*{root / 'toy'}"):
        fetch("toy", root)
    assert not root.exists()
    assert kinds() == [("missing", "toy")]
    (root / "toy").mkdir(parents=True)
    with pytest.raises(FetchError, match=r"load\('toy', folder="):
        fetch("toy", root)
    (root / "toy" / "a.jpg").write_bytes(A)
    assert fetch("toy", root) == root / "toy"
    assert verify("toy", root) == []
    assert state("toy", root) == "unchecked"


def test_a_generated_set_has_a_folder_for_its_drawings(declare, root):
    """Made when asked for, empty at first."""
    declare({}, **{"fgr:kind": "generated"})
    assert state("toy", root) == "-"
    assert fetch("toy", root) == root / "toy"
    assert (root / "toy").is_dir()
    assert state("toy", root) == "-"
    (root / "toy" / "drawn.pt").write_bytes(A)
    assert (state("toy", root), verify("toy", root)) == ("drawn", [])
