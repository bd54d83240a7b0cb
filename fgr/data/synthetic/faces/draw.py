"""Draw faces from their factors, with landmarks and regions that agree with the picture."""

from typing import NamedTuple

import torch
from torch import Tensor

from fgr.checks import check_shape
from fgr.data.synthetic.canvas import LEVELS, Canvas
from fgr.data.synthetic.faces.accessories import paint_hat, paint_worn
from fgr.data.synthetic.faces.body import backdrop, paint_behind, paint_ears
from fgr.data.synthetic.faces.eyes import paint_brows, paint_eyes
from fgr.data.synthetic.faces.factors import FaceFactors, check_factors
from fgr.data.synthetic.faces.hair import paint_hair
from fgr.data.synthetic.faces.hairstyle import hairstyle_of
from fgr.data.synthetic.faces.landmarks import both_sides, half_shape
from fgr.data.synthetic.faces.lines import paint_lines
from fgr.data.synthetic.faces.material import GAMMA, material_of, shade
from fgr.data.synthetic.faces.mouth import paint_mouth, paint_nose
from fgr.data.synthetic.faces.regions import region
from fgr.data.synthetic.faces.skin import paint_skin
from fgr.data.synthetic.faces.surface import CENTRE, Surface, build_surface
from fgr.data.synthetic.faces.view import View, cast, contour, landmark_points, project, view_of

MIN_SIZE = 16
PIXELS_AT_ONCE = 1 << 18  # more do not fit the cache
JAW = 17  # landmarks that follow the visible outline of a turned face


class FaceBatch(NamedTuple):
    """B pictures of faces and what is true of them; coordinates in pixels, pixel k reaching from k to k + 1.

    * images: (B, 3, H, W) uint8.
    * landmarks: (B, 66, 2) float32 x, y in the order of UNBC-McMaster (see `landmarks`), also where something hides
      them or the image ends. Those of the jaw follow the outline that is seen.
    * aus: (B, 19) intensities 0..5 of the action units `AUS`.
    * age: (B,) years. gender: (B,) int64, 0 woman, 1 man. subject: (B,) int64. skin_tone: (B,) 1 light to 6 dark.
    * occluders: (B, 7) bool, see `OCCLUDERS`.
    * regions: (B, H, W) uint8, what a pixel shows: index into `REGIONS`.
    """

    images: Tensor
    landmarks: Tensor
    aus: Tensor
    age: Tensor
    gender: Tensor
    subject: Tensor
    skin_tone: Tensor
    occluders: Tensor
    regions: Tensor


def draw_faces(factors: FaceFactors, size: int = 64, behind: FaceFactors | None = None) -> FaceBatch:
    """Draw faces from explicit factors, on the device of these.

    Args:
        factors: of B faces.
        size: H = W in pixels, at least 16; the same scene at any size.
        behind: of B other faces, drawn where `factors.accessories` has a background face; needed there only.

    Returns:
        See `FaceBatch`; `subject` is the faces' identity.

    Raises:
        ValueError: if a factor has the wrong shape or is out of range, or `behind` is missing.

    Example:
        >>> from fgr.data.synthetic.faces.factors import average_face
        >>> neutral = average_face()
        >>> smile = draw_faces(neutral.with_action(12, 5.0), size=32)
        >>> bool(smile.landmarks[0, 54, 1] < draw_faces(neutral, size=32).landmarks[0, 54, 1])  # a corner of the mouth
        True
    """
    check_factors(factors)
    if size < MIN_SIZE:
        raise ValueError(f"size must be at least {MIN_SIZE} pixels, got {size}")
    others = factors.wears("background face") > 0
    if others.any() and behind is None:
        raise ValueError("faces with a background face need the factors of that face: give `behind`")
    if behind is not None:
        check_factors(behind)
        check_shape(behind.identity, str(len(factors.identity)), "behind.identity")
    step = max(1, PIXELS_AT_ONCE // size**2)
    batch = len(factors.identity)
    drawn = []
    for start in range(0, batch, step):
        rows = slice(start, start + step)
        drawn.append(_draw(factors.select(rows), size, behind.select(rows) if others[rows].any() else None))
    images, landmarks, regions = (torch.cat(parts) for parts in zip(*drawn, strict=True))
    return FaceBatch(
        images,
        landmarks * size,
        factors.aus,
        factors.age,
        factors.gender,
        factors.identity,
        factors.tone,
        factors.accessories.bool(),
        regions,
    )


def _draw(factors: FaceFactors, size: int, behind: FaceFactors | None) -> tuple[Tensor, Tensor, Tensor]:
    canvas = Canvas(len(factors.identity), size, size, torch.zeros(3, device=factors.age.device), factors.age.device)
    canvas.pixels = backdrop(factors, size)
    if behind is not None:
        rows = factors.wears("background face").nonzero()[:, 0]
        few = Canvas(len(rows), size, size, torch.zeros(3), canvas.device)
        few.pixels = canvas.pixels[rows]
        _paint_person(few, behind.select(rows))
        canvas.pixels[rows] = 0.85 * few.pixels + 0.15 * few.pixels.mean((2, 3), keepdim=True)  # a little haze
        canvas.labels[rows] = (few.labels > 0).to(torch.uint8) * region("background face")
    landmarks = _paint_person(canvas, factors)
    images = (canvas.pixels.clamp_(0, 1).pow_(1 / GAMMA) * LEVELS).round_().to(torch.uint8)
    return images, landmarks, canvas.labels


def _paint_person(canvas: Canvas, factors: FaceFactors) -> Tensor:
    """Paint one person on every image and return the landmarks (B, 66, 2), in image sides."""
    half, hair, view = half_shape(factors), hairstyle_of(factors), view_of(factors)
    surface = build_surface(factors, half, hair)
    hits = cast(view, surface, canvas.height)
    material = material_of(hits, surface, 1 / (canvas.height * view.scale[:, None, None]))
    paint_skin(material, factors, half)
    paint_lines(material, factors, half)
    paint_nose(material, factors, half)
    paint_mouth(material, factors, half)
    paint_brows(material, factors, half)
    paint_eyes(material, factors, half)
    paint_hair(material, factors, hair, view)
    paint_hat(material, factors)
    paint_behind(canvas, factors, hair, view)
    paint_ears(canvas, factors, hair, view, near=False)
    canvas.pixels += hits.cover[:, None] * (shade(material, surface, view, factors) - canvas.pixels)
    canvas.labels = torch.where(hits.cover > 0.5, material.labels, canvas.labels)
    paint_ears(canvas, factors, hair, view, near=True)
    landmarks = place_landmarks(half, surface, view)
    paint_worn(canvas, factors, half, surface, view, landmarks)
    return landmarks


def place_landmarks(half: Tensor, surface: Surface, view: View) -> Tensor:
    """Return the 66 landmarks (B, 66, 2), in image sides, of half shapes (B, 38, 2) on their relief."""
    frontal = both_sides(half)
    lean = surface.lean[:, None] * (frontal[..., 1] - CENTRE)
    frontal = torch.stack([frontal[..., 0] + lean, frontal[..., 1]], 2)
    placed = project(view, landmark_points(surface, frontal))
    placed[:, :JAW] = contour(view, surface, frontal[:, :JAW])
    return placed
