"""`fgr features` and `fgr sequence` on tiny images, from list files to saved outputs; one line for every mistake."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from fgr.cli import app
from fgr.data.feature_files import load_features
from fgr.experiments.frame_features import extract
from fgr.models import face_cnn

EXTRACT = ("--model", "face_cnn", "--layer", "relu6", "--weights", "random", "--size", "16")
TRAIN = ("--window", "3", "--hidden", "8", "--epochs", "3")


def fgr(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def said(*arguments: str | Path) -> str:
    """Run a command that must succeed, silently on standard error since that is no terminal."""
    done = fgr(*arguments)
    assert done.exit_code == 0 and done.stderr == "", done.output
    return done.stdout


def refusal(*arguments: str | Path) -> str:
    """Run a command that must be refused: exit code 2, one line on standard error, nothing on standard output."""
    done = fgr(*arguments)
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.startswith("fgr: ") and done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lists of videos in which a face gets brighter as pain rises, and their features."""
    root = tmp_path_factory.mktemp("videos")
    draw = np.random.default_rng(0)
    for part, numbers in (("train", range(4)), ("val", range(4, 6))):
        lines = []
        for video in numbers:
            for frame in range(8):
                level = (frame + video) % 5
                pixels = 40 + 40 * level + draw.integers(0, 9, (12, 12, 3))
                name = f"{video}_{frame}.png"
                Image.fromarray(pixels.astype(np.uint8)).save(root / name)
                lines.append(f"{name} {level} {video}")
        (root / f"{part}.txt").write_text("\n".join(lines) + "\n")
        said("features", "extract", root / f"{part}.txt", root / f"{part}.st", *EXTRACT)
    return root


def test_features_are_those_of_the_network(folder: Path) -> None:
    found = load_features(folder / "val.st")
    assert found.features.shape == (16, 256) and found.sequences.tolist() == [4] * 8 + [5] * 8
    assert found.paths[1].endswith("4_1.png") and found.made["layer"] == "relu6"
    again = extract(
        folder / "val.txt", folder / "again.st", model="face_cnn", weights="random", layer="fc6", size=16, batch_size=3
    )
    torch.testing.assert_close(again.features.relu(), found.features, rtol=1e-4, atol=1e-4)


def test_colours_are_prepared_as_asked(folder: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((16, 16, 3), [255, 0, 51], np.uint8)).save(tmp_path / "c.png")
    (tmp_path / "l.txt").write_text("c.png 0 1\n")
    model = face_cnn(num_classes=2, size=16)
    with torch.no_grad():  # the first convolution passes on red, green, blue at the pixel itself
        model.conv1_1.weight.zero_()
        for channel in range(3):
            model.conv1_1.weight[channel, channel, 1, 1] = 1
    torch.save(model.state_dict(), tmp_path / "w.pt")
    common = ("--model", "face_cnn", "--layer", "conv1_1", "--weights", tmp_path / "w.pt", "--size", "16")
    said("features", "extract", tmp_path / "l.txt", tmp_path / "a.st", *common, "--mean", "0.5", "--std", "0.25")
    pixels = load_features(tmp_path / "a.st").features.view(16, 256)[:3, 0]
    torch.testing.assert_close(pixels, torch.tensor([2.0, -2.0, -1.2]))
    said(
        "features", "extract", tmp_path / "l.txt", tmp_path / "b.st", *common, "--mean", "1,0,0", "--std", "1", "--bgr"
    )
    pixels = load_features(tmp_path / "b.st").features.view(16, 256)[:3, 0]
    torch.testing.assert_close(pixels, torch.tensor([0.2, 0.0, 0.0]))


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_train_resume_test_and_predict(folder: Path, tmp_path: Path, task: str) -> None:
    command = ("sequence", "train", folder / "train.st", tmp_path / "run", "--validation", folder / "val.st")
    first = said(*command, *TRAIN, "--task", task)
    assert "best of 3 epochs is" in first and ("mse" in first) == (task == "regression")
    assert said(*command, *TRAIN, "--task", task) == first  # nothing left to do
    assert "best of 4 epochs" in said(*command, *TRAIN[:-1], "4", "--task", task)
    tested = said("sequence", "test", tmp_path / "run", folder / "val.st", "--out", tmp_path / "o.csv")
    assert "12 frames judged" in tested
    rows = list(csv.DictReader((tmp_path / "o.csv").open()))
    assert len(rows) == 12 and rows[0]["path"].endswith("4_2.png") and ("p4" in rows[0]) == (task == "classification")
    assert said("sequence", "predict", tmp_path / "run", folder / "val.st", tmp_path / "p.csv").endswith("12 frames\n")
    assert (tmp_path / "p.csv").read_text() == (tmp_path / "o.csv").read_text()


