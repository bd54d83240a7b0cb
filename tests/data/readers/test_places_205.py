"""Places-205 in the layout of its archives, as public loaders read them.

trainvalsplit_places205.tar.gz: train_places205.csv and val_places205.csv, lines "a/abbey/gsun_0003586c3eed.jpg 0"
separated by a blank; imagesPlaces205_resize.tar.gz: data/vision/torralba/deeplearning/images256/a/abbey/….
"""

import pytest

from fgr.data.readers import places_205

IMAGES = "data/vision/torralba/deeplearning/images256"
SCENES = ("a/abbey", "a/apartment_building/outdoor", "f/field/cultivated")


def official(lists="trainvalsplit_places205/", images=IMAGES):
    """Three training and two validation images of three scenes."""
    files = {}
    for name, count in (("train_places205.csv", 3), ("val_places205.csv", 2)):
        rows = [f"{scene}/gsun_{count}{n}.jpg {label}" for n in range(count) for label, scene in enumerate(SCENES)]
        files[f"{lists}{name}"] = "\n".join(rows) + "\n"
        files |= {f"{images}/{row.split()[0]}": None for row in rows}
    return files


@pytest.mark.parametrize("places", [{}, {"lists": "", "images": "images256"}])
def test_lists_are_read(places, tree):
    """In the order of the list; scenes are their folders without the initial; labels count from 0 already."""
    folder = tree(official(**places))
    train, validation = (places_205.read(folder, split) for split in ("train", "validation"))
    assert train.classes == validation.classes == ("abbey", "apartment_building/outdoor", "field/cultivated")
    assert train.targets.tolist() == [0, 1, 2] * 3
    assert validation.targets.tolist() == [0, 1, 2] * 2
    assert validation.images.paths[4] == folder / places.get("images", IMAGES) / f"{SCENES[1]}/gsun_21.jpg"
    assert (validation.name, validation.split) == ("places_205", "validation")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a/abbey/gsun_20.jpg,0", r"val_places205.csv, line 1: expected path class, got 'a/abbey/gsun_20.jpg,0'"),
        ("a/abbey/gsun_20.jpg x", r"expected lines of a path and a class from 0, got 'a/abbey/gsun_20.jpg x'"),
        ("gsun_20.jpg 0", r"expected lines of a path and a class from 0, got 'gsun_20.jpg 0'"),
        ("a/abbey/gsun_99.jpg 0", r"a/abbey/gsun_99.jpg is listed in .*val_places205.csv but missing"),
        ("a/abbey/gsun_20.jpg 0\nf/field/cultivated/gsun_20.jpg 0", r"calls class 1 both 'abbey' and 'field/cultivat"),
        ("a/abbey/gsun_20.jpg 1", r"should number its 1 classes from 1 to 1"),
    ],
)
def test_damage_is_named(content, complaint, tree):
    """The list and what is wrong."""
    folder = tree(official() | {"trainvalsplit_places205/val_places205.csv": content})
    with pytest.raises(ValueError, match=complaint):
        places_205.read(folder, "validation")


def test_missing_places_are_named(tmp_path):
    """The list, the images, an unknown split."""
    with pytest.raises(ValueError, match=r"train_places205.csv and .*train_places205.csv are missing"):
        places_205.read(tmp_path, "train")
    (tmp_path / "train_places205.csv").write_text("a/abbey/x.jpg 0")
    with pytest.raises(ValueError, match=r"images256 and .*images256 are missing"):
        places_205.read(tmp_path, "train")
    with pytest.raises(ValueError, match="split of places_205 must be one of 'train', 'validation'"):
        places_205.read(tmp_path, "trainval")
