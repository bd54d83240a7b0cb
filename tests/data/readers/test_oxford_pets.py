"""Oxford-IIIT Pets in the layout of its README, against torchvision's reader of the same files.

annotations/README: list.txt, trainval.txt and test.txt with lines "Image CLASS-ID SPECIES BREED ID", "SPECIES: 1:Cat
2:Dog"; "All images with 1st letter as capital are cat images"; xmls/ "Head bounding box annotations in PASCAL VOC
Format", trimaps/. TensorFlow Datasets adds that heads have boxes in the training part alone.
"""

import pytest
from torchvision.datasets import OxfordIIITPet

from fgr.data.readers import oxford_pets

BREEDS = (("Abyssinian", 1), ("american_bulldog", 2), ("american_pit_bull_terrier", 2), ("Egyptian_Mau", 1))
BOX = (
    "<annotation><object><name>cat</name><bndbox><xmin>{}</xmin><ymin>2</ymin><xmax>11</xmax><ymax>7</ymax></bndbox>"
    "</object></annotation>"
)


def write(tree, each=3):
    """`each` images of every breed in both lists; the last of each breed in trainval has no box."""
    files = {}
    for part, first in (("trainval", 1), ("test", 100)):
        rows = []
        for label, (breed, species) in enumerate(BREEDS, 1):
            for number in range(first, first + each):
                name = f"{breed}_{number}"
                rows.append(f"{name} {label} {species} {label}")
                files[f"oxford-iiit-pet/images/{name}.jpg"] = None
                if part == "trainval" and number < each:
                    files[f"oxford-iiit-pet/annotations/xmls/{name}.xml"] = BOX.format(number)
        files[f"oxford-iiit-pet/annotations/{part}.txt"] = "\n".join(rows) + "\n"
    files["oxford-iiit-pet/images/Abyssinian_999.jpg"] = None  # in no list, as in the archive
    files["oxford-iiit-pet/images/Abyssinian_100.mat"] = "MATLAB"
    return tree(files)


@pytest.mark.parametrize("split", ["trainval", "test"])
def test_equals_torchvision(split, tree):
    """Every path, breed and species as torchvision reads them."""
    root = write(tree)
    own = oxford_pets.read(root / "oxford-iiit-pet", split)
    theirs = OxfordIIITPet(root, split=split, target_types=["category", "binary-category"])
    assert list(own.images.paths) == theirs._images
    assert own.targets.tolist() == theirs._labels
    assert own.annotations["species"].tolist() == theirs._bin_labels
    assert [name.title() for name in own.classes] == theirs.classes
    assert own.labels["species"] == ("cat", "dog")


def test_heads_have_boxes_where_the_files_do(tree):
    """Others, and all of test, are not a number, and cannot be cut to."""
    folder = write(tree) / "oxford-iiit-pet"
    pets = oxford_pets.read(folder, "trainval")
    assert pets.annotations["box"].nan_to_num(-1).tolist() == [[1, 2, 11, 7], [2, 2, 11, 7], [-1] * 4] * 4
    test = oxford_pets.read(folder, "test")
    assert test.annotations["box"].isnan().all()
    with pytest.raises(ValueError, match=r"the box of .*Abyssinian_100.jpg has no area"):
        test.in_memory(8, crop="box")


def test_splits(tree):
    """A tenth of every breed is held out of trainval."""
    folder = write(tree, each=10) / "oxford-iiit-pet"
    train, validation = (oxford_pets.read(folder, split) for split in ("train", "validation"))
    assert train.targets.bincount().tolist() == [9] * 4
    assert validation.targets.bincount().tolist() == [1] * 4
    assert not set(train.images.paths) & set(validation.images.paths)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("Abyssinian_100 1 1", r"test.txt, line 1: expected image class species breed, got 'Abyssinian_100 1 1'"),
        ("Abyssinian_100 1 3 1", r"test.txt: expected lines of image, class, species 1 or 2, breed; got 'Aby"),
        ("Abyssinian_100 one 1 1", r"test.txt: expected lines of image, class, species"),
        ("Abyssinian_100 1 1 1\nEgyptian_Mau_100 1 1 1", r"calls class 1 both 'Abyssinian' and 'Egyptian Mau'"),
        ("Abyssinian_55 1 1 1", r"Abyssinian_55.jpg is listed in .*test.txt but missing"),
    ],
)
def test_damage_is_named(content, complaint, tree):
    """The list and the line."""
    write(tree)
    folder = tree({"oxford-iiit-pet/annotations/test.txt": content}) / "oxford-iiit-pet"
    with pytest.raises(ValueError, match=complaint):
        oxford_pets.read(folder, "test")
    with pytest.raises(ValueError, match="split of oxford_pets must be one of"):
        oxford_pets.read(folder, "val")


def test_headings_are_left_out(tree):
    """list.txt begins with comments; copies made of it do too."""
    write(tree)
    text = "#Image CLASS-ID SPECIES BREED ID\n#ID: 1:37 Class ids\nAbyssinian_100 1 1 1\n"
    folder = tree({"oxford-iiit-pet/annotations/test.txt": text})
    assert oxford_pets.read(folder / "oxford-iiit-pet", "test").targets.tolist() == [0]
