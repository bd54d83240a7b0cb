"""Balanced samples: of training frames, of whole videos for recurrent networks, of test sets (2.2 and Table 2.2).

Four fifths of the pain frames show no pain. The thesis draws as many of them as there are others: frame by frame for
the CNN; for the LSTM whole sequences, so that no frame is missing in the middle; and once more at test time, where it
calls the score skew-normalised (after Jeni et al., ACII 2013).
"""

import torch
from torch import Tensor

from fgr.checks import check_shape
from fgr.metrics import undersample


def undersample_frames(targets: Tensor, generator: torch.Generator, per_class: int | None = None) -> Tensor:
    """Return equally many images of every class, drawn without replacement.

    Args:
        targets: (B,) int64.
        generator: of the draw, on the CPU.
        per_class: how many; None: as many as the rarest class has. Chapter 3 tests on 150 faces an age group.

    Returns:
        (n,) int64, rising.

    Raises:
        ValueError: if `per_class` is below 1, or a class has fewer images, or there are none.

    Example:
        >>> targets = torch.tensor([0, 0, 0, 1, 1, 0])
        >>> chosen = undersample_frames(targets, torch.Generator().manual_seed(0))
        >>> targets[chosen].bincount().tolist()
        [2, 2]
    """
    check_shape(targets, "B", "targets")
    if not len(targets):
        raise ValueError("there are no images to choose from")
    classes, member, counts = targets.unique(return_inverse=True, return_counts=True)
    wanted = int(counts.min()) if per_class is None else per_class
    if wanted < 1:
        raise ValueError(f"per_class must be at least 1, got {per_class}")
    if wanted > counts.min():
        rarest = int(counts.argmin())
        raise ValueError(f"class {classes[rarest]} has {counts[rarest]} images, fewer than per_class={per_class}")
    order = torch.randperm(len(targets), generator=generator)
    order = order[member[order].sort(stable=True).indices]  # class by class, at random within it
    rank = torch.arange(len(targets)) - (counts.cumsum(0) - counts)[member[order]]  # place within the class
    return order[rank < wanted].sort().values


def undersample_sequences(sequences: Tensor, positive: Tensor, generator: torch.Generator) -> Tensor:
    """Return the frames of all sequences with a positive frame, and of as many others, drawn at random.

    Sequences without pain are discarded until no more are left than there are with pain; those with pain all stay,
    even if they are the majority. A sequence is a video, or a piece of one: number the pieces as you cut them.

    Args:
        sequences: (B,) int64, the sequence of every frame.
        positive: (B,) bool, e.g. PSPI of 1 or more.
        generator: of the draw, on the CPU.

    Returns:
        (n,) int64, rising, so that frames keep their order.

    Raises:
        ValueError: on differing shapes, or if no sequence has a positive frame.

    Example:
        >>> sequences, pain = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 0, 0, 1, 0, 0]).bool()
        >>> chosen = undersample_sequences(sequences, pain, torch.Generator().manual_seed(0))
        >>> len(chosen), sequences[chosen].unique().numel(), bool(pain[chosen].any())
        (4, 2, True)
    """
    check_shape(sequences, "B", "sequences")
    _check_positive(positive, len(sequences))
    numbers, member = sequences.unique(return_inverse=True)
    loud = torch.zeros(len(numbers), dtype=torch.bool)
    loud[member[positive]] = True
    if not loud.any():
        raise ValueError(f"none of the {len(numbers)} sequences has a positive frame: nothing would be left")
    quiet = (~loud).nonzero()[:, 0]
    kept = loud.clone()
    kept[quiet[torch.randperm(len(quiet), generator=generator)[: int(loud.sum())]]] = True
    return kept[member].nonzero()[:, 0]


def skew_normalized_sets(positive: Tensor, generator: torch.Generator, repeats: int = 1) -> list[Tensor]:
    """Return test sets of which half are positive: all images of the rarer side, and as many drawn of the other.

    `fgr.metrics.skew_normalized` averages a metric over such sets; this is for measures that need the images.

    Args:
        positive: (B,) bool.
        generator: of the draws.
        repeats: sets, drawn independently. The thesis reports one.

    Returns:
        As many tensors of indices, int64, rising.

    Raises:
        ValueError: if one side is empty, or `repeats` is below 1.

    Example:
        >>> positive = torch.tensor([False, False, True, False])
        >>> [len(chosen) for chosen in skew_normalized_sets(positive, torch.Generator().manual_seed(0), repeats=2)]
        [2, 2]
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    return [undersample(positive, generator) for _ in range(repeats)]


def _check_positive(positive: Tensor, count: int) -> None:
    check_shape(positive, f"{count}", "positive")
    if positive.dtype != torch.bool:
        raise ValueError(f"positive must be bool, got {positive.dtype}")
