"""Similarity transforms: turn, scale and move a set of landmarks; never mirror it.

The least-squares fit is that of S. Umeyama: Least-Squares Estimation of Transformation Parameters Between Two Point
Patterns, PAMI 1991, which in the plane needs no singular values once reflections are excluded.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fgr.alignment.landmarks import check_landmarks, check_two_apart
from fgr.checks import check_shape


class Similarity(NamedTuple):
    """B similarity transforms of the plane: points -> points @ matrix^T + translation."""

    matrix: Tensor  # (B, 2, 2), scale times rotation
    translation: Tensor  # (B, 2) pixels

    def apply(self, points: Tensor) -> Tensor:
        """Return the moved points (B, N, 2), given the same ones for all, (N, 2), or a set for each, (B, N, 2)."""
        return points @ self.matrix.mT + self.translation[:, None]  # (B, N, 2)

    def inverse(self) -> "Similarity":
        """Return the transforms that move everything back."""
        matrix = self.matrix.mT / self.scale.square()[:, None, None]
        return Similarity(matrix, -(matrix @ self.translation[..., None]).squeeze(-1))

    @property
    def scale(self) -> Tensor:
        """(B,) how many times longer lengths become."""
        return torch.linalg.vector_norm(self.matrix[:, 0], dim=-1)

    @property
    def angle(self) -> Tensor:
        """(B,) rotation in (-pi, pi], from the x axis towards the y axis, which is clockwise on a screen."""
        return torch.atan2(self.matrix[:, 1, 0], self.matrix[:, 0, 0])


def rotation_matrix(angle: Tensor) -> Tensor:
    """Return the rotations (B, 2, 2) by `angle` (B,) radians, from the x axis towards the y axis.

    Example:
        >>> rotation_matrix(torch.tensor([torch.pi / 2])).round().abs()
        tensor([[[0., 1.],
                 [1., 0.]]])
    """
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)  # (B, 2, 2)


def center(points: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Return points about their centroid, zero where missing (B, N, 2), and the centroid of the visible ones (B, 2)."""
    shown = visible[..., None]
    filled = torch.where(shown, points, 0)  # what a missing landmark holds, NaN included, must not spread
    centroid = filled.sum(-2) / visible.sum(-1, keepdim=True).clamp_min(1)  # (B, 2)
    return torch.where(shown, filled - centroid[:, None], 0), centroid


def cross(a: Tensor, b: Tensor) -> Tensor:
    """Return the signed area a_x b_y - a_y b_x (...) that two vectors (..., 2) span."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def estimate_similarity(source: Tensor, target: Tensor, visible: Tensor | None = None) -> Similarity:
    """Return the similarity transforms that bring `source` closest to `target` in squared distance.

    Args:
        source: (B, N, 2) landmarks in pixels.
        target: (N, 2) the same for all, or (B, N, 2).
        visible: (B, N) bool, which landmarks count; None: all.

    Raises:
        ValueError: on wrong shapes, landmarks that are not finite, or fewer than two apart; names the frame.

    Example:
        >>> square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        >>> fit = estimate_similarity(square[None], 3 * square + 5)
        >>> fit.scale, fit.translation
        (tensor([3.]), tensor([[5., 5.]]))
    """
    visible = check_landmarks(source, visible, "source")
    target = broadcast_target(target, source, visible, "target")
    x, x_centroid = center(source, visible)
    y, y_centroid = center(target, visible)
    spread = x.square().sum((-2, -1))  # (B,)
    check_two_apart(visible, spread)
    along, across = (x * y).sum((-2, -1)) / spread, cross(x, y).sum(-1) / spread  # scale times cos, scale times sin
    rows = [torch.stack([along, -across], -1), torch.stack([across, along], -1)]
    matrix = torch.stack(rows, -2)  # (B, 2, 2)
    return Similarity(matrix, y_centroid - (matrix @ x_centroid[..., None]).squeeze(-1))


def broadcast_target(target: Tensor, source: Tensor, visible: Tensor, name: str) -> Tensor:
    """Return a target (N, 2) or (B, N, 2) as (B, N, 2) after checking it against the source and its visible points."""
    check_shape(target, "N 2" if target.ndim == 2 else "B N 2", name)
    if target.ndim == 2:
        target = target.expand(len(source), -1, -1)  # (B, N, 2)
    if target.shape != source.shape:
        raise ValueError(f"{name} must hold {source.shape[1]} landmarks like the shapes, got {tuple(target.shape)}")
    check_landmarks(target, visible, name)
    return target
