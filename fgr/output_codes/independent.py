"""Codes that know nothing of the classes: one bit a class (one-hot), and words drawn from a normal distribution."""

import torch
from torch import Tensor

from fgr.output_codes.validation import check_sizes


def one_hot(num_classes: int, length: int | None = None) -> Tensor:
    """Return the one-hot code, or its first `length` bits.

    With bits left out every class from `length` on has the word of zeros, so at most length + 1 classes can be told
    apart: the linear decay of Fig. 6.3 and the 32.4% at 66 bits of Table 6.1. `CodeHead` takes such a code only with
    allow_duplicates=True.

    Args:
        num_classes: n, at least 2.
        length: in [1, n]; n by default.

    Returns:
        (n, length) of zeros and ones.

    Raises:
        ValueError: on a length outside [1, n].

    Example:
        >>> one_hot(3, length=2)
        tensor([[1., 0.],
                [0., 1.],
                [0., 0.]])
    """
    length = num_classes if length is None else length
    check_sizes(num_classes, length)
    if length > num_classes:
        raise ValueError(f"a one-hot code of {num_classes} classes has at most {num_classes} bits, got length {length}")
    return torch.eye(num_classes, length)


def gaussian(num_classes: int, length: int, generator: torch.Generator) -> Tensor:
    """Return codewords drawn from N(0, 1): the random codes of section 6.4.3.

    Their rows differ in length, so the decoder of Eq. 6.1 prefers short words unless it normalises them (`decode`).

    Args:
        num_classes: n, at least 2.
        length: k, any.
        generator: all randomness.

    Returns:
        (n, k).

    Example:
        >>> gaussian(5, 8, torch.Generator().manual_seed(0)).shape
        torch.Size([5, 8])
    """
    check_sizes(num_classes, length)
    return torch.randn(num_classes, length, generator=generator, device=generator.device)
