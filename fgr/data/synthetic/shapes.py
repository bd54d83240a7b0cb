"""Shapes as signed distances: negative inside, zero on the outline, positive outside; whole batches at once.

Coordinates are in units of the image's height, x right, y down, (0, 0) the top left corner of the image, so that a
scene is the same at any resolution. Every field has a leading dimension B, or 1 for the same value in all samples.
Distances are exact for strokes and polygons, and good near the outline for ellipses and blends.
"""

import dataclasses
from typing import Self

import torch
from torch import Tensor


def _pixelwise(values: Tensor) -> Tensor:
    return values[:, None, None]  # (B, 1, 1)


class Shape:
    """What `Canvas.paint` accepts: `box`, `distance`, and fields that can be selected by sample."""

    def box(self) -> Tensor:
        """Return (B, 4) x0, y0, x1, y1: nothing lies outside."""
        raise NotImplementedError

    def distance(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the signed distance (B, h, w) at x (B, 1, w), y (B, h, 1), and half the shape's width there.

        The half width, broadcastable or None, keeps what is thinner than a pixel as faint as it must be.
        """
        raise NotImplementedError

    def select(self, rows: Tensor) -> Self:
        """Return the same shape for some samples of the batch: rows (b,) int64."""

        def pick(value: object) -> object:
            if isinstance(value, Tensor):
                return value[rows] if len(value) > 1 else value
            if isinstance(value, tuple):
                return tuple(pick(part) for part in value)
            return value.select(rows) if isinstance(value, Shape) else value

        return type(self)(*(pick(getattr(self, field.name)) for field in dataclasses.fields(self)))


@dataclasses.dataclass(frozen=True)
class Ellipse(Shape):
    """An ellipse: centre (B, 2), half axes `radii` (B, 2) above 0, `angle` (B,) from the x axis towards y (down)."""

    centre: Tensor
    radii: Tensor
    angle: Tensor

    def box(self) -> Tensor:
        cos, sin = self.angle.cos()[:, None], self.angle.sin()[:, None]  # (B, 1)
        a, b = self.radii.split(1, 1)
        reach = torch.cat([torch.hypot(a * cos, b * sin), torch.hypot(a * sin, b * cos)], 1)  # (B, 2)
        return torch.cat([self.centre - reach, self.centre + reach], 1)

    def distance(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        a, b = (_pixelwise(part) for part in self.radii.unbind(1))
        dx, dy = x - _pixelwise(self.centre[:, 0]), y - _pixelwise(self.centre[:, 1])  # (B, 1, w), (B, h, 1)
        cos, sin = _pixelwise(self.angle.cos()), _pixelwise(self.angle.sin())
        u = (dx * cos + dy * sin) / a  # (B, h, w)
        v = (dy * cos - dx * sin) / b
        level = (u * u + v * v).clamp_min_(1e-12).sqrt_()  # 1 on the outline
        slope = ((u / a).square_() + (v / b).square_()).clamp_min_(1e-12).sqrt_()
        half = torch.minimum(a, b)
        return torch.maximum((level - 1) * level / slope, -half), half


@dataclasses.dataclass(frozen=True)
class Stroke(Shape):
    """A line through `points` (B, V, 2) with round ends and joints, of half width `radii` (B, V) at each point."""

    points: Tensor
    radii: Tensor

    def box(self) -> Tensor:
        radii = self.radii[..., None]  # (B, V, 1)
        return torch.cat([(self.points - radii).amin(1), (self.points + radii).amax(1)], 1)

    def distance(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        nearest = half = None
        for k in range(self.points.shape[1] - 1):
            (ax, ay), (bx, by) = (map(_pixelwise, self.points[:, i].unbind(1)) for i in (k, k + 1))
            ra, rb = _pixelwise(self.radii[:, k]), _pixelwise(self.radii[:, k + 1])
            ex, ey = bx - ax, by - ay
            dx, dy = x - ax, y - ay
            scale = (ex * ex + ey * ey).clamp_min(1e-12)
            along = (dx * (ex / scale) + dy * (ey / scale)).clamp_(0, 1)  # (B, h, w)
            radius = ra + (rb - ra) * along
            away = ((dx - along * ex).square_() + (dy - along * ey).square_()).sqrt_().sub_(radius)
            if nearest is None:
                nearest, half = away, radius
            else:
                half = torch.where(away < nearest, radius, half)
                nearest = torch.minimum(nearest, away)
        return nearest, half


@dataclasses.dataclass(frozen=True)
class Polygon(Shape):
    """A closed polygon through `vertices` (B, V, 2), convex or not, in either direction; `smooth` rounds one."""

    vertices: Tensor

    def box(self) -> Tensor:
        return torch.cat([self.vertices.amin(1), self.vertices.amax(1)], 1)

    def distance(self, x: Tensor, y: Tensor) -> tuple[Tensor, None]:
        squared = inside = None
        count = self.vertices.shape[1]
        for k in range(count):
            (ax, ay), (bx, by) = (map(_pixelwise, self.vertices[:, i].unbind(1)) for i in (k, (k + 1) % count))
            ex, ey = bx - ax, by - ay
            dx, dy = x - ax, y - ay
            scale = (ex * ex + ey * ey).clamp_min(1e-12)
            along = (dx * (ex / scale) + dy * (ey / scale)).clamp_(0, 1)  # (B, h, w)
            away = (dx - along * ex).square_() + (dy - along * ey).square_()
            spans = (dy >= 0) != (y >= by)  # (B, h, 1): the edge crosses this row
            left = (dx * ey < dy * ex) == (ey > 0)  # the crossing lies to the right of the pixel
            crosses = spans & left
            squared = away if squared is None else torch.minimum(squared, away)
            inside = crosses if inside is None else inside ^ crosses
        away = squared.sqrt_()
        return torch.where(inside, -away, away), None


@dataclasses.dataclass(frozen=True)
class Union(Shape):
    """Shapes melted together: where two meet, the outline is filleted over `blend` (a width; 0 for a plain union)."""

    shapes: tuple[Shape, ...]
    blend: float = 0.0

    def box(self) -> Tensor:
        boxes = torch.stack(torch.broadcast_tensors(*(shape.box() for shape in self.shapes)))  # (n, B, 4)
        whole = torch.cat([boxes[..., :2].amin(0), boxes[..., 2:].amax(0)], 1)
        swell = self.blend / 4 * (len(self.shapes) - 1)  # what all fillets together add at most
        return whole + swell * whole.new_tensor([-1, -1, 1, 1])

    def distance(self, x: Tensor, y: Tensor) -> tuple[Tensor, None]:
        near = self.shapes[0].distance(x, y)[0]
        for shape in self.shapes[1:]:
            other = shape.distance(x, y)[0]
            if self.blend:
                gap = (1 - (near - other).abs_() / self.blend).clamp_min_(0)
                near = torch.minimum(near, other) - gap.square_() * (self.blend / 4)
            else:
                near = torch.minimum(near, other)
        return near, None


def stroke(a: Tensor, b: Tensor, radius_a: Tensor, radius_b: Tensor) -> Stroke:
    """Return a straight stroke from a (B, 2) to b (B, 2) with half widths (B,) at its ends."""
    return Stroke(torch.stack([a, b], 1), torch.stack(torch.broadcast_tensors(radius_a, radius_b), 1))


def curve(a: Tensor, control: Tensor, b: Tensor, radii: Tensor, segments: int = 8) -> Stroke:
    """Return a quadratic Bezier stroke from a to b (B, 2), bent towards `control` (B, 2).

    Args:
        radii: (B, 3) half widths at the start, half way and at the end, interpolated by the parabola through them.
        segments: straight pieces it is made of.
    """
    t = torch.linspace(0, 1, segments + 1, device=a.device)[:, None]  # (V, 1)
    points = (1 - t) ** 2 * a[:, None] + 2 * t * (1 - t) * control[:, None] + t**2 * b[:, None]  # (B, V, 2)
    t = t[:, 0]
    weights = torch.stack([(1 - t) * (1 - 2 * t), 4 * t * (1 - t), t * (2 * t - 1)])  # (3, V)
    return Stroke(points, (radii @ weights).clamp_min(0))


def smooth(vertices: Tensor, steps: int = 4) -> Polygon:
    """Return the closed Catmull-Rom curve through `vertices` (B, V, 2), as a polygon of V * steps corners."""
    t = torch.arange(steps, device=vertices.device)[:, None, None] / steps  # (steps, 1, 1)
    before, here, after, last = (vertices.roll(shift, 1)[:, None] for shift in (1, 0, -1, -2))  # (B, 1, V, 2)
    points = here + 0.5 * t * (
        after - before + t * (2 * before - 5 * here + 4 * after - last + t * (3 * (here - after) + last - before))
    )  # (B, steps, V, 2)
    return Polygon(points.transpose(1, 2).flatten(1, 2))


def rotate(points: Tensor, angle: Tensor) -> Tensor:
    """Return points (B, ..., 2) turned about (0, 0) by angle (B,), from the x axis towards y (clockwise on screen)."""
    shape = (-1,) + (1,) * (points.ndim - 2)
    cos, sin = angle.cos().view(shape), angle.sin().view(shape)
    x, y = points.unbind(-1)
    return torch.stack([cos * x - sin * y, sin * x + cos * y], -1)
