"""Oxford Flowers-102 in the layout of its README, against torchvision's reader of the same files.

"The image labels are in imagelabels.mat", a row of numbers from 1; "the data splits are in setid.mat": rows trnid,
valid and tstid of image numbers; images jpg/image_00001.jpg and so on.
"""

import numpy as np
import pytest
from scipy.io import savemat
from torchvision.datasets import Flowers102

from fgr.data.readers import oxford_flowers_102 as flowers

LABELS = np.array([[77, 1, 102, 4, 4, 1, 50, 77]], np.uint8)
SETS = {"trnid": [[6, 2, 4]], "valid": [[3, 1]], "tstid": [[5, 8, 7]]}


def write(tree, **changes):
    """Eight images; changes replace variables of setid.mat."""
    root = tree({f"flowers-102/jpg/image_{number:05d}.jpg": None for number in range(1, 9)})
    savemat(root / "flowers-102" / "imagelabels.mat", {"labels": LABELS})
    savemat(root / "flowers-102" / "setid.mat", SETS | changes)
    return root


@pytest.mark.parametrize(("split", "part"), [("train", "train"), ("validation", "val"), ("test", "test")])
def test_equals_torchvision(split, part, tree, monkeypatch):
    """Every path and label as torchvision reads them (its check of the official hashes left out)."""
    monkeypatch.setattr("torchvision.datasets.flowers102.check_integrity", lambda *_: True)
    root = write(tree)
    own, theirs = flowers.read(root / "flowers-102", split), Flowers102(root, split=part)
    assert list(own.images.paths) == theirs._image_files
    assert own.targets.tolist() == theirs._labels


def test_names_of_classes():
    """102 different names, in the order that torchvision has them in."""
    assert len(set(flowers.CLASSES)) == 102
    assert list(flowers.CLASSES) == Flowers102.classes


def test_trainval_is_both(tree):
    """First train, then validation, each in the order of its list."""
    folder = write(tree) / "flowers-102"
    assert [path.stem[-1] for path in flowers.read(folder, "trainval").images.paths] == list("62431")


def test_one_image(tree):
    """MATLAB makes a number of a row with one entry."""
    assert flowers.read(write(tree, tstid=[[5]]) / "flowers-102", "test").targets.tolist() == [3]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tstid": [[5, 9]]}, r"setid.mat names images 5 to 9, imagelabels.mat has 1 to 8"),
        ({"tstid": [[0, 5]]}, r"setid.mat names images 0 to 5, imagelabels.mat has 1 to 8"),
    ],
)
def test_numbers_out_of_range_are_named(changes, complaint, tree):
    """Instead of the label of another image."""
    with pytest.raises(ValueError, match=complaint):
        flowers.read(write(tree, **changes) / "flowers-102", "test")


def test_damage_is_named(tree):
    """A missing image, variable and file, an unknown split."""
    folder = write(tree) / "flowers-102"
    with pytest.raises(ValueError, match="split of oxford_flowers_102 must be one of"):
        flowers.read(folder, "val")
    (folder / "jpg" / "image_00008.jpg").unlink()
    with pytest.raises(ValueError, match=r"image_00008.jpg is listed in .*setid.mat but missing"):
        flowers.read(folder, "test")
    savemat(folder / "setid.mat", {"trnid": [[1]]})
    with pytest.raises(ValueError, match=r"setid.mat lacks the variable 'tstid'"):
        flowers.read(folder, "test")
    (folder / "imagelabels.mat").unlink()
    with pytest.raises(ValueError, match=r"imagelabels.mat is missing"):
        flowers.read(folder, "test")
