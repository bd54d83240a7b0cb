"""Your own images: the layout of torchvision's ImageFolder, with and without folders for splits."""

import pytest
import torch
from torchvision.datasets import ImageFolder
from torchvision.transforms.functional import pil_to_tensor

from fgr.data import load
from fgr.data.readers import imagefolder

PARTS = ("train", "validation", "test")


def names(images):
    """The files of a set, by name."""
    return [path.name for path in images.images.paths]


def test_files_and_classes_are_those_of_torchvision(tree):
    """Sorted classes, files at any depth; other files and hidden ones are left out."""
    folder = tree(
        {
            "wren/b.png": None,
            "wren/young/a.jpg": None,
            "finch/z.JPG": None,
            "finch/notes.txt": "not an image",
            "gull/c.tif": None,
            "list.csv": "path,label",
        }
    )
    own = imagefolder.read(folder, "all")
    theirs = ImageFolder(folder)
    assert own.classes == tuple(theirs.classes) == ("finch", "gull", "wren")
    assert [(str(path), label) for path, label in zip(own.images.paths, own.targets.tolist())] == theirs.samples
    for row in range(4):
        assert torch.equal(own.images[row], pil_to_tensor(theirs[row][0]))
    hidden = {"finch/._z.jpg": "of a Mac", ".git/x.png": None}
    tree(hidden | {"gull/.ipynb_checkpoints/0-checkpoint.png": None, "wren/young/.cache/deep/er.jpg": None})
    assert names(imagefolder.read(folder, "all")) == names(own)


def test_a_set_may_lie_in_a_hidden_folder(tree):
    """Only what is hidden below it is left out."""
    folder = tree({".mine/wren/a.png": None, ".mine/wren/.thumbs/a.png": None})
    assert names(imagefolder.read(folder / ".mine", "all")) == ["a.png"]


def test_tenths_of_every_class_never_change(tree):
    """Seven, one and two tenths of each class, disjoint, and not moved by a class that joins."""
    files = {f"{bird}/{number}.png": None for bird in ("finch", "gull") for number in range(20)}
    folder = tree(files)
    parts = {split: imagefolder.read(folder, split) for split in (*PARTS, "trainval", "all")}
    assert {split: part.targets.bincount().tolist() for split, part in parts.items()} == {
        "train": [14, 14],
        "validation": [2, 2],
        "test": [4, 4],
        "trainval": [16, 16],
        "all": [20, 20],
    }
    placed = [path for split in PARTS for path in parts[split].images.paths]
    assert sorted(placed) == sorted(parts["all"].images.paths)
    assert set(parts["trainval"].images.paths) == {*parts["train"].images.paths, *parts["validation"].images.paths}
    tree({f"auk/{number}.png": None for number in range(10)})
    again = imagefolder.read(folder, "test")
    assert [path for path in again.images.paths if path.parent.name != "auk"] == list(parts["test"].images.paths)
    assert parts["test"].split == "test"


def test_folders_of_splits(tree):
    """Folders train, val and test are the splits; a class that one of them lacks keeps its index."""
    folder = tree({"train/auk/a.png": None, "train/wren/b.png": None, "val/wren/c.png": None, "test/gull/d.png": None})
    expected = {
        "train": (["a.png", "b.png"], [0, 2]),
        "validation": (["c.png"], [2]),
        "test": (["d.png"], [1]),
        "trainval": (["a.png", "b.png", "c.png"], [0, 2, 2]),
        "all": (["a.png", "b.png", "c.png", "d.png"], [0, 2, 2, 1]),
    }
    for split, (files, targets) in expected.items():
        part = load("imagefolder", split, folder=folder)
        assert (names(part), part.targets.tolist(), part.classes) == (files, targets, ("auk", "gull", "wren"))


def test_validation_is_held_out_of_train_if_it_has_no_folder(tree):
    """A tenth of every class of the folder train; test stays as it is."""
    files = {f"train/{bird}/{number}.png": None for bird in ("auk", "wren") for number in range(10)}
    folder = tree(files | {"test/auk/t.png": None})
    parts = {split: imagefolder.read(folder, split) for split in (*PARTS, "trainval")}
    counts = {split: part.targets.bincount().tolist() for split, part in parts.items()}
    assert counts == {"train": [9, 9], "validation": [1, 1], "test": [1], "trainval": [10, 10]}
    assert not set(parts["train"].images.paths) & set(parts["validation"].images.paths)


def test_a_class_may_be_called_train(tree):
    """A folder train that holds images instead of folders is a class."""
    folder = tree({"train/a.png": None, "tram/b.png": None})
    assert imagefolder.read(folder, "all").classes == ("train", "tram")


@pytest.mark.parametrize(
    ("files", "split", "complaint"),
    [
        ({"gull/a.png": None, "wren/notes.txt": ""}, "all", r"the class folder .*set/wren holds no images \(.jpg"),
        ({"train/gull/a.png": None, "train/wren/notes.txt": ""}, "train", "set/train/wren holds no images"),
        ({"a.png": None}, "all", "set holds no folders; put the images of each class into a subfolder"),
        ({"gull/a.png": None}, "test", r"test of .*set has no images \(too few in all\)"),
        ({"train/gull/a.png": None}, "test", r"test of .*set has no images \(its folders are train\)"),
        ({"test/gull/a.png": None}, "train", r"train of .*set has no images \(its folders are test\)"),
        ({"val/gull/a.png": None, "valid/gull/a.png": None}, "all", "set/val and .*set/valid are both validation"),
        ({"gull/a.png": None}, "dev", "split of imagefolder must be one of 'train', .*, got 'dev'"),
    ],
)
def test_what_is_wrong_is_named(files, split, complaint, tree):
    """The folder, and what to do."""
    with pytest.raises(ValueError, match=complaint):
        imagefolder.read(tree(files), split)


def test_a_missing_folder_is_named(tmp_path):
    """By the reader itself and by load."""
    with pytest.raises(ValueError, match=r"the folder .*nowhere does not exist"):
        imagefolder.read(tmp_path / "nowhere", "all")
    with pytest.raises(ValueError, match="imagefolder needs folder=, the place of your images"):
        load("imagefolder", "all")
