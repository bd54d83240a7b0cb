"""Classes in an order, such as age groups and levels of pain: near misses, and levels merged."""

import torch
from torch import Tensor

from fgr.checks import check_shape


def one_off_accuracy(predicted: Tensor, true: Tensor) -> float:
    """Return the share of samples whose class is right or a neighbour of the right one (1-off, thesis chapter 3).

    Args:
        predicted, true: (n,) int64 classes in their order.

    Raises:
        ValueError: on different lengths, none at all, or classes that are not whole numbers.

    Example:
        >>> one_off_accuracy(torch.tensor([0, 1, 2, 3]), torch.tensor([0, 2, 4, 0]))
        0.5
    """
    check_shape(predicted, "n", "predicted")
    check_shape(true, str(len(predicted)), "true")
    for name, classes in (("predicted", predicted), ("true", true)):
        if classes.is_floating_point() or classes.dtype == torch.bool:
            raise ValueError(f"{name} must be whole numbers, got {classes.dtype}")
    if len(predicted) == 0:
        raise ValueError("predicted and true must not be empty")
    return ((predicted.long() - true.long()).abs() <= 1).double().mean().item()


def merge_pain_levels(levels: Tensor) -> Tensor:
    """Return PSPI levels 0 to 16 as the six levels of Table 2.4: 4 and 5 become 4, everything from 6 on becomes 5.

    Args:
        levels: (...) whole numbers, of any type.

    Returns:
        A tensor of the same shape and type.

    Raises:
        ValueError: on a level below 0, above 16, or between two whole numbers.

    Example:
        >>> merge_pain_levels(torch.tensor([0, 3, 4, 5, 6, 16]))
        tensor([0, 3, 4, 4, 5, 5])
    """
    wrong = ~((levels >= 0) & (levels <= 16) & (levels == levels.round()))
    if wrong.any():
        raise ValueError(f"PSPI levels are whole numbers from 0 to 16, got {levels[wrong].flatten()[0].item()}")
    return torch.where(levels >= 6, 5, torch.where(levels == 5, 4, levels)).to(levels.dtype)
