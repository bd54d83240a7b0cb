"""Signed distances: every shape against a slow rasteriser with 16 x 16 samples a pixel, boxes, blends and curves."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from fgr.data.synthetic.canvas import Canvas
from fgr.data.synthetic.shapes import Ellipse, Polygon, Shape, Stroke, Union, curve, rotate, smooth, stroke

SIDE = 24  # pixels of the images compared with slow rasterisers
FINE = 16  # samples a pixel and direction of those


def paint(shape: Shape, batch: int = 1, side: int = SIDE, **options: object) -> Tensor:
    """Return how white (B, H, W) a white shape makes a black image."""
    canvas = Canvas(batch, side, side, torch.zeros(3))
    canvas.paint(shape, torch.ones(3), **options)
    return canvas.pixels[:, 0]


def ellipse(x: float, y: float, a: float, b: float, angle: float) -> Ellipse:
    return Ellipse(torch.tensor([[x, y]]), torch.tensor([[a, b]]), torch.tensor([angle]))


# ---------------------------------------------------------------- slow rasterisers: is this point inside?


def in_ellipse(shape: Ellipse, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    (cx, cy), (a, b), angle = shape.centre[0].tolist(), shape.radii[0].tolist(), shape.angle.item()
    along = (x - cx) * math.cos(angle) + (y - cy) * math.sin(angle)
    across = (y - cy) * math.cos(angle) - (x - cx) * math.sin(angle)
    return (along / a) ** 2 + (across / b) ** 2 <= 1


def in_polygon(shape: Polygon, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A ray to the right crosses the outline an odd number of times."""
    corners, inside = shape.vertices[0].tolist(), np.zeros(np.broadcast(x, y).shape, bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) / (by - ay) * (bx - ax))
    return inside


