"""How alike classes are: by the features of any network, or by how often a classifier confuses them.

Section 6.4.4 of the thesis builds the similarity of spectral codes from the fc7 outputs of a trained network without
saying how; the kernel here is our own choice.
"""

import torch
from torch import Tensor

from fgr.checks import check_positive, check_shape
from fgr.output_codes.validation import check_sizes, class_numbers


def class_means(features: Tensor, targets: Tensor, num_classes: int) -> Tensor:
    """Return the mean feature of each class, (n, d) float64.

    Args:
        features: (S, d).
        targets: (S,) class numbers in [0, n), of any integer type.
        num_classes: n, how many classes there are.

    Raises:
        ValueError: if a class has no sample (names it), a target is no class, or a feature is not finite.

    Example:
        >>> class_means(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([0, 0, 1]), 2)
        tensor([[2.],
                [5.]], dtype=torch.float64)
    """
    check_shape(features, "S d", "features")
    check_sizes(num_classes, 1)
    targets = class_numbers(targets, len(features), num_classes)
    if not features.isfinite().all():
        row = int((~features.isfinite().all(1)).nonzero()[0])
        raise ValueError(f"features of sample {row} are not finite")
    counts = torch.bincount(targets, minlength=num_classes)
    if (counts == 0).any():
        empty = (counts == 0).nonzero().squeeze(1)
        raise ValueError(f"class {int(empty[0])} has no sample ({len(empty)} classes have none)")
    sums = features.new_zeros(num_classes, features.shape[1], dtype=torch.float64)
    return sums.index_add_(0, targets, features.detach().double()) / counts[:, None]


def similarity_from_features(
    features: Tensor, targets: Tensor, num_classes: int, bandwidth: float | None = None
) -> Tensor:
    """Return exp(-d^2 / (2 b^2)) of the distances d between class means.

    Above 0 everywhere, so that the classes form one connected graph, and unchanged by shifts, rotations and, with the
    bandwidth of the data, scalings of the features.

    Args:
        features: (S, d) of any network.
        targets: (S,) class numbers in [0, n), of any integer type.
        num_classes: n; every class needs a sample.
        bandwidth: b, above 0; by default the median distance between different classes.

    Returns:
        (n, n) float64, ones on the diagonal.

    Raises:
        ValueError: as `class_means`; if all classes have the same mean.

    Example:
        >>> similarity_from_features(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]), 2)
        tensor([[1.0000, 0.6065],
                [0.6065, 1.0000]], dtype=torch.float64)
    """
    means = class_means(features, targets, num_classes)
    distances = torch.cdist(means, means, compute_mode="donot_use_mm_for_euclid_dist")  # exact: symmetric, 0 on itself
    if bandwidth is None:
        rows, columns = torch.triu_indices(num_classes, num_classes, 1, device=means.device)
        bandwidth = distances[rows, columns].median().item()
        if not bandwidth > 0:
            raise ValueError("most classes have the same mean feature, so distances say nothing; give a bandwidth")
    else:
        check_positive(bandwidth, "bandwidth")
    return (-0.5 * (distances / bandwidth).square()).exp()


def similarity_from_confusion(confusion: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return (R + R^T) / 2 of a confusion matrix, R its rates: how often one class is taken for another.

    Args:
        confusion: (n, n) counts or rates, true classes in rows.
        smoothing: added to every count, at least 0. Classes that are never confused with any other fall apart into
            separate graphs, whose cuts all cost nothing; a small value joins them.

    Returns:
        (n, n) float64.

    Raises:
        ValueError: on negative or non-finite counts (names the entry), a class without samples, negative smoothing.

    Example:
        >>> similarity_from_confusion(torch.tensor([[8, 2], [0, 5]]))
        tensor([[0.8000, 0.1000],
                [0.1000, 1.0000]], dtype=torch.float64)
    """
    check_shape(confusion, f"{len(confusion)} {len(confusion)}", "confusion")
    check_sizes(len(confusion), 1)
    counts = confusion.detach().double()
    wrong = ~counts.isfinite() | (counts < 0)
    if wrong.any():
        row, column = wrong.nonzero()[0].tolist()
        raise ValueError(f"confusion[{row}, {column}] = {counts[row, column].item():g}; counts must be at least 0")
    if not 0 <= smoothing < float("inf"):
        raise ValueError(f"smoothing must be a finite number of at least 0, got {smoothing}")
    counts = counts + smoothing
    totals = counts.sum(1, keepdim=True)
    if (totals == 0).any():
        raise ValueError(f"class {int((totals == 0).nonzero()[0, 0])} has no sample in the confusion matrix")
    rates = counts / totals
    return (rates + rates.T) / 2
