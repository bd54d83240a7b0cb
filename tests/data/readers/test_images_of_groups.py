"""Images of Groups: folders and `PersonData.txt` as the official README.txt describes them.

It lists eleven folders, Wed2a Wed3a Wed5a Fam2a Fam4a Fam5a Fam8a Group2a Group4a Group5a Group8a; each row of
PersonData.txt is an image row, the name of an image (1006149518_250f8036fc_1438_9284053@N07.jpg, that is
ID_secret_server_userid), or a face row, six numbers between tabs, and belongs to the image row above it. The groups
0-2, 3-7, 8-12, 13-19, 20-36, 37-65 and 66+ are stored as 1, 5, 10, 16, 28, 51 and 75.
"""

import pytest
import torch

from fgr.data import load
from fgr.data.age_groups import IMAGES_OF_GROUPS, group_of
from fgr.data.readers import images_of_groups

FIRST, SECOND, THIRD = (
    "1006149518_250f8036fc_1438_9284053@N07.jpg",
    "2103_ab_3_111@N02.jpg",
    "99_cd_4_9284053@N07.jpg",
)


def rows(*faces):
    """Face rows."""
    return "".join("\t".join(map(str, face)) + "\n" for face in faces)


def official():
    """Two folders, three photographs by two people, one of them without faces."""
    return {
        "Wed2a/PersonData.txt": f"{FIRST}\n"
        + rows((4, 3, 8, 3, 28, 1), (10, 3, 10, 3, 75, 2))
        + f"{SECOND}\n{THIRD}\n"
        + rows((2, 2, 5, 6, 1, 2)),
        "Group8a/PersonData.txt": "3_d_5_222@N00.JPG\n"
        + rows((1, 1, 2, 1, 5, 1), (1, 1, 2, 1, 10, 1), (1, 1, 2, 1, 16, 2), (1, 1, 2, 1, 51, 2)),
        **{f"Wed2a/{name}": None for name in (FIRST, SECOND, THIRD)},
        "Group8a/3_d_5_222@N00.JPG": None,
    }


def test_faces_are_read(tree):
    """One row a face, with its photograph, eyes, group and gender."""
    faces = load("images_of_groups", "all", folder=tree(official()))
    known = faces.annotations
    assert [path.name for path in faces.images.paths] == ["3_d_5_222@N00.JPG"] * 4 + [FIRST, FIRST, THIRD]
    assert [faces.classes[target] for target in faces.targets] == [
        *("3-7", "8-12", "13-19", "37-65"),
        *("20-36", "66+", "0-2"),
    ]
    assert [faces.labels["gender"][index] for index in known["gender"]] == [
        *("female", "female", "male", "male"),
        *("female", "male", "male"),
    ]
    assert known["landmarks"][6].tolist() == [[2, 2], [5, 6]]
    assert known["photograph"].tolist() == [0, 0, 0, 0, 1, 1, 2]
    assert faces.labels["photographer"] == ("222@N00", "9284053@N07")
    assert known["photographer"].tolist() == [0, 0, 0, 0, 1, 1, 1]
    genders = images_of_groups.read(tree(official()), "all", labels="gender")
    assert genders.targets.tolist() == known["gender"].tolist()


def test_boxes(tree):
    """Three eye distances wide and high, centred on the eyes across; eyes in one place still give an area."""
    faces = images_of_groups.read(tree(official()), "all")
    boxes = faces.annotations["box"]
    assert boxes[4].tolist() == [6 - 6, 3 - 4, 6 + 6, 3 + 8]
    assert boxes[5].tolist() == [8.5, 2, 11.5, 5]
    assert boxes[6].tolist() == [3.5 - 7.5, 4 - 5, 3.5 + 7.5, 4 + 10]
    cut = faces.in_memory(30, crop="box")
    assert cut.images.shape == (7, 3, 30, 30)
    eyes = cut.annotations["landmarks"]
    assert eyes[4].tolist() == [[10, 10], [20, 10]]  # a third from the top, a third apart


def test_ages_are_middles_of_their_groups():
    """Each stored year lies in the group it stands for."""
    stored = torch.tensor(images_of_groups.AGES, dtype=torch.float64)
    assert group_of(stored, groups=IMAGES_OF_GROUPS).tolist() == list(range(7))


def test_splits_share_no_photographer(tree):
    """Ten people with three photographs each."""
    files, table = {}, ""
    for owner in range(10):
        for number in range(3):
            name = f"{number}_x_1_{owner}@N00.jpg"
            files[f"Fam2a/{name}"] = None
            table += name + "\n" + rows((1, 1, 3, 1, 28, 1))
    folder = tree(files | {"Fam2a/PersonData.txt": table})
    sizes = {}
    owners = {}
    for split in ("train", "validation", "test"):
        faces = images_of_groups.read(folder, split)
        sizes[split], owners[split] = len(faces), set(faces.annotations["photographer"].tolist())
    assert sizes == {"train": 21, "validation": 3, "test": 6}
    assert len(owners["train"] | owners["validation"] | owners["test"]) == 10


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (
            f"{FIRST}\n" + rows((1, 1, 2, 2, 28)),
            r"Wed2a/PersonData.txt, line 2: expected the name .* '1\\t1\\t2\\t2\\t28'",
        ),
        (f"{FIRST}\n" + rows((1, 1, 2, 2, 28, 1), (1, 1, 2, 2, 30, 1)), r"PersonData.txt, line 3: .* an age of 1, 5"),
        (f"{FIRST}\n" + rows((1, 1, 2, 2, 28, 0)), "line 2: .* a gender of 1 or 2"),
        (f"{FIRST}\n" + rows((1, 1, 2, "x", 28, 1)), "line 2: expected"),
        (f"{FIRST}\n" + rows((1, 1, 2, "nan", 28, 1)), "line 2: expected"),
        (rows((1, 1, 2, 2, 28, 1)), "line 1: a face before the name of any photograph"),
        ("nobody.jpg\n" + rows((1, 1, 2, 2, 28, 1)), "Wed2a/nobody.jpg is listed in .* but missing"),
        ("", "Wed2a/PersonData.txt is empty"),
    ],
)
def test_damage_is_named(table, complaint, tree):
    """File and line, or the photograph that is not there."""
    folder = tree(official() | {"Wed2a/PersonData.txt": table})
    with pytest.raises(ValueError, match=complaint):
        images_of_groups.read(folder, "all")


def test_an_empty_folder_and_unknown_labels_are_refused(tmp_path):
    """The message says what to unpack, or the choices."""
    with pytest.raises(ValueError, match=r"holds no PersonData\.txt"):
        images_of_groups.read(tmp_path, "all")
    with pytest.raises(ValueError, match="labels must be one of 'age', 'gender'"):
        images_of_groups.read(tmp_path, "all", labels="race")
