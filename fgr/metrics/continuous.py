"""Agreement of predicted with true numbers: MAE, MSE, PCC and ICC of Table 2.4. All are taken in float64."""

import math

import torch
from torch import Tensor

from fgr.checks import check_choice, check_shape

NOISE = 100  # in units of rounding: a smaller deviation is none
FORMS = ("1,1", "2,1", "3,1")


def mean_absolute_error(predicted: Tensor, true: Tensor) -> float:
    """Return the mean of abs(predicted - true), in the unit of both.

    Args:
        predicted, true: (n,).

    Raises:
        ValueError: on different lengths, none at all, or a value that is not finite.

    Example:
        >>> mean_absolute_error(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0]))
        2.0
    """
    x, y = check_pair(predicted, true)
    return (x - y).abs().mean().item()


def mean_squared_error(predicted: Tensor, true: Tensor) -> float:
    """Return the mean of (predicted - true)^2. Arguments and errors as in `mean_absolute_error`.

    Example:
        >>> mean_squared_error(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0]))
        5.0
    """
    x, y = check_pair(predicted, true)
    return (x - y).square().mean().item()


def pearson(predicted: Tensor, true: Tensor) -> float:
    """Return Pearson's correlation (PCC), in [-1, 1]; NaN where one side never changes: it is undefined there.

    Arguments and errors as in `mean_absolute_error`.

    Example:
        >>> round(pearson(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0.0, 10.0, 30.0])), 6)
        1.0
        >>> pearson(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 3.0]))
        nan
    """
    x, y = check_pair(predicted, true)
    if (x == x[0]).all() or (y == y[0]).all():  # exactly, whatever rounding leaves of a deviation
        return math.nan
    x, y = x - x.mean(), y - y.mean()
    x, y = x / x.abs().max(), y / y.abs().max()  # squares of tiny and huge values stay in range
    return (x @ y / (x.norm() * y.norm())).clamp(-1, 1).item()


def icc(predicted: Tensor, true: Tensor, form: str = "3,1") -> float:
    """Return the intraclass correlation of two raters, the model and the truth, who both judged every frame.

    P. E. Shrout, J. L. Fleiss: Intraclass Correlations: Uses in Assessing Rater Reliability, 1979. The thesis does not
    say which form its 0.45 is; work on these data mostly reports ICC(3,1).

    Args:
        predicted, true: (n,), n at least 2.
        form: "3,1" consistency, blind to a constant offset; "2,1" absolute agreement, raters seen as a sample of many;
            "1,1" one-way, raters not told apart. pingouin calls them ICC(C,1), ICC(A,1) and ICC(1,1).

    Returns:
        At most 1; negative where they agree less than by chance. NaN where the denominator is 0, which it is if all
        ratings are the same; for "3,1" if neither ever changes (two different constants give 0 for "2,1" and -1 for
        "1,1", since only the rater varies); for "2,1" if there are two frames, a, b to one and b, a to the other.

    Raises:
        ValueError: as `mean_absolute_error`, on fewer than two values, or on another form.

    Example:
        >>> predicted, true = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 3.0, 4.0])
        >>> round(icc(predicted, true), 6), round(icc(predicted, true, form="2,1"), 6)
        (1.0, 0.666667)
    """
    check_choice(form, FORMS, "form")
    ratings = torch.stack(check_pair(predicted, true), 1)  # (n, 2)
    n, k = ratings.shape
    if n < 2:
        raise ValueError("icc needs at least 2 values, got 1")
    deviation = ratings - ratings.mean()
    of_frames, of_raters = deviation.mean(1), deviation.mean(0)
    between = k * of_frames.square().sum() / (n - 1)  # mean square between frames
    raters = n * of_raters.square().sum() / (k - 1)
    left = (deviation - of_frames[:, None] - of_raters).square().sum() / ((n - 1) * (k - 1))
    within = (deviation - of_frames[:, None]).square().sum() / (n * (k - 1))
    above, below = {
        "1,1": (between - within, between + (k - 1) * within),
        "2,1": (between - left, between + (k - 1) * left + k * (raters - left) / n),
        "3,1": (between - left, between + (k - 1) * left),
    }[form]
    rounding = NOISE * torch.finfo(ratings.dtype).eps * ratings.abs().max()
    return (above / below).item() if below > rounding.square() else math.nan


def check_pair(predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """Return both as float64 after checking that they are finite, and as many."""
    check_shape(predicted, "n", "predicted")
    check_shape(true, str(len(predicted)), "true")
    if len(predicted) == 0:
        raise ValueError("predicted and true must not be empty")
    for name, values in (("predicted", predicted), ("true", true)):
        bad = (~values.isfinite()).nonzero()
        if len(bad):
            raise ValueError(f"{name} value {int(bad[0])} is {values[bad[0]].item()}, not a finite number")
    return predicted.detach().double(), true.detach().double()
