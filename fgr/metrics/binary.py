"""Yes or no under imbalance: AUC, accuracy, and both freed from the share of positives (Tables 2.2, 2.3 and 2.5).

L. A. Jeni, J. F. Cohn, F. De La Torre: Facing Imbalanced Data, ACII 2013.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from fgr.checks import check_shape


class SubjectCounts(NamedTuple):
    """Table 2.5, a row a subject: frames, and those judged correctly, without and with pain."""

    subject: Tensor  # (S,) sorted
    negative_correct: Tensor  # (S,) int64
    negative: Tensor  # (S,)
    positive_correct: Tensor  # (S,)
    positive: Tensor  # (S,)


def accuracy(scores: Tensor, positive: Tensor, threshold: float = 1.0) -> float:
    """Return the share of samples on the right side of a threshold.

    Args:
        scores: (n,) predicted pain intensity, for instance.
        positive: (n,) bool.
        threshold: scores at or above it are called positive; the thesis's is 1, [0, 1) being no pain.

    Raises:
        ValueError: on wrong shapes or types, no samples, or a score that is not a number.

    Example:
        >>> accuracy(torch.tensor([0.2, 1.0, 3.0]), torch.tensor([False, True, False]))
        0.6666666666666666
    """
    check_scores(scores, positive)
    return ((scores >= threshold) == positive).double().mean().item()


def auc(scores: Tensor, positive: Tensor) -> float:
    """Return the area under the ROC curve: how often a positive scores higher than a negative, ties counting half.

    Args:
        scores: (n,) higher for positive.
        positive: (n,) bool.

    Returns:
        In [0, 1], 0.5 by chance; NaN where all samples are positive or none is, as for a subject without pain.

    Raises:
        ValueError: as `accuracy`.

    Example:
        >>> auc(torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([False, False, True, True]))
        0.75
    """
    check_scores(scores, positive)
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return math.nan
    _, group, counts = scores.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()  # the rank of the last of each tied group
    ranks = (last - (counts - 1) / 2)[group]  # (n,) from 1, ties at their mean
    return ((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives)).item()


def skew_normalized(
    metric: Callable[[Tensor, Tensor], float],
    scores: Tensor,
    positive: Tensor,
    generator: torch.Generator,
    repeats: int = 100,
) -> float:
    """Return a metric on test samples of which half are positive, the more frequent class being drawn at random.

    Args:
        metric: (scores, positive) -> float, such as `accuracy` or `auc`.
        scores: (n,).
        positive: (n,) bool.
        generator: of the draws.
        repeats: draws to average over. The thesis makes one; the expectation over draws is, for accuracy, the mean of
            the true positive and the true negative rate, and for AUC the AUC.

    Returns:
        NaN where one class is absent, for there is nothing to balance.

    Raises:
        ValueError: as `accuracy`, or on fewer than one repeat.

    Example:
        >>> scores, positive = torch.tensor([0.0, 0.0, 0.0, 2.0, 0.0]), torch.tensor([False, False, False, True, True])
        >>> accuracy(scores, positive), skew_normalized(accuracy, scores, positive, torch.Generator().manual_seed(0))
        (0.8, 0.75)
    """
    check_scores(scores, positive)
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    if positive.all() or not positive.any():
        return math.nan
    draws = [undersample(positive, generator) for _ in range(repeats)]
    return sum(metric(scores[chosen], positive[chosen]) for chosen in draws) / repeats


def undersample(positive: Tensor, generator: torch.Generator) -> Tensor:
    """Return sorted indices of all samples of the rarer class and as many, drawn at random, of the other.

    Args:
        positive: (n,) bool. To balance whole windows or sequences, give one value each: whether any frame has pain.
        generator: of the draw, made on its device.

    Raises:
        ValueError: on a wrong shape or type, or if one class is absent.

    Example:
        >>> positive = torch.tensor([False, False, True, False])
        >>> chosen = undersample(positive, torch.Generator().manual_seed(0))
        >>> positive[chosen].tolist().count(True), len(chosen)
        (1, 2)
    """
    check_shape(positive, "n", "positive")
    if positive.dtype != torch.bool:
        raise ValueError(f"positive must be bool, got {positive.dtype}")
    yes, no = positive.nonzero().flatten(), (~positive).nonzero().flatten()
    if not len(yes) or not len(no):
        raise ValueError(f"one class is absent: {len(yes)} of {len(positive)} samples are positive")
    rare, frequent = (yes, no) if len(yes) <= len(no) else (no, yes)
    order = torch.randperm(len(frequent), generator=generator, device=generator.device).to(frequent.device)
    return torch.cat([rare, frequent[order[: len(rare)]]]).sort().values


def subject_counts(scores: Tensor, positive: Tensor, subjects: Tensor, threshold: float = 1.0) -> SubjectCounts:
    """Count, subject by subject, frames with and without pain and those on the right side of a threshold (Table 2.5).

    Args:
        scores, positive, threshold: as in `accuracy`.
        subjects: (n,) int64, whose frame it is.

    Raises:
        ValueError: as `accuracy`.

    Example:
        >>> scores, positive = torch.tensor([0.0, 2.0, 2.0]), torch.tensor([False, False, True])
        >>> counts = subject_counts(scores, positive, subjects=torch.tensor([7, 7, 9]))
        >>> counts.subject.tolist(), counts.negative_correct.tolist(), counts.negative.tolist()
        ([7, 9], [1, 0], [2, 0])
    """
    check_scores(scores, positive)
    check_shape(subjects, str(len(scores)), "subjects")
    names, row = subjects.unique(return_inverse=True)
    correct = (scores >= threshold) == positive

    def count(which: Tensor) -> Tensor:
        return torch.bincount(row[which], minlength=len(names))  # (S,)

    return SubjectCounts(
        names, count(correct & ~positive), count(~positive), count(correct & positive), count(positive)
    )


def check_scores(scores: Tensor, positive: Tensor) -> None:
    """Raise ValueError unless there are as many scores, none NaN, as truths of type bool, and at least one."""
    check_shape(scores, "n", "scores")
    check_shape(positive, str(len(scores)), "positive")
    if positive.dtype != torch.bool:
        raise ValueError(f"positive must be bool, got {positive.dtype}")
    if len(scores) == 0:
        raise ValueError("scores must not be empty")
    if scores.isnan().any():
        raise ValueError(f"score {int(scores.isnan().nonzero()[0])} is not a number")
