"""Street View House Numbers, cropped digits (format 2): MATLAB files with images X (32, 32, 3, B) and labels y (B, 1).

http://ufldl.stanford.edu/housenumbers: the digit 0 has the label 10.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers._layout import matlab
from fgr.data.readers._split import PARTS

CLASSES = tuple("0123456789")
VALIDATION = 400  # the last images of every digit in the official training part


def read(folder: Path, split: str, extra: bool = False) -> ImageSet:
    """Read one split from `train_32x32.mat`, `test_32x32.mat` and `extra_32x32.mat`.

    validation is the last 400 images of every digit in the official training part (in the order of the file, so that
    digits of one house number mostly stay together), train the rest, trainval all of it.

    Args:
        folder: holds the files.
        split: "train", "validation", "trainval" or "test".
        extra: whether train and trainval end with the 531,131 easier images of the extra part, as in the thesis.

    Raises:
        ValueError: if a file is missing or damaged, or `extra` is asked for another split.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from scipy.io import savemat
        >>> with TemporaryDirectory() as root:
        ...     file = Path(root, "test_32x32.mat")
        ...     savemat(file, {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": [[1], [10]]})
        ...     digits = read(Path(root), "test")
        >>> digits.images.shape, digits.targets.tolist()
        (torch.Size([2, 3, 32, 32]), [1, 0])
    """
    check_choice(split, (*PARTS, "trainval"), "split of svhn")
    if extra and split not in ("train", "trainval"):
        raise ValueError(f"extra belongs to train and trainval, not to {split}: leave it out")
    images, targets = _part(folder / f"{'test' if split == 'test' else 'train'}_32x32.mat")
    if split in ("train", "validation"):
        held_out = _last_of_each(targets, VALIDATION)
        rows = held_out if split == "validation" else ~held_out
        images, targets = images[rows], targets[rows]
    if extra:
        more = _part(folder / "extra_32x32.mat")
        images, targets = torch.cat([images, more[0]]), torch.cat([targets, more[1]])
    return ImageSet("svhn", split, images, targets, CLASSES)


def _part(file: Path) -> tuple[Tensor, Tensor]:
    images, labels = matlab(file, "X", "y")
    images, labels = np.asarray(images), np.atleast_1d(labels).astype(np.int64)
    images = images[..., None] if images.ndim == 3 else images  # a single image loses its dimension
    if images.dtype != np.uint8 or images.shape[:3] != (32, 32, 3) or images.shape[3:] != labels.shape:
        raise ValueError(
            f"{file} should hold X (32, 32, 3, B) uint8 and y (B, 1), got X {images.shape} {images.dtype} and "
            f"{labels.size} labels; format 2, the cropped digits, is meant"
        )
    if labels.min() < 1 or labels.max() > 10:
        raise ValueError(f"{file} holds labels from {labels.min()} to {labels.max()}; SVHN has 1 to 10: fetch it again")
    pixels = np.ascontiguousarray(images.transpose(3, 2, 0, 1))  # (B, 3, 32, 32)
    return torch.from_numpy(pixels), torch.from_numpy(labels % 10)


def _last_of_each(targets: Tensor, count: int) -> Tensor:
    """Return (B,) bool: whether a row is among the last `count` of its class."""
    counts = torch.nn.functional.one_hot(targets, len(CLASSES)).flip(0).cumsum(0).flip(0)  # (B, 10), from here on
    return counts.gather(1, targets[:, None])[:, 0] <= count
