"""ImageNet in both layouts, against torchvision's reader of the same folders.

readme of ILSVRC2012_devkit_t12: data/meta.mat holds `synsets` with ILSVRC2012_ID, WNID, words, gloss, num_children,
children, wordnet_height and num_train_images; the first 1,000 are the leaves; "each line of
ILSVRC2012_validation_ground_truth.txt contains the ILSVRC2012_ID of one image, in the order of the images". The archive
of the validation part holds all images in one folder; most people sort them into folders like those of train.
"""

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torchvision.datasets import ImageNet

from fgr.data.readers import imagenet_2012

SYNSETS = [  # identifier, number, words, children: the kit's order is not that of the numbers
    (1, "n02119789", "kit fox, Vulpes macrotis", 0),
    (2, "n02100735", "English setter", 0),
    (3, "n01440764", "tench, Tinca tinca", 0),
    (4, "n00001740", "entity", 2),
]
WNIDS = ("n01440764", "n02100735", "n02119789")
TRUTH = (3, 1, 2, 1, 3)


def kit(folder):
    """The development kit."""
    place = folder / "ILSVRC2012_devkit_t12" / "data"
    place.mkdir(parents=True)
    names = (
        "ILSVRC2012_ID",
        "WNID",
        "words",
        "gloss",
        "num_children",
        "children",
        "wordnet_height",
        "num_train_images",
    )
    array = np.empty((len(SYNSETS), 1), dtype=[(name, object) for name in names])
    for row, (identifier, wnid, words, children) in enumerate(SYNSETS):
        array[row, 0] = (identifier, wnid, words, "a thing", children, np.arange(children), 0, 1300)
    savemat(place / "meta.mat", {"synsets": array})
    (place / "ILSVRC2012_validation_ground_truth.txt").write_text("".join(f"{number}\n" for number in TRUTH))


def images(tree, flat):
    """Two training images a class, and five for validation, in one folder or in one a class."""
    named = {identifier: wnid for identifier, wnid, *_ in SYNSETS}
    validation = {f"ILSVRC2012_val_{row:08d}.JPEG": named[identifier] for row, identifier in enumerate(TRUTH, 1)}
    return tree(
        {f"train/{wnid}/{wnid}_{number}.JPEG": None for wnid in WNIDS for number in (10, 9)}
        | {f"val/{name}" if flat else f"val/{wnid}/{name}": None for name, wnid in validation.items()}
    )


@pytest.mark.parametrize(("split", "part"), [("train", "train"), ("validation", "val")])
def test_equals_torchvision(split, part, tree):
    """Paths and labels in the order of torchvision, which reads names of classes from a file of its own."""
    folder = images(tree, flat=False)
    kit(folder)
    torch.save(({wnid: tuple(words.split(", ")) for _, wnid, words, _ in SYNSETS[:3]}, []), folder / "meta.bin")
    own, theirs = imagenet_2012.read(folder, split), ImageNet(folder, split=part)
    assert [(str(path), label) for path, label in zip(own.images.paths, own.targets.tolist())] == theirs.samples
    assert [tuple(name.split(", ")) for name in own.classes] == theirs.classes


def test_validation_in_one_folder(tree):
    """Labels by the list of the kit, translated to the order of the WordNet numbers."""
    folder = images(tree, flat=True)
    kit(folder)
    flat = imagenet_2012.read(folder, "validation")
    assert flat.targets.tolist() == [0, 2, 1, 2, 0]
    assert [path.name for path in flat.images.paths] == [f"ILSVRC2012_val_{row:08d}.JPEG" for row in range(1, 6)]
    assert flat.classes == ("tench, Tinca tinca", "English setter", "kit fox, Vulpes macrotis")


def test_without_the_kit(tree):
    """Classes are called by their numbers, in the same order; a part of the classes keeps the indices of train."""
    folder = images(tree, flat=False)
    for path in (folder / "val" / WNIDS[0]).iterdir():
        path.unlink()
    (folder / "val" / WNIDS[0]).rmdir()
    validation = imagenet_2012.read(folder, "validation")
    assert validation.classes == WNIDS == imagenet_2012.read(folder, "train").classes
    assert validation.targets.tolist() == [1, 2, 2]


def test_damage_is_named(tree):
    """Folders of no class, empty ones, missing ones, lists that do not fit."""
    folder = images(tree, flat=True)
    with pytest.raises(ValueError, match=r"val holds no folders of classes; .*ILSVRC2012_devkit_t12 must lie beside"):
        imagenet_2012.read(folder, "validation")
    with pytest.raises(ValueError, match="split of imagenet_2012 must be one of 'train', 'validation', got 'test'"):
        imagenet_2012.read(folder, "test")
    kit(folder)
    truth = folder / "ILSVRC2012_devkit_t12" / "data" / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("3\n1\n2\n4\n3\n")
    with pytest.raises(ValueError, match=r"ground_truth.txt, line 4: expected the ILSVRC2012_ID of a class, got '4'"):
        imagenet_2012.read(folder, "validation")
    truth.write_text("3\n1\n2\n")
    with pytest.raises(ValueError, match=r"val should hold 3 images .*_00000001.JPEG …, has 5: nothing after these"):
        imagenet_2012.read(folder, "validation")
    truth.write_text("3\n" * 5)
    (folder / "val" / "ILSVRC2012_val_00000002.JPEG").unlink()
    with pytest.raises(ValueError, match=r"has 4: ILSVRC2012_val_00000003.JPEG"):
        imagenet_2012.read(folder, "validation")
    (folder / "train" / "n99999999").mkdir()
    with pytest.raises(ValueError, match=r"train/n99999999 is the folder of no class"):
        imagenet_2012.read(folder, "train")
    (folder / "train" / "n99999999").rename(folder / "train" / "n01440764" / "deeper")
    for path in (folder / "train" / WNIDS[1]).iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"train/n02100735 holds no images: unpack the archive of this class"):
        imagenet_2012.read(folder, "train")
    savemat(truth.with_name("meta.mat"), {"synsets": [1, 2]})
    with pytest.raises(ValueError, match=r"the synsets of .*meta.mat lack .*: unpack the development kit again"):
        imagenet_2012.read(folder, "train")
    with pytest.raises(ValueError, match=r"train is missing"):
        imagenet_2012.read(folder / "val", "train")
