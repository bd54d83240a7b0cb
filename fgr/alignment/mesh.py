"""A mesh of triangles over a reference face, and which triangle each pixel of the canonical face lies in.

Everything that does not depend on a frame is worked out here, once, with scipy's Delaunay triangulation.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import Delaunay, distance
from torch import Tensor

from fgr.alignment.landmarks import check_landmarks
from fgr.checks import check_shape

THIN = 1e-3  # pixels: landmarks this close coincide, triangles this low have no area


class Mesh(NamedTuple):
    """Triangles over some of N landmarks, and each pixel of an H x W image as a weighted mean of three landmarks."""

    triangles: Tensor  # (T, 3) landmarks at the corners
    vertices: Tensor  # (H W, 3) landmarks at the corners around a pixel; N, which is none of them, outside the mesh
    weights: Tensor  # (H W, 3) barycentric, in [0, 1] and summing to 1; (1, 0, 0) outside the mesh
    inside: Tensor  # (H, W) bool
    used: Tensor  # (N,) bool, the landmarks that the mesh has


def triangulate(reference: Tensor, size: tuple[int, int], subset: Sequence[int] | None = None) -> Mesh:
    """Return the Delaunay mesh of a reference, and its pixels.

    Args:
        reference: (N, 2) pixels (x, y) in the image.
        size: height and width of the image.
        subset: which landmarks span the mesh, three at least; None: all.

    Returns:
        A mesh on the reference's device, its weights of the reference's type.

    Raises:
        ValueError: on a wrong subset; if landmarks are not finite, coincide, or lie on one line, or no pixel is inside.

    Example:
        >>> mesh = triangulate(torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]]), (4, 4))
        >>> mesh.inside.int()
        tensor([[1, 1, 1, 1],
                [1, 1, 1, 0],
                [1, 1, 0, 0],
                [1, 0, 0, 0]], dtype=torch.int32)
    """
    check_shape(reference, "N 2", "reference")
    chosen = np.arange(len(reference)) if subset is None else np.array(subset, dtype=int)
    if len(set(chosen)) < len(chosen) or not ((chosen >= 0) & (chosen < len(reference))).all():
        raise ValueError(f"subset must hold different landmarks in [0, {len(reference)}), got {chosen.tolist()}")
    used = torch.zeros(len(reference), dtype=torch.bool, device=reference.device)
    used[torch.from_numpy(chosen)] = True
    check_landmarks(reference[None], used[None], "reference")
    points = reference.detach().double().cpu().numpy()[chosen]
    _check_reference(points, chosen)
    delaunay = Delaunay(points)
    height, width = size
    pixels = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2).astype(float)  # (H W, 2)
    triangle = delaunay.find_simplex(pixels)  # (H W,); -1 outside
    inside = triangle >= 0
    if not inside.any():
        raise ValueError(f"the reference covers no pixel of a {height}x{width} image; are its coordinates pixels?")
    to_barycentric = delaunay.transform[triangle]  # (H W, 3, 2)
    first_two = np.einsum("pij,pj->pi", to_barycentric[:, :2], pixels - to_barycentric[:, 2])
    weights = np.column_stack([first_two, 1 - first_two.sum(1)])  # (H W, 3)
    weights[~inside] = (1, 0, 0)
    vertices = np.where(inside[:, None], chosen[delaunay.simplices[triangle]], len(reference))  # (H W, 3)
    device = reference.device
    return Mesh(
        torch.from_numpy(chosen[delaunay.simplices]).to(device),
        torch.from_numpy(vertices).to(device),
        torch.from_numpy(weights).to(device, reference.dtype),
        torch.from_numpy(inside).view(height, width).to(device),
        used,
    )


def _check_reference(points: np.ndarray, names: np.ndarray) -> None:
    if len(points) < 3:
        raise ValueError(f"reference: a mesh needs at least 3 landmarks, got {len(points)}")
    near = np.argwhere(np.triu(distance.cdist(points, points) <= THIN, 1))
    if len(near):
        first, second = names[near[0]]
        raise ValueError(f"reference: landmarks {first} and {second} coincide; leave one out with `subset`")
    spread = np.linalg.svd(points - points.mean(0), compute_uv=False)
    if spread[1] <= THIN:
        raise ValueError("reference: all landmarks lie on one line; a mesh needs three that do not")
