"""Frames that cannot be warped, refused with the name of the frame and of its landmarks."""

import torch
from torch import Tensor

from fgr.alignment.landmarks import check_landmarks, refuse
from fgr.alignment.mesh import THIN, Mesh
from fgr.alignment.similarity import cross
from fgr.checks import check_shape

REMEDY = "leave some out with `subset`, drop the frame, or pass allow_flat=True (closed eyes and lips)"


def check_frames(landmarks: Tensor, mesh: Mesh, image_size: tuple[int, int], allow_flat: bool) -> None:
    """Raise ValueError for the first frame whose landmarks cannot be warped from.

    Landmarks of the mesh must be finite, inside the image and not all on one line. Unless `allow_flat`, no two may be
    at one place and no triangle may have its corners on one line. While exported or compiled only shapes are checked:
    values are unknown then.

    Args:
        landmarks: (B, N, 2) pixels.
        mesh: over N landmarks.
        image_size: height and width of the images.
        allow_flat: whether triangles may have no area.
    """
    check_shape(landmarks, f"B {len(mesh.used)} 2", "landmarks")
    if torch.compiler.is_compiling():
        return
    check_landmarks(landmarks, mesh.used.expand(len(landmarks), -1))
    height, width = image_size
    end = torch.tensor([width - 0.5, height - 0.5], dtype=landmarks.dtype, device=landmarks.device)
    outside = ((landmarks < -0.5) | (landmarks > end)).any(-1) & mesh.used
    refuse(outside, f"outside the {height}x{width} image", "drop the frame, or leave some out with `subset`")
    corners = landmarks[:, mesh.triangles]  # (B, T, 3, 2)
    edges = corners - corners.roll(1, 2)
    longest = torch.linalg.vector_norm(edges, dim=-1).amax(-1)  # (B, T)
    flat = cross(edges[:, :, 0], edges[:, :, 1]).abs() <= THIN * longest  # (B, T), lower than THIN pixels
    refuse(flat.all(1, keepdim=True) & mesh.used, "lie on one line", "drop the frame")
    if not allow_flat:
        _check_distinct(landmarks, mesh.used.nonzero().flatten())
        first = mesh.triangles[flat.int().argmax(1)]  # (B, 3)
        refuse(_mark(first, flat.any(1), landmarks), "lie on one line", REMEDY)


def _check_distinct(landmarks: Tensor, chosen: Tensor) -> None:
    points = landmarks[:, chosen]
    # the exact distance: the fast one, by squares, is wrong by more than THIN where coordinates are large
    between = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")  # (B, M, M)
    between.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    nearest, place = between.flatten(1).min(1)
    pair = torch.stack([chosen[place // len(chosen)], chosen[place % len(chosen)]], -1)  # (B, 2)
    refuse(_mark(pair, nearest <= THIN, landmarks), "coincide", REMEDY)


def _mark(which: Tensor, bad: Tensor, landmarks: Tensor) -> Tensor:
    """Return marks (B, N) on the landmarks `which` (B, k) of the frames that are `bad` (B,)."""
    marks = torch.zeros(landmarks.shape[:2], dtype=torch.bool, device=landmarks.device)
    return marks.scatter(1, which, bad[:, None].expand_as(which))
