"""Values brought to mean 0 and deviation 1 by the statistics of the training part, and back (thesis section 2.2)."""

from typing import NamedTuple

import torch
from torch import Tensor


class Standardization(NamedTuple):
    """Mean and standard deviation of training values; use them on every other part too."""

    mean: Tensor  # () or (D,)
    std: Tensor  # alike; above 0

    def apply(self, values: Tensor) -> Tensor:
        """Return (values - mean) / std."""
        return (values - self.mean.to(values)) / self.std.to(values)

    def invert(self, values: Tensor) -> Tensor:
        """Return standardised values, for instance predictions, in the original unit."""
        return values * self.std.to(values) + self.mean.to(values)


def fit_standardization(values: Tensor, per_feature: bool = False) -> Standardization:
    """Return mean and deviation of training values, taken in float64.

    Args:
        values: (n, ...) features or labels of the training part.
        per_feature: one pair for every feature (the second dimension on). The released tool has one pair for all. A
            feature that never changes gets the deviation 1 and becomes zero everywhere.

    Raises:
        ValueError: if there are no values, one is not finite, or all are equal (a label that never changes cannot be
            learned).

    Example:
        >>> scale = fit_standardization(torch.tensor([0.0, 2.0, 4.0]))
        >>> scale.apply(torch.tensor([2.0])).item(), scale.invert(torch.tensor([0.0])).item()
        (0.0, 2.0)
    """
    if values.numel() == 0:
        raise ValueError("there are no training values to standardise by")
    bad = ~values.isfinite().reshape(len(values), -1).all(1)
    if bad.any():
        raise ValueError(f"training value {int(bad.nonzero()[0])} is not finite; leave it out")
    exact = values.double()
    if per_feature:
        same = (exact == exact[0]).all(0)  # exactly, whatever rounding leaves of a deviation
        mean, std = torch.where(same, exact[0], exact.mean(0)), exact.std(0, correction=0)
        return Standardization(mean, torch.where(same | (std == 0), 1, std))
    first, mean, std = exact.flatten()[0], exact.mean(), exact.std(correction=0)
    if (exact == first).all() or std == 0:  # a deviation of 0 is one whose squares are too small for float64
        raise ValueError(f"all training values are {first.item():g}; there is nothing to standardise or to learn")
    return Standardization(mean, std)
