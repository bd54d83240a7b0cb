"""Adience: fold files and folders as the official read-me and page describe them.

The read-me lists the columns user_id (the folder), original_image, face_id, age, gender, x, y, dx, dy, tilt_ang,
fiducial_yaw_angle and fiducial_score, between tabs. Public loaders agree on the images,
faces/<user_id>/coarse_tilt_aligned_face.<face_id>.<original_image> and
aligned/<user_id>/landmark_aligned_face.<face_id>.<original_image>, on fold_0_data.txt to fold_4_data.txt, on
fold_frontal_0_data.txt to fold_frontal_4_data.txt for nearly frontal faces, on ages that are no group ("35",
"(27, 32)", "(8, 23)", "None") and on empty genders.
"""

import math

import pytest
import torch

from fgr.data import load
from fgr.data.readers import adience
from fgr.data.splits import by_fold

# user, face, age, gender
FOLDS = [
    [("30601258@N03", 1, "(25, 32)", "f"), ("30601258@N03", 2, "(25, 32)", "m"), ("30601258@N03", 2, "35", "m")],
    [("7285955@N06", 2050, "(0, 2)", "u"), ("7285955@N06", 2051, "None", "f")],
    [("9855553@N08", 100, "(60, 100)", ""), ("9855553@N08", 101, "(8, 12)", "m")],
    [("113728563@N05", 1, "(27, 32)", "f"), ("113728563@N05", 7, "(8, 23)", "f")],
    [("115321157@N03", 1742, "13", "m"), ("115321157@N03", 1743, "(48, 53)", "f"), ("115321157@N03", 1744, "", "")],
]


def official(frontal_only=lambda face: face % 2 == 0):
    """Twelve faces in five folds, in both layouts, and the frontal lists."""
    files, header = {}, "\t".join(adience.COLUMNS) + "\n"
    for number, faces in enumerate(FOLDS):
        rows, frontal = [], []
        for row, (user, face, age, gender) in enumerate(faces):
            image = f"10399{number}{row}_a04f4c26a1_o.jpg"
            rows.append(
                "\t".join([user, image, str(face), age, gender, "0", "414", "1086", "1383", "-115", "30", "17"])
            )
            if frontal_only(face):
                frontal.append(rows[-1])
            files[f"faces/{user}/coarse_tilt_aligned_face.{face}.{image}"] = None
            files[f"aligned/{user}/landmark_aligned_face.{face}.{image}"] = None
        files[f"fold_{number}_data.txt"] = header + "\n".join(rows) + "\n"
        files[f"fold_frontal_{number}_data.txt"] = header + "\n".join(frontal) + "\n"
    return files


def shown(faces):
    """What each face is called, and its class."""
    people = [faces.labels["subject"][index].split("/")[1] for index in faces.annotations["subject"]]
    return [(int(person), faces.classes[target]) for person, target in zip(people, faces.targets)]


def test_ages(tree):
    """Faces with a group, in the order of the files; those without one are left out."""
    faces = load("adience", "all", folder=tree(official()))
    assert shown(faces) == [
        *[(1, "25-32"), (2, "25-32"), (2050, "0-2"), (100, "60+"), (101, "8-13"), (1, "25-32"), (1742, "8-13")],
        (1743, "48-53"),
    ]
    assert len(faces.classes) == 8
    known = faces.annotations
    assert known["fold"].tolist() == [0, 0, 1, 2, 2, 3, 4, 4]
    assert known["gender"].tolist() == [0, 1, -1, -1, 1, 0, 1, 0]
    assert known["age_range"].tolist() == [[25, 32], [25, 32], [0, 2], [60, 100], [8, 12], [27, 32], [13, 13], [48, 53]]
    assert known["yaw"].tolist() == [30] * 8
    assert len(known["subject"].unique()) == 8  # face 1 of one user is not face 1 of another
    assert faces.images.paths[0].name == "landmark_aligned_face.1.1039900_a04f4c26a1_o.jpg"
    assert faces.images.paths[0].parent.name == "30601258@N03"


def test_ages_between_groups(tree):
    """With "nearest", 35 and (8, 23) have a group; None has not."""
    faces = adience.read(tree(official()), "all", between="nearest")
    assert len(faces) == 10
    assert shown(faces)[2] == (2, "25-32")
    assert shown(faces)[7] == (7, "8-13")


