"""Intensities of aligned faces: the mean face, and global contrast normalisation, both blind to what is masked out.

The thesis subtracts a per-pixel mean so that the black around a masked face stays exactly zero, and then normalises
contrast. The usual normalisation subtracts each image's own mean, which makes the black non-zero again; hence `mask`.
"""

import torch
from torch import Tensor

from fgr.checks import check_shape

NOISE = 100  # in units of rounding: an image whose deviation is smaller has no contrast


def per_pixel_mean(images: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the mean image, each pixel averaged over the images that show it.

    Args:
        images: (B, C, H, W) floating point, aligned.
        mask: bool, True where an image shows something: (H, W) the same for all, or (B, 1, H, W). None: everywhere.

    Returns:
        (C, H, W) in the images' type, summed in float32 at least; zero where no image shows anything.

    Raises:
        ValueError: on wrong shapes or types, or no images.

    Example:
        >>> images = torch.tensor([[[[0.0, 2.0]]], [[[4.0, 4.0]]]])
        >>> per_pixel_mean(images, mask=torch.tensor([[True, False]]))
        tensor([[[2., 0.]]])
    """
    _check_floating(images)
    if len(images) == 0:
        raise ValueError("images must not be empty")
    shown = _shown(mask, images)
    total = torch.where(shown, images, 0).sum(0, dtype=torch.promote_types(images.dtype, torch.float32))
    return (total / shown.sum(0).clamp_min(1)).to(images.dtype)


def global_contrast_normalize(images: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return each image with mean 0 and standard deviation 1 over all its channels and visible pixels.

    I. Goodfellow, Y. Bengio, A. Courville: Deep Learning, 2016, Eq. 12.3 with s = 1 and lambda = 0.

    Args:
        images: (B, C, H, W) floating point.
        mask: bool, (H, W) or (B, 1, H, W); what is outside neither counts nor stays: it becomes zero. None: all counts.

    Returns:
        (B, C, H, W) in the images' type, worked out in float32 at least. An image of one grey becomes zero up to
        rounding, which is not blown up.

    Raises:
        ValueError: on wrong shapes or types, or an image whose mask hides everything; names the frame.

    Example:
        >>> global_contrast_normalize(torch.tensor([[[[1.0, 3.0, 7.0]]]]), torch.tensor([[True, True, False]]))
        tensor([[[[-1.,  1.,  0.]]]])
    """
    _check_floating(images)
    shown = _shown(mask, images)
    count = shown.sum((1, 2, 3), keepdim=True) * images.shape[1]  # (B, 1, 1, 1)
    hidden = (count == 0).flatten().nonzero().flatten().tolist()
    if hidden:
        raise ValueError(f"frame {hidden[0]}: the mask hides every pixel, so there is no contrast; drop the frame")
    # squares overflow in float16, and bfloat16's rounding hides contrast
    pixels = torch.where(shown, images, 0).to(torch.promote_types(images.dtype, torch.float32))
    mean = pixels.sum((1, 2, 3), keepdim=True) / count
    centred = torch.where(shown, pixels - mean, 0)
    variance = centred.square().sum((1, 2, 3), keepdim=True) / count  # (B, 1, 1, 1)
    rounding = NOISE * torch.finfo(pixels.dtype).eps * pixels.abs().amax((1, 2, 3), keepdim=True)
    return (centred / torch.where(variance > rounding.square(), variance, 1).sqrt()).to(images.dtype)


def _check_floating(images: Tensor) -> None:
    check_shape(images, "B C H W", "images")
    if not images.is_floating_point():
        raise ValueError(f"images must be floating point, got {images.dtype}; divide bytes by 255 first")


def _shown(mask: Tensor | None, images: Tensor) -> Tensor:
    """Return a mask as (B, 1, H, W)."""
    batch, _, height, width = images.shape
    if mask is None:
        return torch.ones(batch, 1, height, width, dtype=torch.bool, device=images.device)
    check_shape(mask, f"{height} {width}" if mask.ndim == 2 else f"{batch} 1 {height} {width}", "mask")
    if mask.dtype != torch.bool:
        raise ValueError(f"mask must be bool, got {mask.dtype}")
    return mask.expand(batch, 1, height, width)
