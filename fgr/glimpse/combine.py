"""What becomes of the patches: weighting by the grid (Eq. 3.1, 3.2) and merging with the view of the whole image."""

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.checks import check_choice, check_shape

WEIGHTINGS = ("none", "sum", "hadamard")
MERGES = ("concat", "add")


def weight(features: Tensor, weights: Tensor, weighting: str = "hadamard") -> Tensor:
    """Return one vector for all patches of an image, weighted by their cells of the attention grid.

    The thesis leaves open how large the result is with n patches. Here the Hadamard product (Eq. 3.2) keeps the
    patches side by side, in the order they were chosen, so that the classifier knows which was the heaviest; the
    soft sum (Eq. 3.1) adds them up. "none" is the Hadamard layout with every weight 1, so that the two differ in
    the weights alone ("No grid" in Table 3.5).

    Args:
        features: (B, n, d) of the patches, after global average pooling.
        weights: (B, n) of their cells in the grid, as they are: those of cells not chosen are missing from the sum.
        weighting: "none", "sum" or "hadamard".

    Returns:
        (B, d) for "sum", else (B, n d).

    Raises:
        ValueError: if shapes do not fit or `weighting` is unknown.

    Example:
        >>> features = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
        >>> weights = torch.tensor([[0.5, 0.25]])
        >>> weight(features, weights, "sum").tolist(), weight(features, weights).tolist()
        ([[1.25, 2.0]], [[0.5, 1.0, 0.75, 1.0]])
    """
    check_shape(features, "B n d", "features")
    check_shape(weights, f"{features.shape[0]} {features.shape[1]}", "weights")
    check_choice(weighting, WEIGHTINGS, "weighting")
    if weighting == "none":
        return features.flatten(1)  # (B, n d)
    weighted = weights[..., None] * features  # (B, n, d)
    return weighted.sum(1) if weighting == "sum" else weighted.flatten(1)


def concat(whole: Tensor, patches: Tensor) -> Tensor:
    """Return both streams side by side, each scaled to length one (section 3.3).

    A common factor of the patches is lost by that. With a single patch its weight therefore has no effect, and the grid
    no gradient from it. With several the ratios of their weights are learned, and the logits of cells that are not read
    have no gradient, for all that they do is to scale the others: a cell is tried only when one that is read falls
    below it.

    Args:
        whole: (B, c) features of the low-resolution image.
        patches: (B, d) of the patches.

    Returns:
        (B, c + d).

    Example:
        >>> concat(torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 0.1]])).tolist()
        [[0.6000000238418579, 0.800000011920929, 0.0, 1.0]]
    """
    return torch.cat([F.normalize(whole, dim=1), F.normalize(patches, dim=1)], 1)
