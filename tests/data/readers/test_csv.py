"""Your own images in a CSV file: columns, splits, folds, and what is wrong in which line."""

import math

import pytest

from fgr.data import load
from fgr.data.readers import csv

TABLE = """path,label,subject,fold,age,gender
a.png,10,anna,0,31,f
"sub, folder/b.png",9,bert,1,,Male
c.png,10,anna,0,32.5,female

d.png,9,,1,0,
"""


def images(*names):
    """Image files."""
    return {name: None for name in names}


def own():
    """Four images and their list."""
    return images("a.png", "sub, folder/b.png", "c.png", "d.png") | {"images.csv": TABLE}


def test_columns_are_read(tree):
    """Labels in the order of numbers; what is empty is NaN or -1; empty lines and quoted commas are fine."""
    data = load("csv", "all", folder=tree(own()))
    known = data.annotations
    assert data.classes == ("9", "10")
    assert data.targets.tolist() == [1, 0, 1, 0]
    assert [path.name for path in data.images.paths] == ["a.png", "b.png", "c.png", "d.png"]
    assert data.labels["subject"] == ("anna", "bert")
    assert known["subject"].tolist() == [0, 1, 0, -1]
    assert known["fold"].tolist() == [0, 1, 0, 1]
    assert known["age"].tolist() == pytest.approx([31, math.nan, 32.5, 0], nan_ok=True)
    assert [("none" if index < 0 else data.labels["gender"][index]) for index in known["gender"]] == [
        *("female", "male", "female", "none"),
    ]
    assert data.name == "csv"


def test_path_and_label_are_enough(tree):
    """Words are sorted as words; spaces around names and values and a mark of byte order do not count."""
    table = "\ufeffpath , label\n a.png , wren \nb.png,robin\n"
    data = csv.read(tree(images("a.png", "b.png") | {"birds.csv": table}), "all", file="birds.csv")
    assert data.classes == ("robin", "wren")
    assert data.targets.tolist() == [1, 0]
    assert dict(data.annotations) == {}


def test_folds(tree):
    """The fold tests, the others train."""
    folder = tree(own())
    train, test = (csv.read(folder, split, fold=1) for split in ("train", "test"))
    assert [path.name for path in train.images.paths] == ["a.png", "c.png"]
    assert [path.name for path in test.images.paths] == ["b.png", "d.png"]
    assert (train.split, test.split) == ("train", "test")


def test_splits_by_hash_share_no_subject_and_do_not_depend_on_the_place(tree, tmp_path):
    """Ten people with three images; the same list elsewhere is split alike; without subjects, by path."""
    names = [f"{person}-{number}.png" for person in range(10) for number in range(3)]
    rows = "".join(f"{name},x,person {name[0]}\n" for name in names)
    folder = tree(images(*names) | {"images.csv": "path,label,subject\n" + rows})
    parts = {split: csv.read(folder, split) for split in ("train", "validation", "test")}
    people = [set(part.annotations["subject"].tolist()) for part in parts.values()]
    assert [len(part) for part in parts.values()] == [21, 3, 6]
    assert len(set.union(*people)) == 10
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    again = csv.read(elsewhere, "test")
    assert [path.name for path in again.images.paths] == [path.name for path in parts["test"].images.paths]
    (elsewhere / "images.csv").write_text("path,label\n" + "".join(f"{name},x\n" for name in names))
    by_path = {split: csv.read(elsewhere, split) for split in ("trainval", "test")}
    assert [len(part) for part in by_path.values()] == [24, 6]
    again = csv.read(elsewhere.rename(tmp_path / "third"), "test")
    assert [path.name for path in again.images.paths] == [path.name for path in by_path["test"].images.paths]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("path,label\na.png\n", r"images.csv, line 2: expected 2 fields \(path, label\), got 1"),
        ("path,label\na.png,x\na, b.png,x\n", r"images.csv, line 3: expected 2 fields .* got 3; quote a field"),
        ("path,label\na.png,x\n,x\n", "line 3: the path is empty"),
        ("path,label\na.png,\n", "line 2: the label is empty"),
        ("path,label\na.png,x\nb.png,x\n", r"images.csv, line 3: .*b.png is not there"),
        ("path,label,fold\na.png,x,\n", "line 2: the fold should be a whole number from 0 on, got ''"),
        ("path,label,fold\na.png,x,-1\n", "got '-1'"),
        ("path,label,age\na.png,x,old\n", "line 2: the age should be a number of years or empty, got 'old'"),
        ("path,label,age\na.png,x,-3\n", "got '-3'"),
        ("path,label,age\na.png,x,inf\n", "got 'inf'"),
        ("path,label,gender\na.png,x,w\n", "line 2: the gender should be f, m or empty, got 'w'"),
        ("path,label,subjct\na.png,x,s\n", "line 1: unknown column 'subjct'; there may be path, label, subject"),
        ("path,class\na.png,x\n", "line 1: the column label is missing; there are path, class"),
        ("path,label,label\na.png,x,x\n", "line 1: the column 'label' is there twice"),
        ("path;label\na.png;x\n", "line 1: the column path is missing; there are path;label"),
        ("path,label\n", "lists nothing below its column names"),
        ("", "line 1: the column path is missing; there are none"),
        ('path,label\n"a.png,x\n', "line 2: unexpected end of data"),
    ],
)
def test_damage_is_named(table, complaint, tree):
    """File and line, and what was expected."""
    folder = tree(images("a.png") | {"images.csv": table})
    with pytest.raises(ValueError, match=complaint):
        csv.read(folder, "all")


def test_folds_and_splits_that_do_not_fit_are_refused(tree):
    """A fold that is not there, a split that folds do not make, a subject in two, too few people, no list, no text."""
    folder = tree(own())
    for split, options, complaint in [
        ("test", {"fold": 7}, r"fold 7 of .*images.csv leaves train or test empty; there are \[0, 1\]"),
        ("validation", {"fold": 0}, "fold belongs to train and test, not to validation"),
        ("dev", {}, "split of csv must be one of 'all', 'train'"),
        ("validation", {}, "validation of csv is empty, 3 groups are too few"),
        ("all", {"file": "list.csv"}, r"list.csv is missing"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            csv.read(folder, split, **options)
    (folder / "images.csv").write_text(TABLE.replace("32.5", "32").replace("c.png,10,anna,0", "c.png,10,anna,1"))
    with pytest.raises(ValueError, match=r"images.csv: subject 'anna' is in the folds 0 and 1"):
        csv.read(folder, "test", fold=1)
    (folder / "images.csv").write_text("path,label\na.png,x\n")
    with pytest.raises(ValueError, match="has no column fold"):
        csv.read(folder, "test", fold=0)
    (folder / "images.csv").write_bytes("path,label\na.png,é\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"images.csv is no UTF-8 text"):
        csv.read(folder, "all")
