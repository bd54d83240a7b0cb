"""Stanford Dogs in the layout of its README: lists in MATLAB files, images and XML annotations in folders a breed.

http://vision.stanford.edu/aditya86/ImageNetDogs: "train_list.mat: List and labels of all training images". Public
loaders agree on its variables: `file_list` and `annotation_list`, cell arrays of one column, and `labels` from 1. The
XML files have no ending; a photograph of several dogs has several objects.
"""

import hashlib

import numpy as np
import pytest
from scipy.io import savemat

from fgr.data.readers import stanford_dogs

BREEDS = ("n02085620-Chihuahua", "n02086240-Shih-Tzu", "n02099601-golden_retriever")
BOXES = {0: [(1, 2, 9, 7)], 1: [(4, 1, 8, 5), (0, 3, 6, 8)]}


def column(values):
    """A MATLAB cell array of one column."""
    return np.array([[value] for value in values], dtype=object)


def voc(boxes):
    """An annotation as ImageNet distributes them; its own file name is a placeholder in places."""
    objects = "".join(
        "<object><name>dog</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult><bndbox>"
        f"<xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for x0, y0, x1, y1 in boxes
    )
    return f"<annotation><filename>%s</filename><size><width>0</width><height>0</height></size>{objects}</annotation>"


def write(tree, part="train", each=2, **changes):
    """A list of `each` images of every breed with their files; changes replace variables of the list."""
    marked = [f"{breed}/{breed.split('-')[0]}_{number}" for breed in BREEDS for number in range(each)]
    files = {f"Images/{name}.jpg": None for name in marked}
    files |= {f"Annotation/{name}": voc(BOXES[row % 2]) for row, name in enumerate(marked)}
    folder = tree(files)
    listed = {
        "file_list": column(f"{name}.jpg" for name in marked),
        "annotation_list": column(marked),
        "labels": np.repeat([1, 2, 3], each)[:, None].astype(np.uint8),
    }
    savemat(folder / f"{part}_list.mat", listed | changes)
    return folder


@pytest.mark.parametrize(("part", "split"), [("train", "trainval"), ("test", "test")])
def test_lists_and_boxes_are_read(part, split, tree):
    """Breeds without their numbers, whatever else is in the names; the box around all dogs."""
    dogs = stanford_dogs.read(write(tree, part), split)
    assert dogs.classes == ("Chihuahua", "Shih-Tzu", "golden retriever")
    assert dogs.targets.tolist() == [0, 0, 1, 1, 2, 2]
    assert dogs.images.paths[3].name == "n02086240_1.jpg"
    assert dogs.annotations["box"].tolist() == [[1, 2, 9, 7], [0, 1, 8, 8]] * 3
    assert dogs.split == split


def test_a_tenth_of_every_breed_is_held_out(tree):
    """Nine and one of ten images, the same ones every time."""
    folder = write(tree, each=10)
    train, validation = (stanford_dogs.read(folder, split, boxes=False) for split in ("train", "validation"))
    assert train.targets.bincount().tolist() == [9, 9, 9]
    assert validation.targets.bincount().tolist() == [1, 1, 1]
    assert len({*train.images.paths, *validation.images.paths}) == 30
    assert "box" not in train.annotations
    listed = [[f"{breed}/{breed.split('-')[0]}_{number}.jpg" for number in range(10)] for breed in BREEDS]
    first = [min(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest()) for names in listed]
    assert [f"{path.parent.name}/{path.name}" for path in validation.images.paths] == first


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"labels": [[1]] * 5}, "train_list.mat holds 6 images, 6 annotations and 5 labels"),
        ({"labels": [[1], [1], [2], [3], [3], [3]]}, "calls class 3 both 'Shih-Tzu' and 'golden retriever'"),
        ({"labels": [[2], [2], [3], [3], [4], [4]]}, "should number its 3 classes from 1 to 3"),
        ({"annotation_list": column(f"x/{row}" for row in range(6))}, "Annotation/x/0 is missing"),
        ({"file_list": column(f"n1-x/{row}.jpg" for row in range(6)), "labels": [[1]] * 6}, "n1-x/0.jpg is listed in"),
    ],
)
def test_lists_that_disagree_are_named(changes, complaint, tree):
    """The list and what is wrong with it."""
    with pytest.raises(ValueError, match=complaint):
        stanford_dogs.read(write(tree, **changes), "trainval")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("<annotation><object>", "is no annotation in XML with boxes of four numbers"),
        (voc([(1, 2, "", 3)]), "is no annotation in XML with boxes of four numbers"),
        (voc([]), "n02085620_0 holds no box"),
    ],
)
def test_damaged_annotations_are_named(content, complaint, tree):
    """XML that is cut, empty, or holds something else than numbers."""
    folder = write(tree)
    tree({"Annotation/n02085620-Chihuahua/n02085620_0": content})
    with pytest.raises(ValueError, match=complaint):
        stanford_dogs.read(folder, "trainval")


def test_one_image_and_no_list(tree):
    """MATLAB makes a plain string of a single cell; a missing list and an unknown split are named."""
    folder = write(tree)
    one = {"file_list": column(["n02085620-Chihuahua/n02085620_0.jpg"])}
    one |= {"annotation_list": column(["n02085620-Chihuahua/n02085620_0"]), "labels": [[1]]}
    savemat(folder / "train_list.mat", one)
    assert stanford_dogs.read(folder, "trainval").annotations["box"].tolist() == [[1, 2, 9, 7]]
    with pytest.raises(ValueError, match=r"test_list.mat is missing"):
        stanford_dogs.read(folder, "test")
    with pytest.raises(ValueError, match="split of stanford_dogs must be one of"):
        stanford_dogs.read(folder, "val")
