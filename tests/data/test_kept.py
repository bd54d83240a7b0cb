"""Files of what can be computed again: made once, found again, and made anew where they are damaged."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from fgr.data.kept import kept
from fgr.data.synthetic.cache import rendered

VALUE = {"maps": torch.arange(6.0).view(2, 3), "shapes": [[1, 2]], "error": 0.5}


class Code:
    """Something that a pickle could run."""


def same(first: dict, second: dict) -> bool:
    return torch.equal(first["maps"], second["maps"]) and first["shapes"] == second["shapes"] == [[1, 2]]


def is_not_called() -> None:
    pytest.fail("made again")


@pytest.mark.parametrize("mmap", [False, True])
def test_it_is_made_once(mmap: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new" / "value.pt"
    assert same(kept(file, lambda: VALUE, mmap), VALUE)
    assert same(kept(file, is_not_called, mmap), VALUE)
    assert capsys.readouterr().err == ""


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


DAMAGES = {
    "cut": cut,
    "empty": lambda file: file.write_bytes(b""),
    "text": lambda file: file.write_text("<html>not found</html>"),
    "start of an archive": lambda file: file.write_bytes(b"PK\x03\x04 cut off"),
    "code": lambda file: torch.save(Code(), file),
    "zeros": lambda file: file.write_bytes(bytes(file.stat().st_size)),
}


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_made_anew_and_named(
    damage: Callable[[Path], None], mmap: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once; the next time it is found."""
    file = tmp_path / "value.pt"
    kept(file, lambda: VALUE)
    damage(file)
    assert same(kept(file, lambda: VALUE, mmap), VALUE)
    said = capsys.readouterr().err
    assert said.startswith(f"{file} is damaged and is made anew (") and said.count("\n") == 1
    assert same(kept(file, is_not_called, mmap), VALUE) and capsys.readouterr().err == ""


def test_a_failure_to_make_leaves_nothing(tmp_path: Path) -> None:
    """No file that the next run would take for the whole."""
    with pytest.raises(ZeroDivisionError):
        kept(tmp_path / "value.pt", lambda: 1 / 0)
    assert [path.name for path in tmp_path.iterdir()] == [".value.lock"]


def test_a_folder_in_its_place_is_no_damage(tmp_path: Path) -> None:
    """What cannot be read at all is not replaced."""
    (tmp_path / "value.pt").mkdir()
    with pytest.raises(OSError, match=r"value\.pt"):
        kept(tmp_path / "value.pt", is_not_called)


def test_two_processes_make_it_once(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from fgr.data.kept import kept\n"
        "def make():\n"
        "    Path(sys.argv[1], 'made').open('a').write('x')\n"
        "    time.sleep(0.3)\n"
        "    return 7\n"
        "print(kept(Path(sys.argv[1], 'value.pt'), make))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in running] == ["7\n", "7\n"]
    assert (tmp_path / "made").read_text() == "x"


class Squares(NamedTuple):
    """What a renderer of numbers draws."""

    values: Tensor


def test_pictures_in_a_damaged_file_are_rendered_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def render(index: Tensor) -> Squares:
        asked.append(index.tolist())
        return Squares(index**2)

    def read() -> list[int]:
        return rendered(tmp_path, "birds", {}, torch.arange(3), render, ("values",), "squares")["values"].tolist()

    assert read() == read() == [0, 1, 4] and asked == [[0, 1, 2]]
    (file,) = tmp_path.glob("*.pt")
    cut(file)
    assert read() == [0, 1, 4] and asked == [[0, 1, 2]] * 2
    assert f"{file} is damaged and is made anew (" in capsys.readouterr().err
