"""Features in a safetensors file: what comes back, what is refused, and features of different networks told apart."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fgr.data.feature_files import FrameFeatures, check_same_network, load_features, save_features


def frames() -> FrameFeatures:
    labels, sequences = torch.tensor([0, 0.5, 3], dtype=torch.float64), torch.tensor([1, 1, 2])
    return FrameFeatures(torch.randn(3, 4), labels, sequences, ("a b", "ü", "c"), {"layer": "fc6", "model": "vgg"})


def test_everything_comes_back(tmp_path: Path) -> None:
    kept, file = frames(), tmp_path / "deep" / "f.safetensors"
    save_features(file, kept)
    found = load_features(file)
    for name in ("features", "labels", "sequences"):
        assert torch.equal(getattr(found, name), getattr(kept, name))
    assert found.paths == kept.paths and found.made == kept.made and len(found) == 3
    assert [path.name for path in file.parent.iterdir()] == ["f.safetensors"]


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "f.safetensors"
    save_features(file, frames())
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"f\.safetensors holds no features .*; write it by `fgr features extract`"):
        load_features(file)
    save_file({"features": torch.zeros(1, 2)}, file)
    with pytest.raises(ValueError, match="holds no features"):
        load_features(file)
    save_file({name: getattr(frames(), name) for name in ("features", "labels", "sequences")}, file)
    with pytest.raises(ValueError, match=r"holds no features \(paths\)"):
        load_features(file)
    with pytest.raises(FileNotFoundError):
        load_features(tmp_path / "absent")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": torch.zeros(2).double()}, r"labels must have shape \(3\), got \(2,\)"),
        ({"labels": torch.zeros(3)}, r"labels must be torch\.float64, got torch\.float32"),
        ({"features": torch.zeros(3)}, r"features must have shape \(n, D\), got \(3,\)"),
        ({"paths": ("a",)}, "there are 1 paths for 3 frames"),
    ],
)
def test_parts_that_do_not_fit(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(frames(), **change)


def test_lists_may_differ_and_networks_may_not() -> None:
    made = {"list": "train.txt", "layer": "fc6", "weights": "abc"}
    check_same_network(made, {**made, "list": "val.txt"}, ("training", "validation"))
    check_same_network(made, {}, ("training", "validation"))  # features from elsewhere say nothing
    with pytest.raises(ValueError, match="training and test features differ in weights: 'abc' and 'def'"):
        check_same_network(made, {**made, "weights": "def"}, ("training", "test"))
