"""Archives, friendly and hostile: members by name, and whole archives that cannot leave their folder."""

import hashlib
import os
import stat
import tarfile
import zlib
from pathlib import Path

import pytest

from fgr.data.archives import open_member, unpack
from fgr.data.errors import SourceError

A, B = b"first " * 1000, b"second " * 500


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder inside one that must stay as it is."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def written(tmp_path: Path, content: bytes) -> Path:
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    return archive


@pytest.mark.parametrize(
    "make",
    [lambda p, m: p.zip(m), *(lambda p, m, mode=mode: p.tar(m, mode) for mode in ("w", "w:gz", "w:bz2", "w:xz"))],
    ids=["zip", "tar", "gz", "bz2", "xz"],
)
def test_all_members_arrive_with_their_hashes(tmp_path, place, pack, make):
    """Whatever the compression."""
    content = make(pack, {"in/a": A, "b": B})
    assert unpack(written(tmp_path, content), place) == {
        name: hashlib.sha256(data).hexdigest() for name, data in {"in/a": A, "b": B}.items()
    }
    assert (place / "in" / "a").read_bytes() == A
    assert (place / "b").read_bytes() == B


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/tmp/evil_of_fgr", "a\\..\\evil", "C:evil"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_members_outside_the_folder_are_refused(tmp_path, place, pack, name, kind):
    """By name, before anything of that name is written."""
    with pytest.raises(SourceError, match="points outside the folder"):
        unpack(written(tmp_path, getattr(pack, kind)({name: A})), place)
    assert not list(tmp_path.rglob("*evil*"))
    assert not Path("/tmp/evil_of_fgr").exists()


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
    ],
)
def test_links_and_devices_in_tars_are_refused(tmp_path, place, pack, kind, word):
    """A link to a folder outside would let the next member through."""
    archive = written(tmp_path, pack.tar({"door/evil": A}, special={"door": (kind, "..")}))
    with pytest.raises(SourceError, match=f"'door' is a {word}"):
        unpack(archive, place)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(("mode", "word"), [(stat.S_IFLNK | 0o777, "link"), (stat.S_IFCHR | 0o666, "device")])
def test_links_and_devices_in_zips_are_refused(tmp_path, place, pack, mode, word):
    """Zip keeps them in the Unix mode."""
    with pytest.raises(SourceError, match=f"'door' is a {word}"):
        unpack(written(tmp_path, pack.zip({"door": b".."}, {"door": mode})), place)


@pytest.mark.parametrize("members", [{"a": A, "a/b": B}, {"a/b": B, "a": A}])
def test_a_name_of_a_file_and_a_folder_is_refused(tmp_path, place, pack, members):
    """One clear error instead of the system's."""
    with pytest.raises(SourceError, match="a file and a folder at once"):
        unpack(written(tmp_path, pack.tar(members)), place)


def test_modes_of_the_archive_are_not_taken_over(tmp_path, place, pack):
    """Neither programs nor files that run as somebody else come out."""
    unpack(written(tmp_path, pack.zip({"a": A}, {"a": stat.S_IFREG | 0o4777})), place)
    assert not (place / "a").stat().st_mode & (stat.S_ISUID | stat.S_IXUSR)


def test_damage_is_an_error(tmp_path, place, pack):
    """Of the libraries; the caller words it."""
    for content in (b"<html>please log in</html>", pack.tar({"a": os.urandom(50_000)})[:20_000]):
        with pytest.raises((tarfile.TarError, EOFError, zlib.error)):
            unpack(written(tmp_path, content), place)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_one_member_by_name(tmp_path, pack, kind):
    """Only what is asked for is read."""
    archive = written(tmp_path, getattr(pack, kind)({"../../evil": b"x", "in/a": A}))
    with open_member(archive, "in/a") as stream:
        assert stream.read() == A
    with pytest.raises(SourceError, match="holds no in/b"), open_member(archive, "in/b"):
        pass


def test_a_link_is_no_member(tmp_path, pack):
    """It could name any file of this machine."""
    archive = written(tmp_path, pack.tar({}, special={"in/a": (tarfile.SYMTYPE, "/etc/passwd")}))
    with pytest.raises(SourceError, match="is a link or folder"), open_member(archive, "in/a"):
        pass
