"""FGVC-Aircraft in the layout of the README of release 2013b, against torchvision's reader of the same files.

data/images_variant_trainval.txt and the like hold lines "<image> <name>", names may hold blanks and slashes; variants
.txt, families.txt and manufacturers.txt the names; images_box.txt "the bounding box … xmin, ymin, xmax and ymax. The
top-left pixel of an image has coordinate (1,1)".
"""

import pytest
from torchvision.datasets import FGVCAircraft

from fgr.data.readers import fgvc_aircraft

VARIANTS = {  # variant: family, manufacturer
    "707-320": ("Boeing 707", "Boeing"),
    "747-400": ("Boeing 747", "Boeing"),
    "A310": ("A310", "Airbus"),
    "F/A-18": ("F/A-18", "McDonnell Douglas"),
}
ROOT = "fgvc-aircraft-2013b/data"
PARTS = {"train": 2, "val": 1, "test": 1}


def official():
    """Two, one and one images of every variant, with names that begin with zeros."""
    files, boxes, number = {}, [], 1025
    lists = {part: [] for part in (*PARTS, "trainval")}
    for part, count in PARTS.items():
        for variant in VARIANTS:
            for _ in range(count):
                name = f"{number:07d}"
                boxes.append(f"{name} {number % 3 + 1} 2 12 8")
                lists[part].append((name, variant))
                files[f"{ROOT}/images/{name}.jpg"] = None
                number += 7
    lists["trainval"] = sorted(lists["train"] + lists["val"])
    for part, rows in lists.items():
        for level, at in (("variant", None), ("family", 0), ("manufacturer", 1)):
            named = [f"{name} {variant if at is None else VARIANTS[variant][at]}" for name, variant in rows]
            files[f"{ROOT}/images_{level}_{part}.txt"] = "\n".join(named) + "\n"
    families = sorted({family for family, _ in VARIANTS.values()})
    makers = sorted({maker for _, maker in VARIANTS.values()})
    for name, values in (("variants", VARIANTS), ("families", families), ("manufacturers", makers)):
        files[f"{ROOT}/{name}.txt"] = "\n".join(values) + "\n"
    return files | {f"{ROOT}/images_box.txt": "\n".join(reversed(boxes)) + "\n"}


@pytest.mark.parametrize("labels", ["variant", "family", "manufacturer"])
@pytest.mark.parametrize(
    ("split", "part"), [("train", "train"), ("validation", "val"), ("trainval", "trainval"), ("test", "test")]
)
def test_equals_torchvision(labels, split, part, tree):
    """Every path, label and class name as torchvision reads them, at every level."""
    folder = tree(official())
    own, theirs = fgvc_aircraft.read(folder, split, labels), FGVCAircraft(folder, split=part, annotation_level=labels)
    assert [str(path) for path in own.images.paths] == theirs._image_files
    assert own.targets.tolist() == theirs._labels
    assert list(own.classes) == theirs.classes


def test_boxes_and_levels(tree):
    """Boxes by name, whatever their order, counted from 0; all levels as annotations."""
    folder = tree(official())
    planes = fgvc_aircraft.read(folder / "fgvc-aircraft-2013b", "test")
    numbers = [int(path.stem) for path in planes.images.paths]
    assert planes.annotations["box"].tolist() == [[number % 3, 1, 12, 8] for number in numbers]
    named = {level: [planes.labels[level][index] for index in planes.annotations[level]] for level in planes.labels}
    assert named["variant"] == list(VARIANTS)
    assert list(zip(named["family"], named["manufacturer"])) == list(VARIANTS.values())


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("images_family_test.txt", "0001025 A310", r"images_family_test.txt gives 0001109 the family None, which fam"),
        ("variants.txt", "A310", r"images_variant_test.txt gives 0001109 the variant '707-320', which variants.txt la"),
        ("images_box.txt", "0001109 1 1 2 2", r"images_box.txt lacks the box of 0001116"),
        ("images_box.txt", "0001109 1 1 2", r"images_box.txt, line 1: expected image xmin ymin xmax ymax"),
        ("images_variant_test.txt", "0001109", r"images_variant_test.txt, line 1: expected image variant"),
        ("manufacturers.txt", "", r"manufacturers.txt is empty"),
    ],
)
def test_damage_is_named(name, content, complaint, tree):
    """The file, and the image or line."""
    folder = tree(official() | {f"{ROOT}/{name}": content})
    with pytest.raises(ValueError, match=complaint):
        fgvc_aircraft.read(folder, "test")


def test_wrong_numbers_options_and_missing_images_are_named(tree):
    """A box of letters, an unknown level or split, an image that is not there."""
    files = official()
    folder = tree(files)
    with pytest.raises(ValueError, match="labels must be one of 'variant', 'family', 'manufacturer', got 'model'"):
        fgvc_aircraft.read(folder, "test", labels="model")
    with pytest.raises(ValueError, match="split of fgvc_aircraft must be one of"):
        fgvc_aircraft.read(folder, "val")
    (folder / ROOT / "images" / "0001116.jpg").unlink()
    with pytest.raises(ValueError, match=r"0001116.jpg is listed in .*images_variant_test.txt but missing"):
        fgvc_aircraft.read(folder, "test")
    tree({f"{ROOT}/images_box.txt": files[f"{ROOT}/images_box.txt"].replace(" 12 8", " twelve 8")})
    with pytest.raises(ValueError, match=r"images_box.txt should hold four numbers an image: .*twelve"):
        fgvc_aircraft.read(folder, "test")
