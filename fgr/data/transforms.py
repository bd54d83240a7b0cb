"""Whole batches of images at once: standardisation, resizing, and the random crops and flips of CIFAR training."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.checks import check_choice, check_shape

LEVELS = 255  # of a uint8 image; a pixel of 255 is 1.0


def _check_bytes(images: Tensor) -> None:
    check_shape(images, "B C H W", "images")
    if images.dtype != torch.uint8:
        raise ValueError(f"images must be uint8 (0 to 255), got {images.dtype}")


def standardize(images: Tensor, mean: float | Sequence[float], std: float | Sequence[float]) -> Tensor:
    """Return (images / 255 - mean) / std, so that the training images have mean 0 and standard deviation 1.

    Args:
        images: (B, C, H, W) uint8.
        mean, std: of pixels in [0, 1]; one number, or one a channel, from `mean_std` or a manifest's `channels`.

    Returns:
        (B, C, H, W) float32.

    Raises:
        ValueError: if images are not uint8, a standard deviation is not above 0, or lengths do not fit the channels.

    Example:
        >>> standardize(torch.tensor([[[[0, 255]]]], dtype=torch.uint8), mean=0.5, std=0.25).flatten().tolist()
        [-2.0, 2.0]
    """
    _check_bytes(images)
    channels = images.shape[1]
    values = {}
    for name, given in (("mean", mean), ("std", std)):
        values[name] = torch.as_tensor(given, dtype=torch.float64).flatten()
        if len(values[name]) not in (1, channels):
            raise ValueError(f"{name} must hold 1 or {channels} numbers for {channels} channels, got {given}")
    if not (values["std"] > 0).all():
        raise ValueError(f"std must be above 0, got {std}")
    shift, scale = (v.to(images.device, torch.float32).view(1, -1, 1, 1) for v in values.values())
    return images.float().div_(LEVELS).sub_(shift).div_(scale)


def mean_std(images: Tensor, per_channel: bool = True) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of pixels in [0, 1], exact: from counts of the 256 levels, in float64.

    Args:
        images: (B, C, H, W) uint8.
        per_channel: one pair a channel; otherwise one pair for all.

    Returns:
        Two tuples of C numbers, or of 1. The deviation divides by the number of pixels, not by one less.

    Raises:
        ValueError: if images are not uint8, or there are none.

    Example:
        >>> mean_std(torch.tensor([[[[0, 255]]]], dtype=torch.uint8))
        ((0.5,), (0.5,))
    """
    _check_bytes(images)
    if images.numel() == 0:
        raise ValueError(f"images must not be empty, got shape {tuple(images.shape)}")
    channels = range(images.shape[1])
    counts = torch.stack([torch.bincount(images[:, c].flatten(), minlength=LEVELS + 1) for c in channels])  # (C, 256)
    if not per_channel:
        counts = counts.sum(0, keepdim=True)
    levels = torch.arange(LEVELS + 1, dtype=torch.float64, device=images.device) / LEVELS
    share = counts.double() / counts.sum(1, keepdim=True)
    mean = share @ levels
    variance = (share * (levels - mean[:, None]).square()).sum(1)
    return tuple(mean.tolist()), tuple(variance.sqrt().tolist())


def resize(images: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Return images at another size by bilinear interpolation, low-pass filtered where they shrink.

    Args:
        images: (B, C, H, W), uint8 (rounded to the nearest level) or floating point.
        size: the new height and width; one number for both.

    Returns:
        (B, C, height, width) of the same type. Between machines, a uint8 pixel may differ by one level.

    Raises:
        ValueError: if `images` has not four dimensions, or a size is below 1.

    Example:
        >>> resize(torch.full((1, 1, 28, 28), 7, dtype=torch.uint8), 32).unique().tolist()
        [7]
    """
    check_shape(images, "B C H W", "images")
    height, width = (size, size) if isinstance(size, int) else size
    if min(height, width) < 1:
        raise ValueError(f"size must be at least 1 pixel, got {size}")
    pixels = images if images.is_floating_point() else images.float()
    scaled = F.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
    return scaled if images.is_floating_point() else scaled.round_().clamp_(0, LEVELS).to(images.dtype)


def crop_and_flip(
    images: Tensor, generator: torch.Generator, padding: int = 4, mode: str = "reflect", flip: bool = True
) -> Tensor:
    """Return every image shifted at random within its padding, and mirrored left to right with probability 1/2.

    The usual CIFAR augmentation (chapters 4 and 5): pad by 4, crop the original size anywhere, flip.

    Args:
        images: (B, C, H, W) of any type.
        generator: all randomness; drawn on the generator's device, so that a CPU one gives the same on a GPU.
        padding: pixels on each side; shifts are uniform in [-padding, padding].
        mode: "reflect" mirrors at the border pixel (which is not repeated); "constant" fills with zeros.
        flip: whether to mirror; digits must not be.

    Returns:
        A new tensor like `images`; an empty batch stays empty.

    Raises:
        ValueError: on an unknown mode, negative padding, or a reflection that is wider than the image.

    Example:
        >>> images = torch.arange(12.0).view(1, 1, 3, 4)
        >>> crop_and_flip(images, torch.Generator().manual_seed(0), padding=1, flip=False).shape
        torch.Size([1, 1, 3, 4])
    """
    check_shape(images, "B C H W", "images")
    check_choice(mode, ("reflect", "constant"), "mode")
    batch, channels, height, width = images.shape
    if padding < 0 or (mode == "reflect" and padding >= min(height, width)):
        raise ValueError(f"padding must lie in [0, {min(height, width)}) for {height}x{width} images, got {padding}")
    shift = _draw(generator, 2 * padding + 1, (2, batch, 1), images.device) - padding
    rows = torch.arange(height, device=images.device) + shift[0]  # (B, H), may lie outside the image
    columns = torch.arange(width, device=images.device) + shift[1]  # (B, W)
    if flip:
        mirrored = _draw(generator, 2, (batch, 1), images.device).bool()
        columns = torch.where(mirrored, columns.flip(1), columns)
    inside_rows, inside_columns = _inside(rows, height, mode), _inside(columns, width, mode)
    pixels = (inside_rows[:, :, None] * width + inside_columns[:, None, :]).view(batch, 1, height * width)
    moved = images.flatten(2).gather(2, pixels.expand(-1, channels, -1)).view_as(images)
    if mode == "constant":
        outside = (inside_rows != rows)[:, :, None] | (inside_columns != columns)[:, None, :]  # (B, H, W)
        moved.masked_fill_(outside[:, None], 0)
    return moved


def _draw(generator: torch.Generator, choices: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
    return torch.randint(choices, shape, generator=generator, device=generator.device).to(device)


def _inside(position: Tensor, size: int, mode: str) -> Tensor:
    """Bring positions outside [0, size) inside: mirrored, or, where zeros will be put anyway, to the border."""
    if mode == "constant":
        return position.clamp(0, size - 1)
    folded = position.abs()
    return torch.where(folded < size, folded, 2 * (size - 1) - folded)
