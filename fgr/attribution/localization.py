"""How well maps find a region that is known to matter: pointing game, mass inside, overlap; and a prior to beat."""

import torch
from torch import Tensor

from fgr.checks import check_shape


def _check(maps: Tensor, masks: Tensor) -> None:
    check_shape(maps, "B H W", "maps")
    check_shape(masks, " ".join(map(str, maps.shape)), "masks")
    if masks.dtype != torch.bool:
        raise ValueError(f"masks must be bool, got {masks.dtype}")
    if not maps.isfinite().all() or (maps < 0).any():
        raise ValueError("maps must be finite and 0 or above")


def pointing_game(maps: Tensor, masks: Tensor) -> Tensor:
    """Return whether the maximum of each map lies in its mask (Zhang et al., ECCV 2016, without a tolerance).

    Args:
        maps: (B, H, W), 0 or above.
        masks: (B, H, W) bool.

    Returns:
        (B,) bool; of several equal maxima the first in reading order counts.

    Raises:
        ValueError: if shapes differ, or a value is negative, infinite or NaN.

    Example:
        >>> maps = torch.tensor([[[0.0, 1.0], [0.5, 0.5]]])
        >>> pointing_game(maps, maps > 0.9), pointing_game(maps, maps < 0.9)
        (tensor([True]), tensor([False]))
    """
    _check(maps, masks)
    flat = maps.flatten(1)  # (B, H W)
    peak = (flat == flat.amax(1, keepdim=True)).int().argmax(1)  # (B,) the first of them
    return masks.flatten(1).gather(1, peak[:, None])[:, 0]


def mass_inside(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the share of each map's sum that lies inside its mask, (B,); NaN for a map of zeros.

    Example:
        >>> maps = torch.tensor([[[0.0, 1.0], [0.5, 0.5]]])
        >>> mass_inside(maps, maps > 0.9)
        tensor([0.5000])
    """
    _check(maps, masks)
    return (maps * masks).sum((1, 2)) / maps.sum((1, 2))


def mask_iou(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the overlap, intersection over union, of each mask with as many of the brightest pixels of its map.

    Taking as many pixels as the mask has leaves no threshold to tune, and compares maps of any scale.

    Returns:
        (B,) in [0, 1]; NaN for an empty mask.

    Example:
        >>> maps = torch.tensor([[[0.0, 1.0], [0.5, 0.4]]])
        >>> mask_iou(maps, torch.tensor([[[False, True], [False, True]]]))
        tensor([0.3333])
    """
    _check(maps, masks)
    inside = masks.flatten(1)  # (B, H W)
    rank = maps.flatten(1).argsort(dim=1, descending=True, stable=True).argsort(dim=1)  # (B, H W) 0 for the brightest
    area = inside.sum(1)  # (B,)
    shared = (inside & (rank < area[:, None])).sum(1)
    return shared / (2 * area - shared)


def centre_prior(height: int, width: int) -> Tensor:
    """Return a map (H, W) that knows only that things are near the middle: a Gaussian, sd a quarter of a side.

    Example:
        >>> centre_prior(3, 3).argmax().item()
        4
    """
    rows, columns = ((torch.arange(side) + 0.5) / side - 0.5 for side in (height, width))
    return torch.exp(-8 * (rows[:, None] ** 2 + columns**2))
