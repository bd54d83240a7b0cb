"""CUB-200 of 2010 (CNS-TR-2010-001): lists/{train,test,classes}.txt, images/ and annotations-mat/, one file an image.

TensorFlow Datasets publishes the lists and reads from each MATLAB file the structure `bbox` (left, top, right, bottom)
and the matrix `seg`.
"""

import numpy as np
import pytest
from scipy.io import savemat

from fgr.data.readers import cub_200

SPECIES = ("001.Black_footed_Albatross", "017.Cardinal", "200.Common_Yellowthroat")


def write(tree, each=15, place="annotations-mat"):
    """`each` training images of every species and one for test, in lists that are not sorted within a species."""
    train = [f"{name}/{name[4:]}_{number:04d}_24433{number}.jpg" for name in SPECIES for number in range(each)][::-1]
    test = [f"{name}/{name[4:]}_{each:04d}_999.jpg" for name in SPECIES]
    folder = tree(
        {
            "lists/classes.txt": "\n".join(SPECIES) + "\n",
            "lists/train.txt": "\n".join(train) + "\n",
            "lists/test.txt": "\n".join(test) + "\n",
            **{f"images/{name}": None for name in train + test},
        }
    )
    for row, name in enumerate(train + test):
        file = (folder / place / name).with_suffix(".mat")
        file.parent.mkdir(parents=True, exist_ok=True)
        box = {"left": np.uint16(row % 5), "top": np.uint8(1), "right": np.uint16(9), "bottom": np.uint16(7)}
        savemat(file, {"bbox": box, "seg": np.ones((8, 12), np.uint8), "wikipedia_url": "nowhere"})
    return folder


@pytest.mark.parametrize("place", ["annotations-mat", "annotations_mat"])
def test_lists_and_boxes_are_read(place, tree):
    """In the order of the lists; classes by the folder, not by their numbers, which can have gaps in excerpts."""
    birds = cub_200.read(write(tree, each=2, place=place), "trainval")
    assert birds.classes == ("Black footed Albatross", "Cardinal", "Common Yellowthroat")
    assert birds.targets.tolist() == [2, 2, 1, 1, 0, 0]
    assert birds.images.paths[0].name == "Common_Yellowthroat_0001_244331.jpg"
    assert birds.annotations["box"].tolist() == [[row % 5, 1, 9, 7] for row in range(6)]


def test_two_of_fifteen_are_held_out(tree):
    """As the manifest says: 13, 2 and 15 training images of every species."""
    folder = write(tree)
    counts = {
        split: cub_200.read(folder, split, boxes=False).targets.bincount().tolist()
        for split in ("train", "validation", "trainval", "test")
    }
    assert counts == {"train": [13] * 3, "validation": [2] * 3, "trainval": [15] * 3, "test": [1] * 3}


def test_damage_is_named(tree):
    """An image of no class, a file without box, missing files, an unknown split."""
    folder = write(tree, each=2)
    with pytest.raises(ValueError, match="split of cub_200 must be one of"):
        cub_200.read(folder, "val")
    first = next((folder / "annotations-mat").rglob("Cardinal_0000*.mat"))
    for content, complaint in [
        ({"seg": np.ones((2, 2))}, r"Cardinal_0000_244330.mat lacks the variable 'bbox'"),
        ({"bbox": [1, 2, 3, 4]}, r"the bbox of .*Cardinal_0000_244330.mat should have left, top, right, bottom"),
        ({"bbox": {"left": 1, "top": 2, "right": 3}}, "should have left, top, right, bottom"),
    ]:
        savemat(first, content)
        with pytest.raises(ValueError, match=complaint):
            cub_200.read(folder, "trainval")
    first.unlink()
    with pytest.raises(ValueError, match=r"Cardinal_0000_244330.mat is missing"):
        cub_200.read(folder, "trainval")
    tree({"lists/classes.txt": "001.Black_footed_Albatross\n"})
    with pytest.raises(ValueError, match=r"train.txt lists 200.Common_Yellowthroat/.*, which is in no class"):
        cub_200.read(folder, "trainval")
    (folder / "lists" / "train.txt").unlink()
    with pytest.raises(ValueError, match=r"train.txt is missing"):
        cub_200.read(folder, "trainval")
