"""Procrustes analysis: two sets of landmarks moved, scaled and turned onto each other (thesis Eq. 2.1 and 2.2).

J. C. Gower: Generalized Procrustes Analysis, Psychometrika 1975. Centroids move to the origin, each shape is divided by
its size, and one is turned. Eq. 2.1 and 2.2 are corrected here; `fgr.alignment.printed` has them as printed.

Reflections are refused: a mirrored shape gets the best rotation, however badly that fits.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fgr.alignment.landmarks import check_landmarks, check_two_apart
from fgr.alignment.similarity import Similarity, broadcast_target, center, cross, rotation_matrix


class Procrustes(NamedTuple):
    """B shapes on a reference."""

    aligned: Tensor  # (B, N, 2) where and as large as the reference; NaN where a landmark is missing
    transform: Similarity  # what was done to each shape
    distance: Tensor  # (B,) root of the summed squares of what is left, both shapes at size 1


def shape_size(shapes: Tensor, visible: Tensor | None = None) -> Tensor:
    """Return the root-mean-square distance of landmarks from their centroid: Eq. 2.1 with N under the root.

    Args:
        shapes: (B, N, 2).
        visible: (B, N) bool; None: all.

    Returns:
        (B,) in the unit of the landmarks.

    Raises:
        ValueError: as `procrustes`.

    Example:
        >>> shape_size(torch.tensor([[[3.0, 1.0], [-3.0, 1.0]]]))
        tensor([3.])
    """
    visible = check_landmarks(shapes, visible, "shapes")
    return _size(center(shapes, visible)[0], visible)


def rotation_angle(shapes: Tensor, reference: Tensor, visible: Tensor | None = None) -> Tensor:
    """Return by how much to turn each shape about its centroid so that it comes closest to the reference: Eq. 2.2.

    The denominator is corrected to sum(w x + z y), and the quadrant kept, for (w, z) a landmark of the shape and (x, y)
    of the reference, both about their centroids.

    Args:
        shapes: (B, N, 2).
        reference: (N, 2) or (B, N, 2).
        visible: (B, N) bool; None: all.

    Returns:
        (B,) radians in (-pi, pi], from the x axis towards the y axis.

    Raises:
        ValueError: as `procrustes`.

    Example:
        >>> lying, standing = torch.tensor([[[-1.0, 0.0], [1.0, 0.0]]]), torch.tensor([[0.0, -1.0], [0.0, 1.0]])
        >>> rotation_angle(lying, standing).rad2deg()
        tensor([90.])
    """
    visible = check_landmarks(shapes, visible, "shapes")
    reference = broadcast_target(reference, shapes, visible, "reference")
    return _angle(center(shapes, visible)[0], center(reference, visible)[0])


def procrustes(shapes: Tensor, reference: Tensor, visible: Tensor | None = None) -> Procrustes:
    """Move, scale and turn each shape onto the reference (thesis section 2.2, steps i to iii).

    Sizes are removed by Eq. 2.1 before the rotation of Eq. 2.2, so an aligned shape is as large as the reference, not
    as small as least squares would make it; `estimate_similarity` has the least-squares scale.

    Args:
        shapes: (B, N, 2).
        reference: (N, 2), or (B, N, 2) for one each.
        visible: (B, N) bool; centroids, sizes and angles are of these landmarks only, in both sets. None: all.

    Raises:
        ValueError: on wrong shapes, visible landmarks that are not finite, or fewer than two apart; names the frame.

    Example:
        >>> square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        >>> turned = square.roll(1, 0)[None] * 2 + 7  # by a right angle
        >>> procrustes(turned, square).aligned.round(decimals=4).abs()
        tensor([[[0., 0.],
                 [1., 0.],
                 [1., 1.],
                 [0., 1.]]])
    """
    visible = check_landmarks(shapes, visible, "shapes")
    reference = broadcast_target(reference, shapes, visible, "reference")
    x, x_centroid = center(shapes, visible)
    y, y_centroid = center(reference, visible)
    x_size, y_size = _size(x, visible), _size(y, visible)
    check_two_apart(visible, x_size)
    check_two_apart(visible, y_size)
    matrix = rotation_matrix(_angle(x, y)) * (y_size / x_size)[:, None, None]
    transform = Similarity(matrix, y_centroid - (matrix @ x_centroid[..., None]).squeeze(-1))
    moved = x @ matrix.mT  # (B, N, 2) about the origin; a missing landmark is 0 in both
    distance = torch.linalg.vector_norm(moved - y, dim=(-2, -1)) / y_size
    aligned = torch.where(visible[..., None], moved + y_centroid[:, None], torch.nan)
    return Procrustes(aligned, transform, distance)


def _size(centred: Tensor, visible: Tensor) -> Tensor:
    count = visible.sum(-1).to(centred.dtype)  # the root of an integer would be float32
    return torch.linalg.vector_norm(centred, dim=(-2, -1)) / count.clamp_min(1).sqrt()


def _angle(x: Tensor, y: Tensor) -> Tensor:
    return torch.atan2(cross(x, y).sum(-1), (x * y).sum((-2, -1)))