def test_training_without_validation(folder: Path, tmp_path: Path) -> None:
    assert "3 epochs, training loss" in said(
        "sequence", "train", folder / "train.st", tmp_path / "run", *TRAIN, "--pad"
    )
    assert "16 frames judged" in said("sequence", "test", tmp_path / "run", folder / "val.st")


def test_a_list_numbered_by_frame_is_refused_before_anything_is_read(folder: Path, tmp_path: Path) -> None:
    numbered = tmp_path / "list.txt"
    numbered.write_text("".join(f"{folder}/{video}_{frame}.png 0 {frame}\n" for video in (0, 1) for frame in range(3)))
    line = refusal("features", "extract", numbered, tmp_path / "out.st", *EXTRACT)
    assert "line 4: sequence 0 begins again, it ended in line 1; give all frames of one video the same number" in line
    assert not (tmp_path / "out.st").exists()


def test_mistakes_are_one_line(folder: Path, tmp_path: Path) -> None:
    lists, out = (folder / "val.txt", tmp_path / "out.st"), ("--size", "16", "--weights", "random")
    assert "no layer 'fc9'" in refusal("features", "extract", *lists, "--model", "face_cnn", "--layer", "fc9", *out)
    assert "no network 'lenet9'" in refusal("features", "extract", *lists, "--model", "lenet9", "--layer", "x", *out)
    assert "--mean takes one number or three" in refusal("features", "extract", *lists, *EXTRACT, "--mean", "1,2")
    assert "std must be above 0" in refusal("features", "extract", *lists, *EXTRACT, "--std", "0")
    assert "batch_size must be at least 1" in refusal("features", "extract", *lists, *EXTRACT, "--batch-size", "0")
    assert "holds no features" in refusal("sequence", "train", folder / "val.txt", tmp_path / "run")
    assert "no sequence is as long" in refusal(
        "sequence", "train", folder / "val.st", tmp_path / "run", "--window", "9"
    )
    assert "got 'both'" in refusal("sequence", "train", folder / "val.st", tmp_path / "run", "--task", "both")
    assert not (tmp_path / "run").exists()
    absent = fgr("sequence", "test", tmp_path / "nowhere", folder / "val.st")
    assert absent.exit_code == 1 and "nowhere" in absent.stderr and absent.stderr.count("\n") == 1


def test_a_broken_image_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_text("no image")
    (tmp_path / "list.txt").write_text("bad.png 0 1\n")
    assert "bad.png cannot be read" in refusal(
        "features", "extract", tmp_path / "list.txt", tmp_path / "o.st", *EXTRACT
    )


def test_other_settings_in_the_same_folder_are_refused(folder: Path, tmp_path: Path) -> None:
    said("sequence", "train", folder / "train.st", tmp_path / "run", *TRAIN)
    line = refusal("sequence", "train", folder / "train.st", tmp_path / "run", *TRAIN, "--lr", "0.1")
    assert "lr was 0.01; name another folder" in line


@pytest.mark.parametrize("command", [("features", "extract"), ("sequence", "train"), ("sequence", "predict")])
def test_help_shows_how(command: tuple[str, str]) -> None:
    text = said(*command, "--help")
    assert "Usage" in text and "Options" in text
