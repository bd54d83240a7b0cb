"""What a code matrix, its sizes and its class numbers must be; one clear error that names the class or the value."""

import numpy as np
import torch
from torch import Tensor

from fgr.checks import check_shape

EQUAL = 1e-6  # rows closer than this share of the longest row cannot be told apart in float32


def check_sizes(num_classes: int, length: int) -> None:
    """Raise ValueError unless there are at least two classes and one bit.

    Example:
        >>> check_sizes(1, 8)
        Traceback (most recent call last):
            ...
        ValueError: num_classes must be at least 2, got 1
    """
    if num_classes < 2:
        raise ValueError(f"num_classes must be at least 2, got {num_classes}")
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")


def check_binary_room(num_classes: int, length: int) -> None:
    """Raise ValueError if there are fewer words of `length` bits than classes."""
    needed = (num_classes - 1).bit_length()
    if length < needed:
        raise ValueError(f"{num_classes} classes need at least {needed} bits, got length {length}")


def equal_rows(codes: Tensor, tolerance: float = EQUAL) -> tuple[int, int] | None:
    """Return two classes with the same codeword, or None if all are distinct.

    Rows are sorted by one projection, so that only neighbours are compared: n log n instead of n^2.

    Args:
        codes: (n, k).
        tolerance: rows at most this far apart, as a share of the longest row, are the same.

    Example:
        >>> equal_rows(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]))
        (0, 2)
    """
    rows = codes.detach().double().cpu()
    limit = tolerance * torch.linalg.vector_norm(rows, dim=1).max().item()
    direction = torch.from_numpy(np.random.default_rng(0).standard_normal(rows.shape[1]))  # any, but always the same
    places, order = (rows @ (direction / direction.norm())).sort(stable=True)
    for step in range(1, len(rows)):
        near = (places[step:] - places[:-step] <= limit).nonzero().squeeze(1)
        if not len(near):
            return None
        first, second = order[near], order[near + step]
        same = (rows[first] - rows[second]).norm(dim=1) <= limit
        if same.any():
            pairs = torch.stack([first, second])[:, same].sort(0).values
            low, high = pairs.T.tolist()[0] if pairs.shape[1] == 1 else min(pairs.T.tolist())
            return low, high
    return None


def check_entries(codes: Tensor) -> None:
    """Raise ValueError unless all entries of `codes` (n, k) are finite floating point numbers; names the entry."""
    if not codes.is_floating_point():
        raise ValueError(f"codes must be floating point, got {codes.dtype}; use codes.float()")
    if not codes.isfinite().all():
        row, column = (~codes.isfinite()).nonzero()[0].tolist()
        raise ValueError(f"codes[{row}, {column}] is {codes[row, column].item()}; codes must be finite")


def check_codes(codes: Tensor, allow_duplicates: bool = False) -> None:
    """Raise ValueError unless `codes` is a usable code matrix M of n classes and k bits.

    Args:
        codes: (n, k) floating point, one codeword a row.
        allow_duplicates: accept classes with the same word, which no output can tell apart (one-hot codes with bits
            left out have them).

    Raises:
        ValueError: on a wrong shape or type, a value that is not finite (names the entry), or two classes with the
            same word (names them).

    Example:
        >>> check_codes(torch.tensor([[1.0, -1.0], [1.0, -1.0]]))
        Traceback (most recent call last):
            ...
        ValueError: classes 0 and 1 have the same codeword; use a longer code, or allow_duplicates=True to accept that they cannot be told apart
    """  # noqa: E501 - the message is one line
    check_shape(codes, "n k", "codes")
    check_sizes(*codes.shape)
    check_entries(codes)
    if not allow_duplicates and (pair := equal_rows(codes)):
        raise ValueError(
            f"classes {pair[0]} and {pair[1]} have the same codeword; use a longer code, or allow_duplicates=True "
            "to accept that they cannot be told apart"
        )


def class_numbers(targets: Tensor, samples: int, num_classes: int | None = None) -> Tensor:
    """Return targets as int64, in which alone torch reads them as indices: uint8 would be a mask.

    Args:
        targets: (samples,) of any integer type.
        samples: how many there must be.
        num_classes: n, if they must lie in [0, n). Not looked at while exported or compiled: values are unknown then.

    Raises:
        ValueError: on another shape or type, or a number that is no class.

    Example:
        >>> class_numbers(torch.tensor([2, 0], dtype=torch.uint8), samples=2, num_classes=3)
        tensor([2, 0])
    """
    check_shape(targets, str(samples), "targets")
    if targets.is_floating_point() or targets.is_complex() or targets.dtype is torch.bool:
        raise ValueError(f"targets must be whole class numbers, got {targets.dtype}; use targets.long()")
    targets = targets.long()
    if num_classes is None or torch.compiler.is_compiling() or not len(targets):
        return targets
    if not 0 <= int(targets.min()) <= int(targets.max()) < num_classes:
        wrong = int(targets.min()) if targets.min() < 0 else int(targets.max())
        raise ValueError(f"targets must be in [0, {num_classes}), got {wrong}")
    return targets
