"""Paint anti-aliased shapes on a batch of images, each shape only inside its own box of each image."""

from collections.abc import Callable

import torch
from torch import Tensor

from fgr.data.synthetic.shapes import Shape

LEVELS = 255
# (b, 1, w), (b, h, 1), rows (b,) -> (b, 3, h, w): colours at these coordinates of the samples `rows` of the batch
ColorFunction = Callable[[Tensor, Tensor, Tensor], Tensor]


def coverage(shape: Shape, x: Tensor, y: Tensor, width: Tensor, smooth: bool = False) -> Tensor:
    """Return how much of a square of the given width around each point a shape covers, from its distance.

    Args:
        x, y: (B, 1, w) and (B, h, 1) coordinates.
        width: (B, 1, 1) of the edge's ramp: a pixel, or more for an airbrush.
        smooth: whether the ramp is a smoothstep, for wide ramps; otherwise straight, right for a pixel.

    Returns:
        (B, h, w) in [0, 1]. Exact for straight edges along an axis, also for strokes thinner than the width.
    """
    distance, half = shape.distance(x, y)
    covered = (0.5 - distance / width).clamp_(0, 1)  # (B, h, w)
    if smooth:
        covered = covered * covered * (3 - 2 * covered)
    if half is not None:  # the far side of a thin shape lies within the ramp as well
        beyond = (0.5 - (distance + 2 * half) / width).clamp_(0, 1)
        covered = covered - (beyond * beyond * (3 - 2 * beyond) if smooth else beyond)
    return covered


