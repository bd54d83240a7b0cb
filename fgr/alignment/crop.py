"""The aligned crop: a face turned, scaled and moved to where the reference has it, its background kept."""

import torch
from torch import Tensor

from fgr.alignment.sampling import check_images, read, to_grid
from fgr.alignment.similarity import estimate_similarity


def aligned_crop(
    images: Tensor, landmarks: Tensor, reference: Tensor, size: tuple[int, int], visible: Tensor | None = None
) -> Tensor:
    """Return each face at the place, scale and angle of the reference: the "aligned crop" of thesis section 2.2.

    Nothing is deformed or masked, unlike with `PiecewiseAffine`. Pixels are read bilinearly without a low-pass filter:
    shrink much larger images first.

    Args:
        images: (B, C, H, W) floating point.
        landmarks: (B, N, 2) pixels in the images; they may lie outside.
        reference: (N, 2) pixels in the crop, for instance `fit_to_canvas(mean, size, margin=0.2)`.
        size: height and width of the crop.
        visible: (B, N) bool; None: all.

    Returns:
        (B, C, height, width); zero where a crop reaches beyond its image. Differentiable in images and landmarks.

    Raises:
        ValueError: on wrong shapes or types, or landmarks that are not finite or all at one place; names the frame.

    Example:
        >>> images = torch.arange(16.0).view(1, 1, 4, 4)
        >>> corners = torch.tensor([[[1.0, 1.0], [2.0, 2.0]]])
        >>> aligned_crop(images, corners, torch.tensor([[0.0, 0.0], [1.0, 1.0]]), (2, 2))
        tensor([[[[ 5.,  6.],
                  [ 9., 10.]]]])
    """
    check_images(images, len(landmarks))
    to_image = estimate_similarity(landmarks, reference.to(landmarks), visible).inverse()
    height, width = size
    y, x = torch.meshgrid(
        torch.arange(height, dtype=landmarks.dtype, device=landmarks.device),
        torch.arange(width, dtype=landmarks.dtype, device=landmarks.device),
        indexing="ij",
    )
    pixels = torch.stack([x, y], -1).flatten(0, 1)  # (height width, 2)
    grid = to_grid(to_image.apply(pixels), images).view(-1, height, width, 2)  # (B, height, width, 2)
    return read(images, grid)
