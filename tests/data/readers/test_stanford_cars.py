"""Stanford Cars in the layout of its development kit, against torchvision's reader of the same files.

README of the kit: cars_meta.mat "contains a cell array of class names"; cars_train_annos.mat the variable
`annotations`, "a struct array of length num_images" with bbox_x1, bbox_x2, bbox_y1, bbox_y2 (pixels), class and fname;
cars_test_annos.mat the same without the class, which cars_test_annos_withlabels.mat has.
"""

import numpy as np
import pytest
from scipy.io import savemat
from torchvision.datasets import StanfordCars

from fgr.data.readers import stanford_cars

CLASSES = ["AM General Hummer SUV 2000", "Acura RL Sedan 2012", "smart fortwo Convertible 2012"]


def annotations(labels, without=""):
    """The structure array of a list of classes from 1, with the small integers of the files."""
    rows = []
    for row, label in enumerate(labels, 1):
        values = {"bbox_x1": np.uint8(row), "bbox_y1": np.uint8(2), "bbox_x2": np.uint16(9), "bbox_y2": np.uint16(8)}
        rows.append(values | {"class": np.uint8(label), "fname": f"{row:05d}.jpg"})
        rows[-1].pop(without, None)
    array = np.empty((1, len(rows)), dtype=[(name, object) for name in rows[0]])
    for at, row in enumerate(rows):
        array[0, at] = tuple(row.values())
    return {"annotations": array}


def write(tree, train=(3, 1, 1, 2), test=(2, 3, 1)):
    """All files, below the folder name that torchvision asks for."""
    counts = {"train": len(train), "test": len(test)}
    images = [f"cars_{part}/{row + 1:05d}.jpg" for part, count in counts.items() for row in range(count)]
    root = tree({f"stanford_cars/{name}": None for name in images})
    folder = root / "stanford_cars"
    (folder / "devkit").mkdir()
    savemat(folder / "devkit" / "cars_meta.mat", {"class_names": np.array([CLASSES], dtype=object)})
    savemat(folder / "devkit" / "cars_train_annos.mat", annotations(train))
    savemat(folder / "devkit" / "cars_test_annos.mat", annotations(test, without="class"))
    savemat(folder / "cars_test_annos_withlabels.mat", annotations(test))
    return root


@pytest.mark.parametrize(("split", "part"), [("trainval", "train"), ("test", "test")])
def test_equals_torchvision(split, part, tree):
    """Every path, label and class name as torchvision reads them; boxes from 0."""
    root = write(tree)
    own, theirs = stanford_cars.read(root / "stanford_cars", split), StanfordCars(root, split=part)
    samples = [(str(path), label) for path, label in zip(own.images.paths, own.targets.tolist())]
    assert samples == [(path, int(label)) for path, label in theirs._samples]
    assert list(own.classes) == theirs.classes
    assert own.annotations["box"].tolist() == [[row, 1, 9, 8] for row in range(len(own))]


def test_splits(tree):
    """A tenth of every class is held out of trainval."""
    folder = write(tree, train=(1,) * 10 + (2,) * 20 + (3,) * 10) / "stanford_cars"
    train, validation = (stanford_cars.read(folder, split) for split in ("train", "validation"))
    assert train.targets.bincount().tolist() == [9, 18, 9]
    assert validation.targets.bincount().tolist() == [1, 2, 1]
    assert not set(train.images.paths) & set(validation.images.paths)


def test_labels_of_test_may_lie_in_the_kit(tree):
    """Copies keep the later file in either folder; without it the kit's own list is not taken for it."""
    folder = write(tree) / "stanford_cars"
    before = stanford_cars.read(folder, "test")
    labelled = (folder / "cars_test_annos_withlabels.mat").rename(folder / "devkit" / "cars_test_annos_withlabels.mat")
    assert stanford_cars.read(folder, "test").targets.tolist() == before.targets.tolist()
    labelled.unlink()
    with pytest.raises(ValueError, match=r"cars_test_annos_withlabels.mat and .* are missing"):
        stanford_cars.read(folder, "test")
    (folder / "devkit" / "cars_test_annos.mat").rename(labelled)
    with pytest.raises(ValueError, match=r"annotations of .*_withlabels.mat lack class: take the official file"):
        stanford_cars.read(folder, "test")


def test_damage_is_named(tree):
    """Missing images and files, classes that have no name, an unknown split."""
    folder = write(tree) / "stanford_cars"
    with pytest.raises(ValueError, match="split of stanford_cars must be one of"):
        stanford_cars.read(folder, "val")
    savemat(folder / "devkit" / "cars_train_annos.mat", annotations((1, 4)))
    with pytest.raises(ValueError, match=r"targets of stanford_cars must lie in \[0, 3\), got 0 to 3"):
        stanford_cars.read(folder, "trainval")
    (folder / "cars_test" / "00002.jpg").unlink()
    with pytest.raises(ValueError, match=r"00002.jpg is listed in .*withlabels.mat but missing"):
        stanford_cars.read(folder, "test")
    (folder / "devkit" / "cars_meta.mat").unlink()
    with pytest.raises(ValueError, match=r"cars_meta.mat is missing"):
        stanford_cars.read(folder, "test")