def in_stroke(shape: Stroke, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The nearest point of some segment is nearer than the half width there."""
    points, radii, inside = shape.points[0].tolist(), shape.radii[0].tolist(), np.zeros(np.broadcast(x, y).shape, bool)
    for k, ((ax, ay), (bx, by)) in enumerate(pairwise(points)):
        length = (bx - ax) ** 2 + (by - ay) ** 2
        t = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length, 0, 1)
        inside |= np.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)) <= radii[k] + t * (radii[k + 1] - radii[k])
    return inside


def in_union(shape: Union, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.logical_or.reduce([inside(part, x, y) for part in shape.shapes])


def inside(shape: Shape, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return {Ellipse: in_ellipse, Polygon: in_polygon, Stroke: in_stroke, Union: in_union}[type(shape)](shape, x, y)


def supersampled(shape: Shape, side: int = SIDE) -> Tensor:
    """Return the share of 16 x 16 points of each pixel that lie inside: (H, W)."""
    fine = (np.arange(side * FINE) + 0.5) / (side * FINE)
    covered = inside(shape, fine[None, :], fine[:, None])
    return torch.from_numpy(covered.reshape(side, FINE, side, FINE).mean((1, 3))).float()


STAR = [(0.5 + r * math.sin(0.3 + k * math.pi / 5), 0.5 - r * math.cos(0.3 + k * math.pi / 5)) for k in range(10)
        for r in [0.42 if k % 2 == 0 else 0.2]]  # fmt: skip
POINTS = torch.tensor([[[0.15, 0.2], [0.7, 0.35], [0.4, 0.85]]])
SHAPES = {
    "disc": ellipse(0.52, 0.47, 0.3, 0.3, 0.0),
    "ellipse": ellipse(0.48, 0.53, 0.4, 0.17, 0.6),
    "turned half round": ellipse(0.48, 0.53, 0.4, 0.17, 0.6 + math.pi),
    "triangle": Polygon(torch.tensor([[[0.1, 0.85], [0.45, 0.1], [0.9, 0.7]]])),
    "triangle, other way round": Polygon(torch.tensor([[[0.9, 0.7], [0.45, 0.1], [0.1, 0.85]]])),
    "star": Polygon(torch.tensor([STAR])),
    "blob": smooth(torch.tensor([[[0.2, 0.3], [0.6, 0.15], [0.85, 0.5], [0.6, 0.8], [0.3, 0.7]]])),
    "stroke": Stroke(POINTS, torch.tensor([[0.1, 0.1, 0.1]])),
    "tapered": Stroke(POINTS, torch.tensor([[0.02, 0.12, 0.06]])),
    "curve": curve(torch.tensor([[0.1, 0.8]]), torch.tensor([[0.5, -0.3]]), torch.tensor([[0.9, 0.8]]),
                   torch.tensor([[0.08, 0.05, 0.03]])),
    "union": Union((ellipse(0.35, 0.5, 0.25, 0.2, 0.3), ellipse(0.65, 0.45, 0.2, 0.3, -0.2))),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_equal_a_supersampled_raster(name: str) -> None:
    """Each pixel within a few per cent on average of the edge, and the whole area within one per cent."""
    found, expected = paint(SHAPES[name])[0], supersampled(SHAPES[name])
    edge = (expected > 0) & (expected < 1)
    error = (found - expected).abs()
    assert error[edge].mean() < 0.03
    assert error.max() < 0.25  # at sharp corners, which a distance rounds off
    assert error[~edge].max() < 0.06
    assert found.sum().item() == pytest.approx(expected.sum().item(), rel=0.01)


BLENDED = Union((SHAPES["disc"], SHAPES["disc"], SHAPES["ellipse"]), 0.2)  # blends swell most where shapes coincide


@pytest.mark.parametrize("shape", [*SHAPES.values(), BLENDED], ids=[*SHAPES, "blended"])
def test_nothing_lies_outside_the_box(shape: Shape) -> None:
    """Every point inside a shape is inside its box too."""
    fine = (torch.arange(400) + 0.5) / 400
    near = shape.distance(fine[None, None, :], fine[None, :, None])[0][0] <= 0  # (400, 400)
    x0, y0, x1, y1 = shape.box()[0].tolist()
    rows, columns = near.nonzero().unbind(1)
    assert x0 - 1e-6 <= fine[columns].min() and fine[columns].max() <= x1 + 1e-6
    assert y0 - 1e-6 <= fine[rows].min() and fine[rows].max() <= y1 + 1e-6


def test_boxes_of_ellipse_and_stroke_are_tight() -> None:
    """Known by hand: an ellipse turned by a right angle, and round ends of a level stroke."""
    torch.testing.assert_close(
        ellipse(0.5, 0.4, 0.3, 0.1, math.pi / 2).box(), torch.tensor([[0.4, 0.1, 0.6, 0.7]]), rtol=0, atol=1e-6
    )
    level = stroke(torch.tensor([[0.2, 0.5]]), torch.tensor([[0.8, 0.5]]), torch.tensor([0.1]), torch.tensor([0.05]))
    torch.testing.assert_close(level.box(), torch.tensor([[0.1, 0.4, 0.85, 0.6]]), rtol=0, atol=1e-6)


# ---------------------------------------------------------------- blends, curves, helpers


def test_a_blend_only_adds_and_stays_in_its_box() -> None:
    """The fillet fills the crease between two discs; far from it the union is plain."""
    parts = (ellipse(0.35, 0.5, 0.2, 0.2, 0.0), ellipse(0.65, 0.5, 0.2, 0.2, 0.0))
    plain, blended = paint(Union(parts)), paint(Union(parts, 0.1))
    assert (blended >= plain - 1e-6).all()
    assert blended[0, 7, 12] > plain[0, 7, 12] + 0.1  # above the crease
    assert torch.equal(blended[0, :, :6], plain[0, :, :6])


def test_curve_is_the_bezier_and_smooth_passes_through_its_points() -> None:
    """Points of the curve by de Casteljau; half widths by the parabola; corners of the blob among its vertices."""
    a, control, b = torch.tensor([[0.1, 0.2]]), torch.tensor([[0.6, 0.9]]), torch.tensor([[0.9, 0.3]])
    made = curve(a, control, b, torch.tensor([[0.1, 0.2, 0.06]]), segments=4)
    for k, t in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        point = torch.lerp(torch.lerp(a, control, t), torch.lerp(control, b, t), t)
        torch.testing.assert_close(made.points[:, k], point)
    assert made.radii[0, [0, 2, 4]].tolist() == pytest.approx([0.1, 0.2, 0.06])
    corners = torch.rand(2, 5, 2)
    torch.testing.assert_close(smooth(corners, steps=4).vertices[:, ::4], corners)


def test_rotate_turns_x_towards_y() -> None:
    """A quarter turn takes right to down, for points of any shape."""
    turned = rotate(torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]), torch.tensor([math.pi / 2]))
    torch.testing.assert_close(turned, torch.tensor([[[0.0, 1.0], [-1.0, 0.0]]]), rtol=0, atol=1e-6)
