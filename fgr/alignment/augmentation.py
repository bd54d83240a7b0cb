"""Training faces varied: landmarks shaken before the warp, which deforms the face a little, and mirror images."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fgr.alignment.landmarks import FLIP_66, check_landmarks
from fgr.alignment.procrustes import shape_size
from fgr.alignment.sampling import check_images


def deform_landmarks(
    landmarks: Tensor, strength: float, generator: torch.Generator, image_size: tuple[int, int]
) -> Tensor:
    """Return landmarks with Gaussian noise, so that a piecewise-affine warp from them deforms the face.

    The thesis shakes the landmarks of the reference (section 2.2, data augmentation). Shaking those of the frame moves
    what is seen the opposite way, so to first order in the noise its distribution is the same, and leaves the
    precomputed mesh and the outline of the canonical face as they are.

    Args:
        landmarks: (B, N, 2) pixels.
        strength: standard deviation of each coordinate as a share of the face's root-mean-square size; at least 0. The
            thesis does not give its own; at 0.02 a face is deformed visibly, far above it folds over.
        generator: all randomness; drawn on the generator's device.
        image_size: height and width; landmarks are kept inside the image, where a warp can read.

    Returns:
        A new tensor like `landmarks`.

    Raises:
        ValueError: on a negative strength, or landmarks that are not finite; names the frame.

    Example:
        >>> face = torch.tensor([[[2.0, 2.0], [8.0, 2.0], [5.0, 7.0]]])
        >>> moved = deform_landmarks(face, 0.1, torch.Generator().manual_seed(0), image_size=(10, 10))
        >>> 0 < (moved - face).abs().max() < 2
        tensor(True)
    """
    if not 0 <= strength < float("inf"):
        raise ValueError(f"strength must be a finite number of at least 0, got {strength}")
    size = shape_size(landmarks)[:, None, None]  # (B, 1, 1)
    noise = torch.randn(landmarks.shape, generator=generator, device=generator.device, dtype=landmarks.dtype)
    moved = landmarks + strength * size * noise.to(landmarks.device)
    height, width = image_size
    last = torch.tensor([width - 1, height - 1], dtype=landmarks.dtype, device=landmarks.device)
    return moved.clamp_min(0).minimum(last)


def flip_landmarks(landmarks: Tensor, width: int, permutation: Sequence[int] = FLIP_66) -> Tensor:
    """Return the landmarks of mirrored images: each at its mirrored place, and named as on an unmirrored face.

    Args:
        landmarks: (B, N, 2) pixels.
        width: of the images.
        permutation: N indices; landmark i of the mirrored face was landmark permutation[i]. Default: the 66 points.

    Returns:
        (B, N, 2).

    Raises:
        ValueError: if the permutation does not fit the landmarks, or flipping twice would not give back the same.

    Example:
        >>> flip_landmarks(torch.tensor([[[1.0, 5.0], [3.0, 6.0]]]), width=10, permutation=(1, 0))
        tensor([[[6., 6.],
                 [8., 5.]]])
    """
    check_landmarks(landmarks)
    order = list(permutation)
    points = landmarks.shape[1]
    if sorted(order) != list(range(points)) or [order[i] for i in order] != list(range(points)):
        raise ValueError(f"permutation must exchange pairs among {points} landmarks, got {tuple(order)}")
    x, y = landmarks[:, order].unbind(-1)  # (B, N)
    return torch.stack([width - 1 - x, y], -1)  # (B, N, 2)


def random_flip(
    images: Tensor, landmarks: Tensor, generator: torch.Generator, permutation: Sequence[int] = FLIP_66
) -> tuple[Tensor, Tensor]:
    """Return images and their landmarks, each face mirrored with probability 1/2 (thesis section 2.2).

    Args:
        images: (B, C, H, W) floating point.
        landmarks: (B, N, 2) pixels.
        generator: all randomness; drawn on the generator's device.
        permutation: as in `flip_landmarks`.

    Raises:
        ValueError: as `flip_landmarks`, or on images of a wrong shape or type.

    Example:
        >>> images, landmarks = torch.rand(4, 3, 8, 8), torch.rand(4, 2, 2) * 7
        >>> flipped, moved = random_flip(images, landmarks, torch.Generator().manual_seed(0), permutation=(1, 0))
        >>> [torch.equal(a, b) for a, b in zip(images, flipped)]
        [False, True, False, False]
    """
    check_images(images, len(landmarks))
    chosen = torch.rand(len(images), generator=generator, device=generator.device).to(images.device) < 0.5  # (B,)
    mirrored = flip_landmarks(landmarks, images.shape[-1], permutation)
    return (
        torch.where(chosen[:, None, None, None], images.flip(-1), images),
        torch.where(chosen[:, None, None], mirrored, landmarks),
    )
