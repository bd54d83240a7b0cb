"""What happens to a fetch from outside: disks that are full or read-only, other processes, sudden ends."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fgr.data import fetch as module
from fgr.data.fetch import FetchError, fetch, verify

A, B = b"first file " * 1000, b"second file " * 500


# ---------------------------------------------------------------- disks


def test_full_disk_leaves_nothing_and_names_the_remedy(server, declare, root, monkeypatch, url, stored):
    """/dev/full refuses every byte as a full disk does."""
    server.pages = {"/a.gz": gzip.compress(A)}
    declare({"a": (A, [url("/a.gz", unpack="gzip")])})
    take = module.Sources.take
    monkeypatch.setattr(module.Sources, "take", lambda self, source, *_: take(self, source, Path("/dev/full")))
    with pytest.raises(FetchError, match=r"No space left on device.*; free space or set FGR_DATA to another folder"):
        fetch("toy", root)
    assert stored() == []


def test_a_disk_that_fills_is_left_as_it_was(declare, manifests, root, server, url, pack):
    """During a download and during an unpacking; a real file system of 500 kB, where one can be mounted."""
    big, bomb = os.urandom(800_000), pack.tar({"small": A, "big": bytes(800_000)})
    server.pages = {"/a": big, "/b": bomb}
    declare({"b": (bomb, [url("/b")], {"bytes": None, "unpack": True})}, name="bomb")
    (manifests / "toy.json").rename(manifests / "bomb.json")
    declare({"a": (big, [url("/a")], {"bytes": None})})
    root.mkdir()
    script = f"mount -t tmpfs -o size=500k none {root} && {sys.executable} -c '{DISK}' {manifests} {root} toy bomb"
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True)
    if "unshare:" in done.stderr or "mount:" in done.stderr:
        pytest.skip("no file system can be mounted here")
    assert done.stdout.count("No space left on device; free space or set FGR_DATA to another folder") == 2, done
    assert done.stdout.count("left: [.lock]") == 2


DISK = """
import sys
from pathlib import Path
import fgr.data.manifests
fgr.data.manifests.manifests_dir = lambda: Path(sys.argv[1])
from fgr.data.fetch import FetchError, fetch
for name in sys.argv[3:]:
    try:
        fetch(name, sys.argv[2])
    except FetchError as error:
        print(error)
    print("left:", "[" + " ".join(file.name for file in (Path(sys.argv[2]) / name).iterdir()) + "]")
"""


def test_a_set_that_cannot_fit_is_refused_before_the_download(server, declare, root, monkeypatch, url):
    """Rather than after an hour."""
    server.pages = {"/a": A}
    declare({"a": (A, [url("/a")])})
    usage = shutil.disk_usage(root.parent)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: usage._replace(free=10_999))
    with pytest.raises(FetchError, match=r"toy needs 0\.00 GB but .* free space or set FGR_DATA"):
        fetch("toy", root)
    assert not server.asked
    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: usage._replace(free=11_000))
    fetch("toy", root)


def test_read_only_copy_is_accepted_if_it_is_intact(declare, root, monkeypatch, url):
    """As on a shared disk: without a stamp its files are hashed each time."""
    declare({"a": (A, [url("/a")])})
    folder = root / "toy"
    folder.mkdir(parents=True)

    def read_only(file):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "locked", read_only)
    with pytest.raises(FetchError, match="Permission denied"):
        fetch("toy", root)
    (folder / "a").write_bytes(A)
    assert fetch("toy", root) == folder


# ---------------------------------------------------------------- several processes

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


def test_two_processes_fetch_one_set_once(server, declare, manifests, root, url, pack):
    """One waits for the other and finds the set."""
    whole = pack.tar({"birds/c.jpg": A})
    server.pages, server.faults = {"/all": pack.tar({"a": A, "b": B}), "/c": whole}, {"/all": 0.5}
    files = {name: (content, [url("/all", member=name)]) for name, content in {"a": A, "b": B}.items()}
    declare({**files, "c.tgz": (whole, [url("/c")], {"unpack": True})})
    processes = [start(manifests, root) for _ in range(2)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=30)[0] for process in processes]
    assert outputs == [f"{root / 'toy'}\n"] * 2
    assert server.asked == {"/all": 1, "/c": 1}
    assert verify("toy", root) == []


def test_a_killed_fetch_leaves_no_file_and_the_next_one_cleans_up(server, declare, manifests, root, url, stored):
    """What it had received is continued."""
    big = os.urandom(400_000)
    server.pages, server.faults = {"/a": big}, {"/a": "stall"}
    declare({"a": (big, [url("/a")])})
    process = start(manifests, root)
    process.stdout.readline()
    process.stdin.write("go\n")
    process.stdin.flush()
    while not any(file.stat().st_size for file in root.glob("toy/.partial/*")):
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=30)
    assert not (root / "toy" / "a").exists()
    server.faults, server.ranges = {}, []
    fetch("toy", root)
    assert server.ranges[0].startswith("bytes=")
    assert stored() == ["toy/.verified.json", "toy/a"]
    assert json.loads((root / "toy" / ".verified.json").read_text())["a"][1] == len(big)
    assert verify("toy", root) == []
