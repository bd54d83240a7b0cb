"""Means and differences over seeds, with 95% intervals from Student's t."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

MOST = 10_000  # seeds; nobody runs more, and then it does not matter how many


class Interval(NamedTuple):
    """A mean over n values with its 95% confidence interval."""

    mean: float
    low: float
    high: float
    n: int
    deviation: float  # sample standard deviation


def interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the mean of independent values and its Student-t interval; infinitely wide for a single value.

    Raises:
        ValueError: if there is no value, or one is not finite.

    Example:
        >>> [round(x, 2) for x in interval([1.0, 2.0, 3.0])[:3]]
        [2.0, -0.48, 4.48]
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"need one finite value at least, got {array.tolist()}")
    mean = float(array.mean())
    if array.size == 1:
        return Interval(mean, -np.inf, np.inf, 1, float("nan"))
    deviation = float(array.std(ddof=1))
    half = float(stats.t.ppf((1 + confidence) / 2, array.size - 1)) * deviation / array.size**0.5
    return Interval(mean, mean - half, mean + half, array.size, deviation)


def seeds_needed(deviation: float, half_width: float, most: int = MOST) -> int | None:
    """Return the smallest number of seeds whose 95% interval is at most +- `half_width`, given their deviation.

    Args:
        deviation: sample standard deviation over seeds, not negative.
        half_width: above 0.
        most: how many are worth counting up to; None is returned where more are needed.

    Example:
        >>> seeds_needed(deviation=1.0, half_width=1.0)
        7
        >>> seeds_needed(deviation=1.0, half_width=0.001) is None
        True
    """
    fewest = 1.959 * deviation / half_width  # its square: the normal's interval, never wider than Student's
    if fewest > most**0.5:
        return None
    for n in range(max(2, int(fewest**2)), most + 1):
        if stats.t.ppf(0.975, n - 1) * deviation / n**0.5 <= half_width:
            return n
    return None
