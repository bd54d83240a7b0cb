"""UTKFace: names as the official page describes them, and those that lack a label.

A name is [age]_[gender]_[race]_[date&time].jpg: age 0 to 116, gender 0 (male) or 1 (female), race 0 to 4, date&time
yyyymmddHHMMSSFFF; the aligned and cropped archive adds .chip.jpg. The malformed names are those that public loaders
list.
"""

import pytest

from fgr.data import load
from fgr.data.readers import utkface

WHOLE = (
    "100_0_0_20170112213500903",
    "1_0_2_20161219140623097",
    "26_1_4_20170116174525125",
    "116_1_3_20170120134921760",
)
BROKEN = (
    "39_1_20170116174525125",
    "53__0_20170116184028385",
    "61_1_20170109142408075",
    "61_1_20170109150557335",
    "61_3_20170109150557335",
)


@pytest.mark.parametrize("ending", [".jpg.chip.jpg", ".jpg", " .jpg"])
@pytest.mark.parametrize("inside", ["", "UTKFace/", "part2/"])
def test_names_are_read(ending, inside, tree):
    """All three layouts and endings; names that lack a label are left out; gender is female first, as everywhere."""
    folder = tree({f"{inside}{name}{ending}": None for name in WHOLE + BROKEN} | {f"{inside}._a.jpg": ""})
    faces = load("utkface", "all", folder=folder)
    known = faces.annotations
    assert known["age"].tolist() == [100, 116, 1, 26]
    assert [faces.classes[target] for target in faces.targets] == ["100", "116", "1", "26"]
    assert [faces.labels["gender"][index] for index in known["gender"]] == ["male", "female", "male", "female"]
    assert [faces.labels["origin"][index] for index in known["origin"]] == ["White", "Indian", "Asian", "other"]
    assert faces.images[0].shape == (3, 8, 12)
    genders = utkface.read(folder, "all", labels="gender")
    assert [genders.classes[target] for target in genders.targets] == ["male", "female", "male", "female"]


def test_splits_are_disjoint_and_complete(tree):
    """Twenty faces: 14, 2 and 4."""
    folder = tree({f"{age}_0_0_20170112213500903.jpg": None for age in range(20)})
    parts = [utkface.read(folder, split).annotations["age"].tolist() for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [14, 2, 4]
    assert sorted(age for part in parts for age in part) == list(range(20))


@pytest.mark.parametrize(
    "name", ["me.jpg", "117_0_0_20170112213500903.jpg", "20_2_0_20170112213500903.jpg", "20_0_5_20170112213500903.jpg"]
)
def test_other_names_are_refused(name, tree):
    """A label that does not exist, or no face of the set: the file is named."""
    with pytest.raises(ValueError, match=rf"{name}: expected a name such as"):
        utkface.read(tree({name: None}), "all")


def test_an_empty_folder_and_unknown_labels_are_refused(tree, tmp_path):
    """Nothing to read, or nothing but names that lack a label."""
    with pytest.raises(ValueError, match="holds no faces of UTKFace"):
        utkface.read(tmp_path, "all")
    with pytest.raises(ValueError, match="holds no faces of UTKFace"):
        utkface.read(tree({f"{BROKEN[0]}.jpg": None}), "all")
    with pytest.raises(ValueError, match="labels must be one of 'age', 'gender'"):
        utkface.read(tmp_path, "all", labels="race")
