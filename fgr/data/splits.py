"""Which images train and which test: splits that no person is on both sides of, and those that leak, to show the cost.

Every split is made of folds, one number an image, whoever made them: the data set's own, one subject each, k groups of
subjects. Frames of one video are nearly equal, and so are faces of one person, so that a model which has seen the
person scores too well: `frame_folds` and `sequence_folds` are here to measure by how much.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from fgr.checks import check_shape


class Split(NamedTuple):
    """Indices of the images that train and of those that test, int64, rising."""

    train: Tensor
    test: Tensor


def by_fold(folds: Tensor, subjects: Tensor | None = None) -> list[Split]:
    """Return one split a fold: the fold tests, all others train.

    Args:
        folds: (B,) int64, e.g. `annotations["fold"]` of Adience, or what the functions below return.
        subjects: (B,) int64; given, it is checked that no subject is in two folds.

    Returns:
        As many splits as there are different folds, in rising order.

    Raises:
        ValueError: if an image has no fold (-1), there is only one, or a subject is in two.

    Example:
        >>> [split.test.tolist() for split in by_fold(torch.tensor([0, 1, 0, 2]))]
        [[0, 2], [1], [3]]
    """
    _check_groups(folds, "folds")
    numbers = folds.unique()
    if len(numbers) < 2:
        raise ValueError(f"a split needs two folds or more, got {len(numbers)}")
    splits = [Split((folds != number).nonzero()[:, 0], (folds == number).nonzero()[:, 0]) for number in numbers]
    if subjects is not None:
        for split in splits:
            check_exclusive(split, subjects)
    return splits


def leave_one_subject_out(subjects: Tensor) -> list[Split]:
    """Return one split a subject, who alone tests: the protocol of the pain experiments (section 2.3).

    Args:
        subjects: (B,) int64.

    Raises:
        ValueError: as `by_fold`.

    Example:
        >>> [split.test.tolist() for split in leave_one_subject_out(torch.tensor([4, 4, 7]))]
        [[0, 1], [2]]
    """
    _check_groups(subjects, "subjects")
    return by_fold(subjects)


def subject_folds(subjects: Tensor, targets: Tensor, folds: int, generator: torch.Generator) -> Tensor:
    """Return k folds of whole subjects in which classes and sizes are as even as the subjects allow.

    Ten such folds are the protocol of the emotion experiments (section 2.3). Subjects come in order of falling
    size, equals at random; each goes where it least increases the squared shares of classes and of images that the
    folds hold. scikit-learn's StratifiedGroupKFold is as even, but may leave a fold empty and refuses rare classes.

    Args:
        subjects: (B,) int64.
        targets: (B,) int64, the classes to balance.
        folds: k, at least 2.
        generator: of the draw, on the CPU.

    Returns:
        (B,) int64 in [0, k), none of them empty; for `by_fold`.

    Raises:
        ValueError: on fewer subjects than folds, an unknown subject (-1), or a negative class.

    Example:
        >>> subjects, targets = torch.tensor([0, 0, 1, 1, 2, 3]), torch.tensor([0, 1, 0, 1, 0, 1])
        >>> fold = subject_folds(subjects, targets, 3, torch.Generator().manual_seed(0))
        >>> torch.bincount(fold).tolist(), bool(fold[0] == fold[1])
        ([2, 2, 2], True)
    """
    return _group_folds(subjects, targets, folds, generator, "subjects")


def sequence_folds(sequences: Tensor, targets: Tensor, folds: int, generator: torch.Generator) -> Tensor:
    """Return k folds of whole videos, as even as `subject_folds`; a person with two videos may be on both sides.

    Args:
        sequences: (B,) int64.
        targets, folds, generator: as in `subject_folds`.

    Raises:
        ValueError: as `subject_folds`.

    Example:
        >>> fold = sequence_folds(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 0]), 2, torch.Generator())
        >>> bool(fold[0] == fold[1]), bool(fold[0] == fold[2])
        (True, False)
    """
    return _group_folds(sequences, targets, folds, generator, "sequences")


def frame_folds(targets: Tensor, folds: int, generator: torch.Generator) -> Tensor:
    """Return k folds of single images, the same share of every class in each; frames of one video are on both sides.

    Args:
        targets: (B,) int64, the classes to balance.
        folds: k, at least 2.
        generator: of the draw, on the CPU.

    Returns:
        (B,) int64 in [0, k); sizes differ by one image at most, and so do the counts of a class.

    Raises:
        ValueError: on fewer images than folds, or a negative class.

    Example:
        >>> torch.bincount(frame_folds(torch.tensor([0, 1, 0, 1]), 2, torch.Generator())).tolist()
        [2, 2]
    """
    _check_groups(targets, "targets")
    _check_count(len(targets), folds, "images")
    order = torch.randperm(len(targets), generator=generator)
    order = order[targets[order].sort(stable=True).indices]  # class by class, at random within it
    dealt = torch.randperm(folds, generator=generator)[torch.arange(len(targets)) % folds]
    return torch.empty_like(order).scatter_(0, order, dealt)


def shared_groups(split: Split, groups: Tensor) -> Tensor:
    """Return the groups (subjects, videos) that are on both sides of a split, (n,) rising.

    Example:
        >>> shared_groups(Split(torch.tensor([0, 1]), torch.tensor([2])), torch.tensor([5, 8, 8])).tolist()
        [8]
    """
    train, test = groups[split.train].unique(), groups[split.test].unique()
    return train[torch.isin(train, test)]


def check_exclusive(split: Split, subjects: Tensor) -> None:
    """Raise ValueError if a subject is on both sides of a split.

    Example:
        >>> check_exclusive(Split(torch.tensor([0]), torch.tensor([1])), torch.tensor([3, 3]))
        Traceback (most recent call last):
            ...
        ValueError: 1 subjects are in training and in test: 3
    """
    _check_groups(subjects, "subjects")
    shared = shared_groups(split, subjects)
    if len(shared):
        first = ", ".join(map(str, shared[:5].tolist()))
        raise ValueError(f"{len(shared)} subjects are in training and in test: {first}{' ...' * (len(shared) > 5)}")


def _group_folds(groups: Tensor, targets: Tensor, folds: int, generator: torch.Generator, name: str) -> Tensor:
    _check_groups(groups, name)
    check_shape(targets, f"{len(groups)}", "targets")
    _check_groups(targets, "targets")
    numbers, member = groups.unique(return_inverse=True)  # (G,), (B,)
    _check_count(len(numbers), folds, name)
    classes = targets.unique(return_inverse=True)[1]
    counts = torch.zeros(len(numbers), int(classes.max()) + 2, dtype=torch.float64)  # (G, classes and one for all)
    counts.index_put_((member, classes), torch.ones(1, dtype=torch.float64), accumulate=True)
    counts[:, -1] = counts[:, :-1].sum(1)
    shares = (counts / counts.sum(0)).numpy()
    order = torch.randperm(len(numbers), generator=generator).numpy()
    order = order[np.argsort(-counts[:, -1].numpy()[order], kind="stable")]
    held, chosen = np.zeros((folds, shares.shape[1])), np.empty(len(numbers), dtype=np.int64)
    for group in order:
        # The squares grow by share^2 + 2 share held: by less in an empty fold than in any other, so that none stays so.
        chosen[group] = np.argmin(held @ shares[group])
        held[chosen[group]] += shares[group]
    return torch.from_numpy(chosen)[member]


def _check_groups(groups: Tensor, name: str) -> None:
    check_shape(groups, "B", name)
    if groups.dtype != torch.int64:
        raise ValueError(f"{name} must be int64, got {groups.dtype}")
    if (groups < 0).any():
        missing = (groups < 0).nonzero()[:, 0]
        raise ValueError(f"{name} must be known: {len(missing)} images have none, the first is image {missing[0]}")


def _check_count(have: int, folds: int, name: str) -> None:
    if not 2 <= folds <= have:
        raise ValueError(f"folds must lie between 2 and the number of {name}, {have}; got {folds}")
