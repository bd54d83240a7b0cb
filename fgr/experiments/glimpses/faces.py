"""The faces of chapter 3, generated or the reader's own, with the three things that can be asked about them."""

import functools
from dataclasses import replace

import torch
from torch import Tensor

from fgr import data
from fgr.checks import check_choice
from fgr.data import ImageSet
from fgr.data.age_groups import ADIENCE, group_of, names
from fgr.data.splits import by_fold, frame_folds, subject_folds

GENERATED = "synthetic_faces"
OWN = ("utkface", "adience", "morph2", "csv")  # sets that a reader of the page may hold
DATASETS = (GENERATED, *OWN)
LABELS = ("age", "gender", "years")  # eight groups; female, male; a class a year
SPLITS = ("train", "validation", "test")
OLDEST = 100  # years; DEX has classes 0 to 100, older people count as 100
FOLD_SEED = 0  # of the draw of folds


def labelled(faces: ImageSet, labels: str) -> ImageSet:
    """Return the faces whose label is known, with it as their class.

    Args:
        faces: with the annotation `gender`, and `age` in years or `age_group`.
        labels: "age" (Adience's eight groups; an age between two goes to the nearer), "gender", or "years" (0 to 100).

    Raises:
        ValueError: if the set does not know what is asked, or `labels` is unknown.

    Example:
        >>> two = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
        >>> faces = ImageSet("csv", "all", two, torch.zeros(2).long(), ("x",), {"age": torch.tensor([7.9, 61.0])})
        >>> labelled(faces, "age").targets.tolist(), labelled(faces, "years").targets.tolist()
        ([1, 7], [7, 61])
    """
    check_choice(labels, LABELS, "labels")
    known = faces.annotations
    needed = {"gender": ("gender",), "years": ("age",), "age": ("age", "age_group")}[labels]
    given = [name for name in needed if name in known]
    if not given:
        raise ValueError(f"{faces.name} knows no {' and no '.join(needed)} of its faces, so {labels} cannot be learned")
    if labels == "gender":
        targets, classes = known["gender"].long(), ("female", "male")
    elif labels == "years":
        targets, classes = _years(known["age"]), tuple(map(str, range(OLDEST + 1)))
    else:
        targets, classes = groups_of(faces), names(ADIENCE)
    have = targets >= 0
    faces = faces if have.all() else faces.select(have)
    return replace(faces, targets=targets[have], classes=classes)


def groups_of(faces: ImageSet) -> Tensor:
    """Return the age group of each face (B,), an index into `ADIENCE`; -1 where it is not known."""
    known = faces.annotations
    if "age" in known:
        return group_of(known["age"].float(), between="nearest")
    return known["age_group"].long() if "age_group" in known else torch.full((len(faces),), -1)


def _years(age: Tensor) -> Tensor:
    return torch.where(age.isnan(), -1, age.nan_to_num(0).floor().clamp(max=OLDEST)).long()


@functools.lru_cache(maxsize=4)
def read(
    dataset: str,
    folder: str,
    split: str,
    count: int,
    size: int,
    population: str = "a",
    per_subject: int = 2,
    margin: float = 0.0,
) -> ImageSet:
    """Return faces in memory: `count` generated ones of a split, or all of the reader's own, cut to squares.

    Args:
        size: pixels of a side.
        population, per_subject: of generated photographs.
        margin: share of their side that is cut off, half of it at each edge, so that faces fill more of the image.
    """
    check_choice(dataset, DATASETS, "dataset")
    if dataset == GENERATED:
        whole = round(size / (1 - margin))
        drawn = data.load(dataset, split, count=count, size=whole, population=population, per_subject=per_subject)
        return cut(drawn, size)
    if not folder:
        raise ValueError(f"dataset {dataset!r} needs folder=, the place of the faces")
    return data.load(dataset, "all", folder=folder).in_memory(size, crop="centre")


def cut(faces: ImageSet, size: int) -> ImageSet:
    """Return the middle of generated photographs, size x size pixels, with the regions that it shows."""
    first = (faces.images.shape[-1] - size) // 2
    middle = slice(first, first + size)
    known = {
        name: value for name, value in faces.annotations.items() if name != "landmarks"
    }  # these would lie elsewhere
    known["regions"] = known["regions"][:, middle, middle]
    return replace(faces, images=faces.images[..., middle, middle].contiguous(), annotations=known)


def in_folds(faces: ImageSet, folds: int, fold: int) -> dict[str, ImageSet]:
    """Return split -> faces, where nobody is in two: one fold tests, the next validates, all others train.

    The set's own folds are taken where it has as many (Adience), else folds of whole subjects are drawn; a set that
    does not know its subjects (UTKFace) is cut image by image.

    Raises:
        ValueError: on fewer than three folds.
    """
    if folds < 3:
        raise ValueError(f"folds must be 3 or more: one tests, one validates, the rest trains; got {folds}")
    known, draw = faces.annotations, torch.Generator().manual_seed(FOLD_SEED)
    subjects = known.get("subject")
    if "fold" in known and known["fold"].unique().numel() == folds:
        number = known["fold"].unique(return_inverse=True)[1]
    elif subjects is not None and (subjects >= 0).all():
        number = subject_folds(subjects.long(), faces.targets, folds, draw)
    else:
        number, subjects = frame_folds(faces.targets, folds, draw), None
    test = fold % folds
    held = by_fold(number, subjects)[test]  # checks that no subject is on both sides
    validates = number == (test + 1) % folds
    train = held.train[~validates[held.train]]
    return {"train": faces.select(train), "validation": faces.select(validates), "test": faces.select(held.test)}
