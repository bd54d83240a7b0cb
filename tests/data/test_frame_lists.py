"""List files of frames: the wrong and the right numbering of the released tool's README, and every other mistake."""

from pathlib import Path

import pytest

from fgr.data.frame_lists import read_frame_list


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for video in "abc":
        (tmp_path / video).mkdir()
        for frame in range(1, 4):
            (tmp_path / video / f"{frame}.png").touch()
    return tmp_path


def write(folder: Path, *lines: str) -> Path:
    file = folder / "list.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_frames_numbered_by_video_are_right(folder: Path) -> None:
    lines = [f"{v}/{f}.png {f / 2} {n}" for n, v in enumerate("abc", 1) for f in (1, 2, 3)]
    frames = read_frame_list(write(folder, *lines))
    assert frames.sequences.tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert frames.labels.tolist() == [0.5, 1.0, 1.5] * 3
    assert frames.paths[4] == folder / "b" / "2.png" and len(frames) == 9


def test_frames_numbered_within_their_video_are_wrong(folder: Path) -> None:
    lines = [f"{v}/{f}.png 0 {f}" for v in "ab" for f in (1, 2, 3)]  # 1 2 3 1 2 3
    with pytest.raises(ValueError, match=r"list\.txt, line 4: sequence 1 begins again, it ended in line 1; give all"):
        read_frame_list(write(folder, *lines))


def test_a_sequence_that_comes_back_is_wrong(folder: Path) -> None:
    lines = ["a/1.png 0 1", "a/2.png 0 1", "", "b/1.png 0 2", "a/3.png 0 1"]
    with pytest.raises(ValueError, match="line 5: sequence 1 begins again, it ended in line 2"):
        read_frame_list(write(folder, *lines))


def test_sequences_out_of_order_are_wrong(folder: Path) -> None:
    lines = ["b/1.png 0 2", "b/2.png 0 2", "a/1.png 0 1"]
    with pytest.raises(ValueError, match="line 3: sequence 1 comes after sequence 2; give all frames of one video"):
        read_frame_list(write(folder, *lines))


def test_numbers_may_skip_and_start_anywhere(folder: Path) -> None:
    frames = read_frame_list(write(folder, "a/1.png 0 0", "b/1.png 0 7", "b/2.png -1e1 7"))
    assert frames.sequences.tolist() == [0, 7, 7] and frames.labels.tolist() == [0, 0, -10]


def test_spaces_in_paths_empty_lines_and_another_root(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (folder / "my face.png").touch()
    elsewhere = tmp_path_factory.mktemp("lists")
    frames = read_frame_list(write(elsewhere, "", "my face.png\t2   1", "  a/1.png 3 1  "), root=folder)
    assert frames.paths == (folder / "my face.png", folder / "a" / "1.png")
    absolute = read_frame_list(write(elsewhere, f"{folder}/a/1.png 0 1"))
    assert absolute.paths == (folder / "a" / "1.png",)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a/1.png 0", r"line 2: a line is `path label sequence`, got 'a/1\.png 0'"),
        ("a/1.png pain 1", "line 2: the label must be a finite number, got 'pain'"),
        ("a/1.png nan 1", "line 2: the label must be a finite number, got 'nan'"),
        ("a/1.png 0 1.5", r"line 2: the sequence must be a whole number from 0 on, got '1\.5'"),
        ("a/1.png 0 -1", "line 2: the sequence must be a whole number from 0 on, got '-1'"),
        ("a/9.png 0 1", r"line 2: .*9\.png is not there; relative paths start from root"),
        ("a 0 1", "line 2: .*a is not there"),
    ],
)
def test_wrong_lines_are_named(folder: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"list\.txt, " + message):
        read_frame_list(write(folder, "a/1.png 0 1", line))


def test_many_absent_images_are_counted(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"line 1: .*x\.png is not there \(nor are 2 others\)"):
        read_frame_list(write(folder, "x.png 0 1", "y.png 0 1", "z.png 0 1"))


def test_what_is_no_list(folder: Path) -> None:
    with pytest.raises(ValueError, match="lists no frames"):
        read_frame_list(write(folder, "", "  "))
    (folder / "binary").write_bytes(b"\xff\xd8\xff\xe0 1 2")
    with pytest.raises(ValueError, match=r"binary is no UTF-8 text \(.*\); is it a list of frames"):
        read_frame_list(folder / "binary")
    with pytest.raises(FileNotFoundError):
        read_frame_list(folder / "absent.txt")
