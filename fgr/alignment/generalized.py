"""Generalised Procrustes analysis: many shapes aligned to their own mean, the reference that faces are warped to."""

from typing import NamedTuple

import torch
from torch import Tensor

from fgr.alignment.landmarks import check_landmarks
from fgr.alignment.procrustes import procrustes
from fgr.alignment.similarity import center, rotation_matrix
from fgr.checks import check_positive, check_shape

MAX_ROUNDS = 1000


class GeneralizedProcrustes(NamedTuple):
    """The mean of B shapes, and the shapes on it."""

    mean: Tensor  # (N, 2) centroid 0, root-mean-square size 1
    aligned: Tensor  # (B, N, 2); NaN where a landmark is missing


def generalized_procrustes(
    shapes: Tensor, visible: Tensor | None = None, tolerance: float = 1e-6
) -> GeneralizedProcrustes:
    """Align all shapes to their common mean (thesis section 2.2; Gower 1975).

    One shape serves as reference, the others are aligned to it, their mean is the next reference, until that moves
    by less than `tolerance`. The thesis leaves open how the result lies; here the mean is turned so that the shapes
    are turned by nothing on average, which keeps faces upright and makes the result independent of the first reference.

    Args:
        shapes: (B, N, 2); worked on in float64, returned in their own type.
        visible: (B, N) bool, False for missing landmarks; None: all are there.
        tolerance: Procrustes distance between two successive references at which to stop.

    Raises:
        ValueError: on wrong shapes, visible landmarks that are not finite, or that coincide (names the frame), and on a
            landmark that no shape has.
        RuntimeError: if the reference still moves after 1000 rounds.

    Example:
        >>> square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        >>> shapes = torch.stack([square, 5 * square + 2])
        >>> generalized_procrustes(shapes).mean.round(decimals=3)
        tensor([[-0.7070, -0.7070],
                [ 0.7070, -0.7070],
                [ 0.7070,  0.7070],
                [-0.7070,  0.7070]])
    """
    check_positive(tolerance, "tolerance")
    visible = check_landmarks(shapes, visible, "shapes")
    if len(shapes) == 0:
        raise ValueError("shapes must not be empty")
    unseen = (~visible.any(0)).nonzero().flatten().tolist()
    if unseen:
        raise ValueError(f"landmark {unseen[0]} is missing in every shape; leave it out of all")
    given, shapes = (
        shapes.dtype,
        shapes.double(),
    )  # rounding in float32 may move the reference by the tolerance for ever
    fullest = visible.sum(1).sort(descending=True, stable=True).indices[0]
    known = visible[fullest]  # (N,) landmarks that the reference has
    reference = shapes[fullest]
    points = torch.where(visible[..., None], shapes, 0)
    for _ in range(MAX_ROUNDS):
        fit = procrustes(shapes, reference, visible & known)
        moved = torch.where(visible[..., None], fit.transform.apply(points), 0)
        mean = _standardize(moved.sum(0) / visible.sum(0)[:, None])  # (N, 2)
        change = procrustes(mean[None], reference, known[None]).distance
        reference, known = mean, torch.ones_like(known)
        if change < tolerance:
            break
    else:
        raise RuntimeError(f"the reference still moves by {change.item():.2g} after {MAX_ROUNDS} rounds")
    angle = fit.transform.angle
    average = torch.atan2(angle.sin().sum(), angle.cos().sum())
    upright = reference @ rotation_matrix(-average).mT
    return GeneralizedProcrustes(upright.to(given), procrustes(shapes, upright, visible).aligned.to(given))


def fit_to_canvas(mean: Tensor, size: tuple[int, int], margin: float = 0.0) -> Tensor:
    """Return a mean shape as large as it fits into an image, its bounding box in the middle: a reference in pixels.

    Args:
        mean: (N, 2), of any scale and position.
        size: height and width of the image.
        margin: share of the image to leave free at each side, in [0, 0.5).

    Returns:
        (N, 2) pixels (x, y).

    Raises:
        ValueError: on a wrong shape, a margin outside [0, 0.5), landmarks that are not finite or all at one place.

    Example:
        >>> fit_to_canvas(torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), (11, 21))
        tensor([[ 5.,  0.],
                [15., 10.]])
    """
    check_shape(mean, "N 2", "mean")
    check_landmarks(mean[None], name="mean")
    if not 0 <= margin < 0.5:
        raise ValueError(f"margin must lie in [0, 0.5), got {margin}")
    low, high = mean.amin(0), mean.amax(0)
    if not (high > low).any():
        raise ValueError("mean must have two landmarks apart, all are at one place")
    last = torch.tensor([size[1] - 1, size[0] - 1], dtype=mean.dtype, device=mean.device)  # (2,) x, y
    scale = ((1 - 2 * margin) * last / (high - low)).amin()  # a side of no length gives infinity, and does not decide
    return (mean - (low + high) / 2) * scale + last / 2


def _standardize(shape: Tensor) -> Tensor:
    centred = center(shape[None], torch.ones(1, len(shape), dtype=torch.bool, device=shape.device))[0][0]
    return centred / centred.square().sum(-1).mean().sqrt()
