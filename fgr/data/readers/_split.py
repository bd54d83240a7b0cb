"""Splits that the official files do not give: tenths of every class, chosen by a hash of the name, which stays."""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np

PARTS = ("train", "validation", "test")


def by_hash(keys: Sequence[str], strata: Sequence[Hashable], validation: int = 1, test: int = 0) -> np.ndarray:
    """Return the part of every row: the same tenths of every stratum, rows of one key never apart.

    The keys of a stratum, in the order of their SHA-256: the first `test` tenths (rounded) are test, the next
    `validation` tenths validation, the rest train. A key that occurs several times counts in its first row's stratum.

    Args:
        keys: what identifies a row whatever the machine or the order, e.g. the file name.
        strata: the class of every row.
        validation, test: tenths.

    Returns:
        (B,) of "train", "validation" and "test".

    Example:
        >>> by_hash([f"{number}.png" for number in range(10)], ["cat"] * 10, test=2).tolist().count("test")
        2
    """
    members = defaultdict(list)
    for key, stratum in dict(zip(reversed(keys), reversed(strata))).items():  # reversed, so that the first row counts
        members[stratum].append(key)
    part = {}
    for names in members.values():
        names.sort(key=lambda name: hashlib.sha256(name.encode()).digest())
        tested = (len(names) * test + 5) // 10
        validated = tested + (len(names) * validation + 5) // 10
        for rank, name in enumerate(names):
            part[name] = "test" if rank < tested else "validation" if rank < validated else "train"
    return np.array([part[key] for key in keys], dtype="<U10")


def rows_of(part: np.ndarray, split: str) -> np.ndarray:
    """Return the rows of a split; "trainval" is train and validation, "all" everything."""
    if split == "all":
        return np.arange(len(part))
    return np.flatnonzero((part != "test") if split == "trainval" else (part == split))
