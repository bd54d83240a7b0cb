"""From the head to the image: turning, projecting, and finding for every pixel the point of the relief it shows.

Axes of the head and of the camera: x right, y down, z towards the viewer, all in units of half the face's width; the
projection is parallel, as through a long lens.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.data.synthetic.faces.factors import FaceFactors
from fgr.data.synthetic.faces.interpolate import pixelwise
from fgr.data.synthetic.faces.surface import FLOOR, Surface, look_up

PIVOT = (0.0, -0.35, -0.6)  # a head turns about this point, which stays where the camera's shift puts it
_LEVELS = (0.42, 0.30, 0.20, 0.11, 0.03, -0.05, -0.14, -0.24, -0.36, -0.50, -0.66, -0.83, FLOOR)


class View(NamedTuple):
    """rotation: (B, 3, 3) from head to camera. scale: (B,) image sides a unit. centre: (B, 2) image of the pivot."""

    rotation: Tensor
    scale: Tensor
    centre: Tensor


class Hits(NamedTuple):
    """What pixels (B, H, W) show: frontal position x and y on the relief, and how much of the pixel it covers."""

    x: Tensor
    y: Tensor
    cover: Tensor


def view_of(factors: FaceFactors) -> View:
    """Return how faces stand before the camera: roll after pitch after yaw."""
    cos, sin = factors.pose.cos().unbind(1), factors.pose.sin().unbind(1)
    one, zero = torch.ones_like(cos[0]), torch.zeros_like(cos[0])

    def matrix(*rows: tuple[Tensor, ...]) -> Tensor:
        return torch.stack([torch.stack(row, 1) for row in rows], 1)  # (B, 3, 3)

    yaw = matrix((cos[0], zero, sin[0]), (zero, one, zero), (-sin[0], zero, cos[0]))
    pitch = matrix((one, zero, zero), (zero, cos[1], -sin[1]), (zero, sin[1], cos[1]))
    roll = matrix((cos[2], -sin[2], zero), (sin[2], cos[2], zero), (zero, zero, one))
    return View(roll @ pitch @ yaw, factors.camera[:, 0], factors.camera[:, 1:3] + 0.5)


def project(view: View, points: Tensor) -> Tensor:
    """Return the positions in the image (B, N, 2), in image sides, of points (B, N, 3) of the head."""
    turned = (points - points.new_tensor(PIVOT)) @ view.rotation.transpose(1, 2)  # (B, N, 3)
    return turned[..., :2] * view.scale[:, None, None] + view.centre[:, None]


def grid(view: View, size: int) -> tuple[Tensor, Tensor]:
    """Return where the pixels are in units of the head, right and down of the pivot, unturned: (B, H, W) each."""
    line = (torch.arange(size, device=view.scale.device) + 0.5) / size
    u = (line - pixelwise(view.centre[:, 0])) / pixelwise(view.scale)  # (B, 1, W)
    v = (line[:, None] - pixelwise(view.centre[:, 1])) / pixelwise(view.scale)  # (B, H, 1)
    return u.expand(-1, size, -1), v.expand(-1, -1, size)


def cast(view: View, surface: Surface, size: int) -> Hits:
    """Return what each pixel shows: the first point of the relief on its ray, found between levels of depth."""
    u, v = grid(view, size)
    to_head = view.rotation.transpose(1, 2)
    start = [sum(pixelwise(to_head[:, i, j]) * (u, v)[j] for j in (0, 1)) + PIVOT[i] for i in range(3)]
    ray = view.rotation[:, 2]  # (B, 3) towards the viewer
    kx, ky = pixelwise(ray[:, 0] / ray[:, 2]), pixelwise(ray[:, 1] / ray[:, 2])
    x0, y0 = start[0] - start[2] * kx, start[1] - start[2] * ky  # where the ray crosses z = 0

    def gap(z: Tensor | float) -> Tensor:
        """How far a ray is inside the head at a depth, in head units; positive inside."""
        height, rim = look_up(surface, x0 + z * kx, y0 + z * ky, slice(0, 2)).unbind(1)
        return torch.minimum(0.5 * (height - z), rim)

    before = gap(_LEVELS[0])
    best, deepest = before, torch.full_like(before, _LEVELS[0])
    out, into = torch.full_like(before, _LEVELS[0]), torch.full_like(before, FLOOR)
    gap_out, gap_in = before, torch.full_like(before, -1.0)
    found = before >= 0
    for upper, level in pairwise(_LEVELS):
        here = gap(level)
        hit = (here >= 0) & ~found
        out, gap_out = torch.where(hit, upper, out), torch.where(hit, before, gap_out)
        into, gap_in = torch.where(hit, level, into), torch.where(hit, here, gap_in)
        found |= hit
        deepest = torch.where(here > best, level, deepest)
        best, before = torch.maximum(best, here), here
    for _ in range(2):  # regula falsi
        z = out + (into - out) * (gap_out / (gap_out - gap_in).clamp_max(-1e-6)).clamp(0.02, 0.98)
        here = gap(z)
        inner = here >= 0
        out, gap_out = torch.where(inner, out, z), torch.where(inner, gap_out, here)
        into, gap_in = torch.where(inner, z, into), torch.where(inner, here, gap_in)
    z = out + (into - out) * (gap_out / (gap_out - gap_in).clamp_max(-1e-6)).clamp(0, 1)
    z = torch.where(found, z, deepest)
    pixel = 1 / (size * pixelwise(view.scale))
    return Hits(x0 + z * kx, y0 + z * ky, (best / pixel + 0.5).clamp_(0, 1))


def landmark_points(surface: Surface, frontal: Tensor) -> Tensor:
    """Return landmarks (B, N, 3) on the relief, from their frontal positions (B, N, 2)."""
    height = look_up(surface, frontal[:, None, :, 0], frontal[:, None, :, 1])[:, 0, 0]  # (B, N)
    return torch.cat([frontal, height[..., None]], 2)


def contour(view: View, surface: Surface, frontal: Tensor, steps: int = 24) -> Tensor:
    """Return the jaw (B, 17, 2) in image sides, where it is the visible outline of a turned face.

    Each point slides inwards along its row to where the face reaches farthest out, as people mark it.

    Args:
        frontal: (B, 17, 2) the jaw of the face seen from the front.
        steps: places that are tried.
    """
    share = torch.linspace(1.0, 0.35, steps, device=frontal.device)
    tried = torch.stack([frontal[:, None, :, 0] * share[:, None], frontal[:, None, :, 1].expand(-1, steps, -1)], 3)
    count = tried.shape[2]
    placed = project(view, landmark_points(surface, tried.flatten(1, 2))).unflatten(1, (steps, count))
    outward = frontal[..., 0].sign()[..., None] * view.rotation[:, None, :2, 0]  # (B, 17, 2); the chin stays
    reach = (placed * outward[:, None]).sum(3)  # (B, steps, 17)
    weight = F.softmax(1000 * reach / view.scale[:, None, None], 1)  # nearly the farthest, but without jumps
    return (weight[..., None] * placed).sum(1)