class Canvas:
    """A batch of images to paint on, with a plane of labels.

    Args:
        batch, height, width: B, H, W. The unit of all coordinates is the height.
        background: (3,) or (B, 3) colour, or a function of coordinates (see `ColorFunction`); components in [0, 1].
        device: where to paint.

    Attributes:
        pixels: (B, 3, H, W) float32, may be changed in place.
        labels: (B, H, W) uint8, 0 where nothing with a label was painted.

    Example:
        >>> from fgr.data.synthetic.shapes import Ellipse
        >>> canvas = Canvas(2, 32, 32, background=torch.zeros(3))
        >>> disc = Ellipse(torch.tensor([[0.5, 0.5]]), torch.tensor([[0.25, 0.25]]), torch.zeros(1))
        >>> canvas.paint(disc, torch.ones(3), label=1)
        >>> canvas.uint8()[1, :, 16, 16].tolist(), canvas.labels[1, 0, 0].item()
        ([255, 255, 255], 0)
    """

    def __init__(
        self,
        batch: int,
        height: int,
        width: int,
        background: Tensor | ColorFunction,
        device: torch.device | str = "cpu",
    ) -> None:
        if min(height, width) < 1:
            raise ValueError(f"height and width must be at least 1 pixel, got {height}x{width}")
        self.batch, self.height, self.width, self.device = batch, height, width, torch.device(device)
        self.pixels = torch.empty(batch, 3, height, width, device=device)
        self.labels = torch.zeros(batch, height, width, dtype=torch.uint8, device=device)
        everyone = torch.arange(batch, device=device)
        self.pixels[:] = self._colors(background, *self._grid(), everyone)

    def _grid(self) -> tuple[Tensor, Tensor]:
        """Return the coordinates (1, 1, W) and (1, H, 1) of all pixel centres."""
        columns, rows = (torch.arange(size, device=self.device) for size in (self.width, self.height))
        return (columns + 0.5)[None, None] / self.height, (rows + 0.5)[None, :, None] / self.height

    @staticmethod
    def _colors(color: Tensor | ColorFunction, x: Tensor, y: Tensor, rows: Tensor) -> Tensor:
        """Return colours that broadcast to (b, 3, h, w)."""
        if not isinstance(color, Tensor):
            return color(x, y, rows)
        color = color.to(x.device).view(-1, 3, 1, 1)
        return color[rows] if len(color) > 1 else color

    def _per_sample(self, value: float | Tensor) -> Tensor:
        return torch.as_tensor(value, dtype=torch.float32, device=self.device).expand(self.batch)

    def paint(
        self,
        shape: Shape,
        color: Tensor | ColorFunction,
        opacity: float | Tensor = 1.0,
        softness: float | Tensor = 0.0,
        label: int | None = None,
        clip: Shape | None = None,
    ) -> None:
        """Paint a shape over what is there.

        Args:
            shape: its fields have B or 1 samples. An empty box paints nothing.
            color: (3,) or (B, 3), or a function of coordinates; components in [0, 1].
            opacity: in [0, 1], one number or (B,); samples with 0 are left alone.
            softness: width of the edge's ramp in units of the height, one number or (B,); a pixel at least. Wide
                ramps make an airbrush, whose paint spreads by half of it beyond the outline.
            label: what `labels` becomes where coverage and opacity are both above 1/2; None leaves them alone.
            clip: a second shape outside which nothing is painted.

        Raises:
            ValueError: if a coordinate of a shape or of `clip` is not finite.
        """
        airbrush = isinstance(softness, Tensor) or softness > 0
        ramp = self._per_sample(softness).clamp_min(1 / self.height)  # (B,)
        opacity = self._per_sample(opacity)
        near, far = self._bounds(shape, ramp)
        if clip is not None:
            clip_near, clip_far = self._bounds(clip, torch.full_like(ramp, 1 / self.height))
            near, far = torch.maximum(near, clip_near), torch.minimum(far, clip_far)
        rows = ((opacity > 0) & (far > near).all(1)).nonzero()[:, 0]  # (b,)
        if not len(rows):
            return
        near, far = near[rows], far[rows]
        w, h = (far - near).amax(0).tolist()
        size = torch.tensor([self.width - w, self.height - h], device=self.device)
        start = torch.minimum(near, size)  # windows are as large as the batch's largest, and inside the image
        columns = start[:, :1] + torch.arange(w, device=self.device)  # (b, w)
        lines = start[:, 1:] + torch.arange(h, device=self.device)  # (b, h)
        x, y = ((columns + 0.5) / self.height)[:, None], ((lines + 0.5) / self.height)[:, :, None]
        covered = coverage(shape.select(rows), x, y, ramp[rows, None, None], airbrush)  # (b, h, w)
        if clip is not None:
            covered = covered * coverage(clip.select(rows), x, y, ramp.new_tensor(1 / self.height))
        covered *= ((columns >= near[:, :1]) & (columns < far[:, :1]))[:, None]  # the sample's own box, whatever
        covered *= ((lines >= near[:, 1:]) & (lines < far[:, 1:]))[:, :, None]  # the others' boxes are
        alpha = covered * opacity[rows, None, None]
        place = (rows, start[:, 1], start[:, 0])
        pixels = _windows(self.pixels, h, w)
        pixels[place] = pixels[place].lerp_(self._colors(color, x, y, rows), alpha[:, None])  # (b, 3, h, w)
        if label is not None:
            labels = _windows(self.labels[:, None], h, w)
            seen = (covered > 0.5) & (opacity[rows, None, None] > 0.5)
            labels[place] = labels[place].masked_fill_(seen[:, None], label)  # (b, 1, h, w)

    def _bounds(self, shape: Shape, ramp: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first and one past the last pixel (B, 2), as x and y, that the shape's edge may reach."""
        box = shape.box()
        if not (finite := box.isfinite().all(1)).all():
            worst = box[~finite][0].tolist()
            raise ValueError(f"coordinates must be finite, got a {type(shape).__name__} in the box {worst}")
        reach = ramp[:, None] / 2
        size = torch.tensor([self.width, self.height], device=self.device)
        near, far = ((box[:, :2] - reach) * self.height).floor(), ((box[:, 2:] + reach) * self.height).ceil()
        return tuple(torch.minimum(edge.clamp_min_(0), size).long() for edge in (near, far))

    def uint8(self) -> Tensor:
        """Return the images (B, 3, H, W) in 256 levels."""
        return (self.pixels * LEVELS).round_().clamp_(0, LEVELS).to(torch.uint8)


def _windows(planes: Tensor, h: int, w: int) -> Tensor:
    """View planes (B, C, H, W) as all their windows (B, H - h + 1, W - w + 1, C, h, w)."""
    return planes.unfold(2, h, 1).unfold(3, w, 1).permute(0, 2, 3, 1, 4, 5)
