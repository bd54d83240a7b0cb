"""MORPH II: names of photographs and the table of the 2008 release, as its users describe them.

Album2/009055_1M54.JPG is photograph 1 of subject 9055, a man of 54. morph_2008_nonCommercial.csv has the columns
id_num, picture_num, dob, doa, race (B, W, A, H, O), gender (M, F), facial_hair, age, age_diff, glasses and photo
("Album2/009055_1M54.JPG"); other tables list file names alone.
"""

import pytest

from fgr.data import load
from fgr.data.readers import morph2

NAMES = ("009055_1M54", "009055_2M55", "021896_2F64", "027324_0M64", "300000_10F16")
COLUMNS = "id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo"


def album(*names):
    """Photographs without table."""
    return {f"Album2/{name}.JPG": None for name in names}


def official():
    """Five photographs and the table, which says another gender and age of one."""
    rows = [
        "300000,10,5/1/1988,6/2/2004,W,F,0,16,0,0,Album2/300000_10F16.JPG",
        "9055,1,1/1/1950,1/2/2004,B,M,1,54,0,0,Album2/009055_1M54.JPG",
        "9055,2,1/1/1950,1/2/2005,B,F,1,56,366,0,Album2/009055_2M55.JPG",
    ]
    return album(*NAMES) | {"morph_2008_nonCommercial.csv": "\r\n".join([COLUMNS, *rows]) + "\r\n"}


def test_names_are_read(tree):
    """Subject, picture, gender and age from the name; origin is not known."""
    faces = load("morph2", "all", folder=tree(official()))
    known = faces.annotations
    assert [path.stem for path in faces.images.paths] == list(NAMES)
    assert [int(faces.labels["subject"][index]) for index in known["subject"]] == [9055, 9055, 21896, 27324, 300000]
    assert known["picture"].tolist() == [1, 2, 2, 0, 10]
    assert [faces.labels["gender"][index] for index in known["gender"]] == ["male", "male", "female", "male", "female"]
    assert known["age"].tolist() == [54, 55, 64, 64, 16]
    assert known["origin"].tolist() == [-1] * 5
    assert [faces.classes[target] for target in faces.targets] == ["54", "55", "64", "64", "16"]
    assert len(faces.classes) == 101
    assert morph2.read(tree(official()), "all", labels="gender").targets.tolist() == [1, 1, 0, 1, 0]


def test_hidden_files_and_folders_are_left_out(tree):
    """What Macs and notebooks leave beside photographs would be a second copy of them, or break on its name."""
    folder = tree(official() | {"Album2/._009055_1M54.JPG": "of a Mac", ".thumbs/Album2/009055_1M54.JPG": None})
    tree({"Album2/.ipynb_checkpoints/009055_1M54-checkpoint.JPG": None})
    assert [path.stem for path in morph2.read(folder, "all").images.paths] == list(NAMES)
    assert len(morph2.read(folder, "all", table="morph_2008_nonCommercial.csv")) == 3


def test_a_table_chooses_and_goes_before_the_names(tree):
    """The official table: its order, its genders and ages, and the group of origin."""
    faces = morph2.read(tree(official()), "all", table="morph_2008_nonCommercial.csv")
    known = faces.annotations
    assert [path.stem for path in faces.images.paths] == ["300000_10F16", "009055_1M54", "009055_2M55"]
    assert [faces.labels["gender"][index] for index in known["gender"]] == ["female", "male", "female"]
    assert known["age"].tolist() == [16, 54, 56]
    assert [faces.labels["origin"][index] for index in known["origin"]] == ["W", "B", "B"]
    assert [faces.labels["subject"][index] for index in known["subject"]] == ["300000", "9055", "9055"]


def test_a_selection_needs_photo_alone(tree):
    """A list of names, without folders and in another case, such as the selection of 5,474 photographs."""
    folder = tree(official() | {"selection.csv": "photo\n021896_2f64.jpg\n009055_1M54.JPG\n"})
    faces = morph2.read(folder, "all", table="selection.csv")
    assert faces.annotations["age"].tolist() == [64, 54]
    assert faces.annotations["origin"].tolist() == [-1, -1]


def test_splits_share_no_subject(tree):
    """Ten people with one to three photographs each."""
    people = {subject: 1 + subject % 3 for subject in range(1, 11)}
    names = [f"{subject:06d}_{number}M30" for subject, count in people.items() for number in range(count)]
    folder = tree(album(*names))
    parts = {split: morph2.read(folder, split) for split in ("train", "validation", "test")}
    subjects = {split: set(part.annotations["subject"].tolist()) for split, part in parts.items()}
    assert [len(part) for part in subjects.values()] == [7, 1, 2]
    assert len(set.union(*subjects.values())) == 10
    assert sum(map(len, parts.values())) == len(names)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (album("portrait"), r"portrait.JPG: expected a name such as 009055_1M54.JPG"),
        (album("009055_1X54"), "expected a name such as"),
        (album("009055_1M101"), "expected a name such as"),
        (album("009055_1M54") | {"t.csv": "photo\n000001_0M20.JPG\n"}, r"t.csv, line 2: '000001_0M20.JPG' is not in"),
        (
            album("009055_1M54") | {"t.csv": "photo,age\n009055_1M54.JPG,old\n"},
            "line 2: the age should be .* got 'old'",
        ),
        (album("009055_1M54") | {"t.csv": "photo,gender\n009055_1M54.JPG,X\n"}, "line 2: the gender .* got 'X'"),
        (album("009055_1M54") | {"t.csv": "photo,race\n009055_1M54.JPG,Q\n"}, "line 2: race .* got 'Q'"),
        (album("009055_1M54") | {"t.csv": "photo,race\n009055_1M54.JPG\n"}, "line 2: expected 2 fields"),
        (album("009055_1M54") | {"t.csv": "path\n009055_1M54.JPG\n"}, "line 1: the column photo is missing"),
        (
            album("009055_1M54") | {"copy/009055_1M54.JPG": None, "t.csv": "photo\na.JPG\n"},
            "same name in several folders",
        ),
        ({"t.csv": "photo\n"}, "holds no photographs"),
    ],
)
def test_damage_is_named(files, complaint, tree):
    """The photograph, or table and line."""
    folder = tree(files)
    with pytest.raises(ValueError, match=complaint):
        morph2.read(folder, "all", table="t.csv" if "t.csv" in files else None)


def test_unknown_labels_and_tables_are_refused(tree):
    """The message names the choices, or the file."""
    folder = tree(official())
    with pytest.raises(ValueError, match="labels must be one of 'age', 'gender'"):
        morph2.read(folder, "all", labels="race")
    with pytest.raises(ValueError, match=r"none.csv is missing"):
        morph2.read(folder, "all", table="none.csv")
