"""Images read at any place, bilinearly; coordinates are pixels (x, y), whole numbers at pixel centres."""

import torch
from torch import Tensor
from torch.nn import functional as F

OUTSIDE = 2.0  # in grid_sample's units an image ends at 1


def to_grid(points: Tensor, images: Tensor) -> Tensor:
    """Return pixel coordinates (..., 2) in the units of grid_sample: -1 and 1 at the outermost pixel centres."""
    height, width = images.shape[-2:]
    last = torch.tensor([width - 1, height - 1], dtype=points.dtype, device=points.device).clamp_min(1)
    return points * (2 / last) - 1


def read(images: Tensor, grid: Tensor) -> Tensor:
    """Return images (B, C, H, W) read at a grid (B, height, width, 2) of `to_grid`; zero outside of them."""
    work = torch.promote_types(images.dtype, torch.float32)  # bfloat16 cannot tell one pixel from the next
    return F.grid_sample(images.to(work), grid.to(work), align_corners=True).to(images.dtype)  # (B, C, height, width)


def check_images(images: Tensor, batch: int) -> None:
    """Raise ValueError unless images are floating point, (B, C, 2 or more, 2 or more), B being `batch`."""
    if images.ndim != 4 or len(images) != batch:
        raise ValueError(f"images must have shape ({batch}, C, H, W) like the landmarks, got {tuple(images.shape)}")
    if min(images.shape[-2:]) < 2:
        raise ValueError(f"images must be at least 2 x 2 pixels, got {tuple(images.shape)}")
    if not images.is_floating_point():
        raise ValueError(f"images must be floating point, got {images.dtype}; divide bytes by 255 first")
