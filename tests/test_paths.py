"""Folders from the environment, and files that are whole or absent."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fgr import paths


def test_project_root_is_fgr_home_if_it_holds_the_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FGR_HOME", str(tmp_path))
    with pytest.raises(paths.ProjectNotFound, match=f"not beside FGR_HOME={tmp_path}; clone the repository"):
        paths.project_root()
    (tmp_path / "notebooks" / "params").mkdir(parents=True)
    assert paths.project_root() == tmp_path.resolve()


def test_project_root_of_a_bare_package_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FGR_HOME", raising=False)
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "fgr")
    with pytest.raises(paths.ProjectNotFound, match="not beside the installed package"):
        paths.project_root()


def test_manifests_come_from_the_wheel_the_checkout_or_fgr_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "fgr")
    monkeypatch.setenv("FGR_HOME", str(tmp_path / "clone"))
    assert paths.manifests_dir() == tmp_path / "data_manifests"  # where they should be
    for folder in ("clone/data_manifests", "data_manifests", "fgr/_manifests"):  # each wins over the former
        (tmp_path / folder).mkdir(parents=True)
        assert paths.manifests_dir() == tmp_path / folder


def test_data_root_is_fgr_data_or_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FGR_DATA", str(tmp_path / "not yet"))
    assert paths.data_root() == tmp_path / "not yet"
    monkeypatch.delenv("FGR_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.data_root() == tmp_path / ".cache" / "fgr"


def test_atomic_path_replaces_the_file_with_ordinary_permissions(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.txt"
    for text in ("first", "second"):
        with paths.atomic_path(target) as file:
            file.write_text(text)
            assert not target.exists() or target.read_text() == "first"
        assert target.read_text() == text
    assert [path.name for path in target.parent.iterdir()] == ["file.txt"]
    (tmp_path / "plain").touch()
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_atomic_path_leaves_the_old_file_if_the_block_fails(tmp_path: Path) -> None:
    target = tmp_path / "file.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), paths.atomic_path(target) as file:
        file.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_a_lock_keeps_others_out_until_it_is_released(tmp_path: Path) -> None:
    """A second process adds its word only after the first has left the block."""
    word = tmp_path / "words.txt"
    program = (
        "import sys; from pathlib import Path; from fgr.paths import locked\n"
        "print('asks', flush=True)\n"
        "with locked(Path(sys.argv[1]) / 'lock'):\n"
        "    Path(sys.argv[1], 'words.txt').open('a').write('second ')\n"
    )
    with paths.locked(tmp_path / "lock"):
        other = subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True)
        assert other.stdout.readline() == "asks\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.3)
        word.open("a").write("first ")
    assert other.wait(30) == 0
    assert word.read_text() == "first second "
