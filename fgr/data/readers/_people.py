"""What the readers of faces share: names as indices, genders, and splits by person where the set has none."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._split import PARTS, by_hash, rows_of

GENDERS = ("female", "male")  # the order in every set, however its files number them; -1 where not known
SPLITS = ("all", *PARTS, "trainval")


def numbered(names: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
    """Return (B,) int64 indices into the distinct names, and these, sorted; an empty name has the index -1.

    Example:
        >>> numbered(["bo", "al", "", "bo"])
        (tensor([ 1,  0, -1,  1]), ('al', 'bo'))
    """
    distinct = tuple(sorted(set(names) - {""}))
    index = {name: number for number, name in enumerate(distinct)} | {"": -1}
    return torch.tensor([index[name] for name in names], dtype=torch.int64), distinct


def part_of(whole: ImageSet, split: str, people: Sequence[str]) -> ImageSet:
    """Return one split of a set that has none of its own: seven, one and two tenths of the people, by a hash of names.

    Args:
        whole: all images.
        split: "all", "train", "validation", "trainval" or "test".
        people: (B,) names that must not be apart.

    Raises:
        ValueError: if the split is unknown, or the people are so few that nobody is in it.
    """
    check_choice(split, SPLITS, f"split of {whole.name}")
    if split == "all":
        return replace(whole, split=split)
    rows = rows_of(by_hash(people, [""] * len(people), test=2), split)
    if not len(rows):
        raise ValueError(f"{split} of {whole.name} is empty, {len(set(people))} groups are too few: read 'all'")
    return replace(whole.select(torch.from_numpy(rows)), split=split)
