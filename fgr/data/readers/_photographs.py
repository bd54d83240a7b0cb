"""What the readers of photographs share: names of classes, boxes in XML, and validation held out of official lists."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import torch

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._split import PARTS, by_hash, rows_of


def class_names(numbers: Sequence[int], names: Sequence[str], listed_in: Path) -> tuple[str, ...]:
    """Return the name of every class from a list that gives number (from 0) and name for every image.

    Raises:
        ValueError: if a class has two names, or a number below the largest does not occur.

    Example:
        >>> class_names([1, 0, 1], ["beagle", "pug", "beagle"], Path("list.txt"))
        ('pug', 'beagle')
    """
    known: dict[int, str] = {}
    for number, name in zip(numbers, names):
        if known.setdefault(number, name) != name:
            raise ValueError(f"{listed_in} calls class {number + 1} both {known[number]!r} and {name!r}")
    if sorted(known) != list(range(len(known))):
        raise ValueError(f"{listed_in} should number its {len(known)} classes from 1 to {len(known)}: unpack it again")
    return tuple(known[number] for number in range(len(known)))


def xml_box(file: Path) -> tuple[float, float, float, float]:
    """Return x0 y0 x1 y1 of the smallest box around all objects of a file in the format of PASCAL VOC.

    Raises:
        ValueError: if the file is missing or damaged, or holds no box of four numbers.
    """
    try:
        boxes = ElementTree.parse(file).getroot().findall("object/bndbox")
        edges = [[float(box.findtext(name, "")) for name in ("xmin", "ymin", "xmax", "ymax")] for box in boxes]
    except FileNotFoundError as error:
        raise ValueError(f"{file} is missing: unpack the official archive there") from error
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{file} is no annotation in XML with boxes of four numbers ({error})") from error
    if not edges:
        raise ValueError(f"{file} holds no box: unpack it again")
    x0, y0, x1, y1 = zip(*edges)
    return min(x0), min(y0), max(x1), max(y1)


def with_validation(official: ImageSet, split: str, keys: Sequence[str]) -> ImageSet:
    """Return a split of a set that has official lists for trainval and test alone.

    Validation is a tenth of every class of trainval, chosen by a hash, train the other nine tenths.

    Args:
        official: trainval if the split lies in it, else test.
        split: "train", "validation", "trainval" or "test".
        keys: (B,) what identifies an image on every machine: its name in the list.

    Raises:
        ValueError: if there is no such split.
    """
    check_choice(split, (*PARTS, "trainval"), f"split of {official.name}")
    if split in ("trainval", "test"):
        return replace(official, split=split)
    rows = rows_of(by_hash(keys, official.targets.tolist()), split)
    return replace(official.select(torch.from_numpy(rows)), split=split)
