"""SVHN's MATLAB files, against torchvision's reader of the same files.

http://ufldl.stanford.edu/housenumbers, format 2: X (32, 32, 3, B) and y (B, 1), the digit 0 labelled 10.
"""

import numpy as np
import pytest
from scipy.io import savemat
from torchvision.datasets import SVHN

from fgr.data.readers import svhn


@pytest.fixture
def rng():
    """Random pixels and labels."""
    return np.random.default_rng(0)


def write_mat(folder, part, labels, rng):
    """One file of SVHN; labels from 1 to 10."""
    images = rng.integers(0, 256, (32, 32, 3, len(labels))).astype(np.uint8)
    savemat(folder / f"{part}_32x32.mat", {"X": images, "y": np.array(labels, np.uint8)[:, None]})
    return images


def test_equals_torchvision(tmp_path, rng, monkeypatch):
    """Every pixel and label as torchvision reads them (its check of the official hashes left out)."""
    monkeypatch.setattr(SVHN, "_check_integrity", lambda _: True)
    written = write_mat(tmp_path, "test", [10, 1, 9, 10, 3], rng)
    own, theirs = svhn.read(tmp_path, "test"), SVHN(tmp_path, split="test")
    assert own.targets.tolist() == theirs.labels.tolist() == [0, 1, 9, 0, 3]
    assert (own.images.numpy() == theirs.data).all()
    assert own.images[2, 1, 5, 7] == written[5, 7, 1, 2]
    assert own.classes[0] == "0"


def test_splits(tmp_path, rng, monkeypatch):
    """The last two of every digit are held out; the extra part comes after the training images."""
    monkeypatch.setattr(svhn, "VALIDATION", 2)
    labels = [1, 10, 2, 1, 2, 10, 1, 10, 2, 1]
    images = write_mat(tmp_path, "train", labels, rng).transpose(3, 2, 0, 1)
    more = write_mat(tmp_path, "extra", [5, 6], rng).transpose(3, 2, 0, 1)
    rows = {"train": [0, 1, 2, 3], "validation": [4, 5, 6, 7, 8, 9], "trainval": list(range(10))}
    for split, chosen in rows.items():
        part = svhn.read(tmp_path, split)
        assert part.targets.tolist() == [labels[row] % 10 for row in chosen]
        assert (part.images.numpy() == images[chosen]).all()
    for split in ("train", "trainval"):
        part = svhn.read(tmp_path, split, extra=True)
        assert (part.images.numpy() == np.concatenate([images[rows[split]], more])).all()
        assert part.targets[-2:].tolist() == [5, 6]
    for split in ("validation", "test"):
        with pytest.raises(ValueError, match=f"extra belongs to train and trainval, not to {split}"):
            svhn.read(tmp_path, split, extra=True)


def test_one_image(tmp_path, rng):
    """MATLAB drops the last dimension of a single image."""
    write_mat(tmp_path, "test", [10], rng)
    assert svhn.read(tmp_path, "test").images.shape == (1, 3, 32, 32)


def test_damage_is_named(tmp_path, rng):
    """The file, and what it should hold."""
    with pytest.raises(ValueError, match=r"test_32x32.mat is missing"):
        svhn.read(tmp_path, "test")
    for labels, low, high in (([0, 1], 0, 1), ([11, 1], 1, 11)):
        write_mat(tmp_path, "test", labels, rng)
        with pytest.raises(ValueError, match=f"holds labels from {low} to {high}; SVHN has 1 to 10"):
            svhn.read(tmp_path, "test")
    file = tmp_path / "test_32x32.mat"
    for content, complaint in [
        ({"X": np.zeros((32, 32, 3, 2), np.uint8)}, "lacks the variable 'y'"),
        ({"X": np.zeros((32, 32, 3, 2), np.uint8), "y": [[1], [2], [3]]}, r"got X \(32, 32, 3, 2\) uint8 and 3 labels"),
        ({"X": np.zeros((32, 32, 3, 2)), "y": [[1], [2]]}, "float64 and 2 labels"),
        ({"X": np.zeros((28, 28, 3, 2), np.uint8), "y": [[1], [2]]}, "format 2, the cropped digits, is meant"),
    ]:
        savemat(file, content)
        with pytest.raises(ValueError, match=complaint):
            svhn.read(tmp_path, "test")
    whole = file.read_bytes()
    for damaged in (whole[:200], b"", b"MATLAB 7.3 " * 30):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"test_32x32.mat is no MATLAB file of version 5 to 7"):
            svhn.read(tmp_path, "test")
    with pytest.raises(ValueError, match="split of svhn must be one of"):
        svhn.read(tmp_path, "extra")