def test_genders(tree):
    """Faces with a gender, whatever their age; u and nothing are left out."""
    faces = adience.read(tree(official()), "all", labels="gender")
    assert [gender for _, gender in shown(faces)] == [
        "female", "male", "male", "female", "male", "female", "female", "male", "female",
    ]  # fmt: skip
    assert faces.annotations["age_group"].tolist() == [4, 4, -1, -1, 2, 4, -1, 2, 6]
    unknown = faces.annotations["age_range"][3]
    assert all(math.isnan(year) for year in unknown)


@pytest.mark.parametrize("labels", ["age", "gender"])
def test_official_folds(labels, tree):
    """Every fold tests once; train and test together are all; no subject is on both sides."""
    folder = tree(official())
    whole = adience.read(folder, "all", labels=labels)
    splits = by_fold(whole.annotations["fold"], whole.annotations["subject"])
    for fold, split in enumerate(splits):
        for part, rows in zip(("train", "test"), split):
            read = adience.read(folder, part, labels=labels, fold=fold)
            assert read.images.paths == whole.select(rows).images.paths
            assert torch.equal(read.targets, whole.targets[rows])
            assert (read.split, read.name) == (part, "adience")


def test_other_images_and_frontal_lists(tree):
    """faces/ instead of aligned/, the frontal lists, and the archive's own folder."""
    folder = tree({f"{adience.ARCHIVE}/{name}": content for name, content in official().items()})
    coarse = adience.read(folder, "test", fold=2, images="faces")
    assert coarse.images.paths[0].name == "coarse_tilt_aligned_face.100.1039920_a04f4c26a1_o.jpg"
    assert coarse.images[0].shape == (3, 8, 12)
    frontal = adience.read(folder, "all", labels="gender", frontal=True)
    assert [person for person, _ in shown(frontal)] == [2, 2, 1742]


def damaged(line, field, value):
    """Fold 1 with another value in one field; None takes the field away."""
    files = official()
    rows = files["fold_1_data.txt"].splitlines()
    fields = rows[line - 1].split("\t")
    fields[field : field + 1] = [] if value is None else [value]
    rows[line - 1] = "\t".join(fields)
    return files | {"fold_1_data.txt": "\n".join(rows)}


@pytest.mark.parametrize(
    ("line", "field", "value", "complaint"),
    [
        (1, 3, "years", r"fold_1_data.txt, line 1: expected the names user_id"),
        (2, 3, "(2, 0)", r"fold_1_data.txt, line 2: an age is a range .* got '\(2, 0\)'"),
        (3, 3, "young", r"fold_1_data.txt, line 3: an age is a range"),
        (3, 4, "x", r"fold_1_data.txt, line 3: the gender should be f, m, u or empty, got 'x'"),
        (3, 10, "left", r"fold_1_data.txt, line 3: could not convert string to float: 'left'"),
        (3, 6, None, r"fold_1_data.txt, line 3: expected 12 fields between tabs, got 11"),
        (2, 2, "9", r"landmark_aligned_face.9.1039910_a04f4c26a1_o.jpg is listed in .*fold_\*_data.txt but missing"),
    ],
)
def test_damage_is_named(line, field, value, complaint, tree):
    """File and line, or the image that is not there."""
    folder = tree(damaged(line, field, value))
    with pytest.raises(ValueError, match=complaint):
        adience.read(folder, "all")


def test_options_that_do_not_fit_are_refused(tree):
    """A split without fold, a fold without split, and unknown choices."""
    folder = tree(official())
    for split, options, complaint in [
        ("train", {}, "train and test need fold="),
        ("test", {"fold": 5}, "0 to 4"),
        ("all", {"fold": 0}, "all takes none"),
        ("validation", {}, "split of adience must be one of 'all', 'train', 'test'"),
        ("all", {"labels": "age_group"}, "labels must be one of"),
        ("all", {"images": "raw"}, "images must be one of"),
        ("all", {"between": "up"}, "between must be one of"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            adience.read(folder, split, **options)
    (folder / "fold_3_data.txt").unlink()
    with pytest.raises(ValueError, match=r"fold_3_data.txt is missing"):
        adience.read(folder, "all")
