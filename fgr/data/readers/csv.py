"""Your own images, listed in a CSV file: path and label, and what else you know of each.

path,label,subject,fold,age,gender
anna/001.jpg,happy,anna,0,31,f
bert/001.jpg,sad,bert,1,,m
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from fgr.data.images import ImageSet
from fgr.data.readers._layout import photographs
from fgr.data.readers._people import GENDERS, numbered, part_of
from fgr.data.readers._tables import rows_of_csv

NEEDED = ("path", "label")
KNOWN = (*NEEDED, "subject", "fold", "age", "gender")
SPELLINGS = {"": -1, "f": 0, "female": 0, "m": 1, "male": 1}


def read(folder: Path, split: str, file: str = "images.csv", fold: int | None = None) -> ImageSet:
    """Read the images of a list, in its order.

    Args:
        folder: holds the list; relative paths in it start here.
        split: "all"; "train", "validation", "trainval" and "test" are 7, 1, 8 and 2 tenths, by a hash of the subject
            where the list has one, else of the path: adding lines moves few images from one to another. With `fold`:
            "test" is that fold and "train" the rest.
        file: the list: UTF-8, commas, names of columns first. `path` and `label` are needed. `subject` (any name),
            `age` (years) and `gender` (f, m, female, male) may be there and be empty; `fold` (a whole number) may be
            there, but not empty.
        fold: see `split`.

    Returns:
        An `ImageSet` whose classes are the labels, sorted (as numbers if all are whole numbers), with those of
        `subject`, `fold`, `age` and `gender` that the list has.

    Raises:
        ValueError: if the list is missing, a line is wrong (it is named), an image is not there, a subject is in two
            folds, or the split has no images.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> with TemporaryDirectory() as root:
        ...     for name in ("a.png", "b.png"):
        ...         Image.new("RGB", (8, 8)).save(Path(root, name))
        ...     table = "path,label,subject,fold\\na.png,wren,s1,0\\nb.png,robin,s2,1\\n"
        ...     _ = Path(root, "images.csv").write_text(table)
        ...     whole, test = read(Path(root), "all"), read(Path(root), "test", fold=1)
        >>> whole.classes, whole.targets.tolist(), [path.name for path in test.images.paths]
        (('robin', 'wren'), [1, 0], ['b.png'])
    """
    table = folder / file
    rows = [
        (number, {name: text.strip() for name, text in row.items()})
        for number, row in rows_of_csv(table, NEEDED, KNOWN)
    ]
    for number, row in rows:
        for name in NEEDED:
            if not row[name]:
                raise ValueError(f"{table}, line {number}: the {name} is empty")
        if not (folder / row["path"]).is_file():
            raise ValueError(f"{table}, line {number}: {folder / row['path']} is not there")
    columns = rows[0][1]
    labels = [row["label"] for _, row in rows]
    classes = _sorted(labels)
    annotations, names = {}, {}
    if "subject" in columns:
        annotations["subject"], names["subject"] = numbered([row["subject"] for _, row in rows])
    if "fold" in columns:
        annotations["fold"] = torch.tensor([_fold(table, number, row["fold"]) for number, row in rows])
    if "age" in columns:
        annotations["age"] = torch.tensor([_age(table, number, row["age"]) for number, row in rows])
    if "gender" in columns:
        annotations["gender"] = torch.tensor([_gender(table, number, row["gender"]) for number, row in rows])
        names["gender"] = GENDERS
    index = {label: number for number, label in enumerate(classes)}
    targets = torch.tensor([index[label] for label in labels])
    whole = ImageSet(
        "csv",
        "all",
        photographs((folder / row["path"] for _, row in rows), table),
        targets,
        classes,
        annotations,
        names,
    )
    if fold is not None:
        return _of_fold(whole, split, fold, table)
    return part_of(whole, split, [row.get("subject") or row["path"] for _, row in rows])


def _of_fold(whole: ImageSet, split: str, fold: int, table: Path) -> ImageSet:
    if split not in ("train", "test"):
        raise ValueError(f"fold belongs to train and test, not to {split}: leave it out")
    if "fold" not in whole.annotations:
        raise ValueError(f"{table} has no column fold: add it, or leave out fold={fold}")
    folds = whole.annotations["fold"]
    tests = folds == fold
    if not tests.any() or tests.all():
        raise ValueError(f"fold {fold} of {table} leaves train or test empty; there are {folds.unique().tolist()}")
    _check_folds(whole, table)
    return replace(whole.select(tests if split == "test" else ~tests), split=split)


def _check_folds(whole: ImageSet, table: Path) -> None:
    """Refuse a subject in two folds."""
    if "subject" not in whole.annotations:
        return
    home: dict[int, int] = {}
    for person, fold in zip(whole.annotations["subject"].tolist(), whole.annotations["fold"].tolist()):
        if person >= 0 and home.setdefault(person, fold) != fold:
            name = whole.labels["subject"][person]
            raise ValueError(f"{table}: subject {name!r} is in the folds {home[person]} and {fold}: put it in one")


def _sorted(labels: Sequence[str]) -> tuple[str, ...]:
    distinct = set(labels)
    whole = all(label.isascii() and label.isdigit() for label in distinct)
    return tuple(sorted(distinct, key=(lambda label: (int(label), label)) if whole else None))


def _fold(table: Path, number: int, text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{table}, line {number}: the fold should be a whole number from 0 on, got {text!r}")
    return int(text)


def _age(table: Path, number: int, text: str) -> float:
    try:
        age = float(text) if text else math.nan
    except ValueError:
        age = -1.0
    if age < 0 or math.isinf(age):
        raise ValueError(f"{table}, line {number}: the age should be a number of years or empty, got {text!r}")
    return age


def _gender(table: Path, number: int, text: str) -> int:
    gender = SPELLINGS.get(text.lower())
    if gender is None:
        raise ValueError(f"{table}, line {number}: the gender should be f, m or empty, got {text!r}")
    return gender
