"""A coordinate system that moves with a bird, its head or its tail, and makes shapes in image coordinates."""

from typing import NamedTuple

import torch
from torch import Tensor

from fgr.data.synthetic.shapes import Ellipse, Polygon, Stroke, rotate

Number = float | Tensor  # one for all, or (B,)
Point = tuple[Number, Number]


class Frame(NamedTuple):
    """Where x = 0, y = 0 lies in B images, and how x and y run from there.

    origin: (B, 2) in units of the image's height.
    scale: (B,) lengths in the image of a length of 1.
    angle: (B,) from the image's x axis towards y (down).
    flip: (B,) 1, or -1 where x runs to the left.
    squeeze: (B,) factor of x coordinates (not of radii): below 1 where the frame is seen from an angle.
    """

    origin: Tensor
    scale: Tensor
    angle: Tensor
    flip: Tensor
    squeeze: Tensor

    def number(self, value: Number) -> Tensor:
        """Return a number as (B,)."""
        return torch.as_tensor(value, dtype=torch.float32, device=self.scale.device).expand(len(self.scale))

    def place(self, points: Tensor) -> Tensor:
        """Return where points (B, V, 2) of this frame lie in the image."""
        sides = torch.stack([self.flip * self.squeeze, torch.ones_like(self.flip)], 1)  # (B, 2)
        return self.origin[:, None] + rotate(points * sides[:, None], self.angle) * self.scale[:, None, None]

    def points(self, *points: Point) -> Tensor:
        """Return where points lie in the image: (B, V, 2)."""
        return self.place(torch.stack([torch.stack([self.number(x), self.number(y)], 1) for x, y in points], 1))

    def point(self, x: Number, y: Number) -> Tensor:
        """Return where one point lies in the image: (B, 2)."""
        return self.points((x, y))[:, 0]

    def child(self, x: Number, y: Number, turned: Number = 0.0, squeeze: Number = 1.0) -> "Frame":
        """Return a frame whose origin is a point of this one, turned from this one's x axis towards its y axis."""
        angle = self.angle + self.flip * self.number(turned)
        return Frame(self.point(x, y), self.scale, angle, self.flip, self.number(squeeze))

    def ellipse(self, x: Number, y: Number, width: Number, height: Number, turned: Number = 0.0) -> Ellipse:
        """Return the ellipse around a point with these half axes."""
        radii = torch.stack([self.number(width), self.number(height)], 1) * self.scale[:, None]
        return Ellipse(self.point(x, y), radii, self.angle + self.flip * self.number(turned))

    def stroke(self, *points: tuple[Number, Number, Number]) -> Stroke:
        """Return the stroke through points (x, y, half width)."""
        radii = torch.stack([self.number(radius) for *_, radius in points], 1) * self.scale[:, None]
        return Stroke(self.points(*((x, y) for x, y, _ in points)), radii)

    def polygon(self, points: Tensor) -> Polygon:
        """Return the polygon through points (B, V, 2) of this frame."""
        return Polygon(self.place(points))
