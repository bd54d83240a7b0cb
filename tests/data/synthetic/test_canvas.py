"""The canvas: coverage of straight edges, labels, clips, colours, and that an image does not depend on its batch."""

import math

import pytest
import torch
from torch import Tensor

from fgr.data.synthetic.canvas import Canvas, coverage
from fgr.data.synthetic.shapes import Ellipse, Polygon, Shape, Stroke, Union, curve, stroke

SIDE = 24


def paint(shape: Shape, batch: int = 1, side: int = SIDE, **options: object) -> Tensor:
    """Return how white (B, H, W) a white shape makes a black image."""
    canvas = Canvas(batch, side, side, torch.zeros(3))
    canvas.paint(shape, torch.ones(3), **options)
    return canvas.pixels[:, 0]


def rectangle(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    return Polygon(torch.tensor([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]]))


def ellipse(x: float, y: float, a: float, b: float, angle: float) -> Ellipse:
    return Ellipse(torch.tensor([[x, y]]), torch.tensor([[a, b]]), torch.tensor([angle]))


DISC, TURNED = ellipse(0.52, 0.47, 0.3, 0.3, 0.0), ellipse(0.48, 0.53, 0.4, 0.17, 0.6)


# ---------------------------------------------------------------- coverage


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.25, 0.5, 0.9])
def test_straight_edges_along_an_axis_are_covered_exactly(shift: float) -> None:
    """A rectangle's pixels away from its corners hold exactly the share of them it covers."""
    low, high = (4 + shift) / 16, (11 + 2 * shift) / 16
    found = paint(rectangle(low, low, high, high), side=16)[0]
    edges = torch.arange(16.0)
    share = (torch.minimum(edges + 1, edges.new_tensor(high * 16)) - edges.clamp_min(low * 16)).clamp(0, 1)
    torch.testing.assert_close(found[8], share, rtol=0, atol=2e-6)
    torch.testing.assert_close(found[:, 8], share, rtol=0, atol=2e-6)


@pytest.mark.parametrize("width", [0.05, 0.3, 0.7, 1.0, 1.6])
@pytest.mark.parametrize("place", [5.0, 5.2, 5.5, 5.9])
def test_thin_strokes_are_as_faint_as_they_must_be(width: float, place: float) -> None:
    """A level stroke, thinner than a pixel or not, covers of every row what lies in it."""
    half = torch.tensor([width / 2 / 16])
    level = stroke(torch.tensor([[-0.5, place / 16]]), torch.tensor([[1.5, place / 16]]), half, half)
    found = paint(level, side=16)[0, :, 8]
    rows = torch.arange(16.0)
    share = (torch.minimum(rows + 1, rows.new_tensor(place + width / 2)) - rows.clamp_min(place - width / 2)).clamp(0)
    torch.testing.assert_close(found, share, rtol=0, atol=2e-6)


def test_a_thin_end_is_faint_beside_a_thick_one() -> None:
    """Of a stroke with a thick and a thin piece, each pixel goes by the width of the piece it lies on."""
    points = torch.tensor([[[0.1, 0.5], [0.2, 0.5], [0.5, 0.5], [1.5, 0.5]]]) + 0.5 / 16  # amid a row
    line = Stroke(points, torch.tensor([[0.2, 0.2, 0.1 / 16, 0.1 / 16]]))
    assert paint(line, side=16)[0, :, 13].sum().item() == pytest.approx(0.2, abs=1e-5)


def test_a_tiny_disc_fades_and_never_turns_negative() -> None:
    """From a pixel's width down to nothing its area shrinks; nothing is below 0 or above 1."""
    areas = []
    for radius in (0.5, 0.3, 0.1, 0.02, 1e-4):
        found = paint(ellipse(0.5 + 0.2 / SIDE, 0.5, radius / SIDE, radius / SIDE, 0.0))
        assert found.min() >= 0 and found.max() <= 1
        areas.append(found.sum().item())
    assert areas == sorted(areas, reverse=True) and areas[-1] < 1e-3


def test_airbrush_spreads_by_half_its_softness() -> None:
    """Full well inside, half on the outline, nothing from half the softness on, on both kinds of ramp."""
    disc, x = ellipse(0.5, 0.5, 0.25, 0.25, 0.0), torch.tensor([[[0.5, 0.65, 0.75, 0.85, 0.9]]])
    y, width = torch.full((1, 1, 1), 0.5), torch.full((1, 1, 1), 0.2)
    for ramp in (False, True):
        covered = coverage(disc, x, y, width, ramp)[0, 0]
        torch.testing.assert_close(covered, torch.tensor([1.0, 1.0, 0.5, 0.0, 0.0]), rtol=0, atol=1e-5)
    soft = paint(disc, side=100, softness=0.2)[0, 50]
    assert soft[83] > 0 and soft[86] == 0


# ---------------------------------------------------------------- the canvas


def random_shapes(batch: int) -> list[Shape]:
    """One shape of every kind, other places, sizes and directions in each image; some reach out of it."""
    place, size, angle = torch.rand(batch, 3, 2) * 1.4 - 0.2, torch.rand(batch, 2) * 0.3 + 0.01, torch.rand(batch) * 6
    disc = Ellipse(place[:, 0], size, angle)
    line = Stroke(place, size[:, :1] * torch.tensor([0.3, 0.2, 0.1]))
    return [
        Union((disc, line), 0.05),
        Polygon(place),
        disc,
        line,
        curve(*place.unbind(1), torch.full((batch, 3), 0.02)),
    ]


def scene(shapes: list[Shape], rows: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Paint the shapes of some images of a batch with all that `paint` can do."""
    shade = torch.linspace(0.1, 1, 40)[:, None].expand(40, 3)[rows]
    canvas = Canvas(len(rows), side, side, lambda x, y, rows: (0.2 + 0.5 * x * y)[:, None].expand(-1, 3, -1, -1))
    for k, shape in enumerate(shapes):
        shape = shape.select(rows)
        canvas.paint(shape, shade, opacity=0.9, softness=0.2 * (k in (2, 3)), label=k + 1)
        canvas.paint(shape, lambda x, y, rows: torch.stack([x + 0 * y, y + 0 * x, x * y], 1), 0.5, clip=shape)
    return canvas.uint8(), canvas.labels


@pytest.mark.parametrize("side", [16, 33])
def test_an_image_does_not_depend_on_its_batch(side: int) -> None:
    """Alone, in any order, beside other images: pixels within one grey level, the same labels."""
    shapes, everyone = random_shapes(40), torch.arange(40)
    images, labels = scene(shapes, everyone, side)
    for rows in (torch.randperm(40), torch.tensor([3, 17]), *everyone[:8, None]):
        some, some_labels = scene(shapes, rows, side)
        assert (some.int() - images[rows].int()).abs().max() <= 1
        assert torch.equal(some_labels, labels[rows])
    assert images.float().std() > 20 and labels.unique().tolist() == [0, 1, 2, 3, 4, 5]


def test_a_large_neighbour_does_not_widen_an_airbrush() -> None:
    """Far from a slender ellipse its distance is too small; there each image's own box cuts, not the batch's."""
    slender = ellipse(0.45, 0.55, 0.25, 0.01, 0.0)
    pair = Ellipse(
        torch.cat([slender.centre, torch.tensor([[0.5, 0.5]])]), torch.cat([slender.radii, torch.tensor([[0.6, 0.6]])]),
        torch.zeros(2),
    )  # fmt: skip
    for turn in (0.0, math.pi / 2):
        turned = Ellipse(pair.centre, pair.radii, pair.angle + turn)
        assert torch.equal(
            paint(turned, batch=2, softness=0.3)[:1], paint(turned.select(torch.tensor([0])), softness=0.3)
        )


def test_one_sample_stands_for_all() -> None:
    """A shape with a leading dimension of 1 is painted on every image."""
    found = paint(TURNED, batch=3)
    assert torch.equal(found, paint(TURNED).expand(3, -1, -1))


def test_opacity_mixes_and_zero_leaves_alone() -> None:
    """Half a coat of white on black is half grey; labels need more than half."""
    canvas = Canvas(3, 8, 8, torch.zeros(3))
    canvas.paint(rectangle(-1, -1, 2, 2), torch.ones(3), opacity=torch.tensor([0.0, 0.5, 0.75]), label=7)
    assert canvas.pixels.amin((1, 2, 3)).tolist() == canvas.pixels.amax((1, 2, 3)).tolist() == [0, 0.5, 0.75]
    assert canvas.labels.amin((1, 2)).tolist() == canvas.labels.amax((1, 2)).tolist() == [0, 0, 7]


def test_labels_are_the_pixels_covered_by_more_than_half() -> None:
    """Where the shape alone is brighter than half grey; a later label of 0 erases."""
    canvas = Canvas(1, SIDE, SIDE, torch.zeros(3))
    canvas.paint(TURNED, torch.full((3,), 0.1), label=3)
    assert torch.equal(canvas.labels == 3, paint(TURNED) > 0.5)
    canvas.paint(rectangle(0, 0, 1, 0.5), torch.ones(3), label=0)
    assert (canvas.labels[0, : SIDE // 2] == 0).all() and (canvas.labels[0, SIDE // 2 :] == 3).any()


def test_clip_keeps_paint_inside_a_second_shape() -> None:
    """The product of both coverages, and nothing where the boxes do not meet."""
    disc, box = DISC, rectangle(0.5, 0.0, 1.0, 1.0)
    torch.testing.assert_close(paint(disc, clip=box), paint(disc) * paint(box), rtol=0, atol=1e-6)
    assert paint(disc, clip=rectangle(0.9, 0.9, 1, 1)).max() == 0


@pytest.mark.parametrize("offset", [(-3.0, 0.0), (0.0, 3.0), (3.0, 3.0)])
def test_shapes_outside_the_image_change_nothing(offset: tuple[float, float]) -> None:
    """Nothing is painted, and nothing fails, where a shape's box misses the image."""
    assert paint(ellipse(0.5 + offset[0], 0.5 + offset[1], 0.3, 0.2, 0.0), label=1).max() == 0


def test_images_need_not_be_square() -> None:
    """The unit is the height in both directions: a disc stays round."""
    canvas = Canvas(1, 16, 40, torch.zeros(3))
    canvas.paint(ellipse(1.25, 0.5, 0.3, 0.3, 0.0), torch.ones(3))
    found = canvas.pixels[0, 0]
    torch.testing.assert_close(found[:, 12:28], paint(ellipse(0.5, 0.5, 0.3, 0.3, 0.0), side=16)[0], rtol=0, atol=1e-5)
    assert found[:, :12].max() == 0


def test_levels_are_rounded_and_clamped() -> None:
    """Colours beyond [0, 1], as light can make them, end at 0 and 255."""
    canvas = Canvas(1, 2, 2, torch.tensor([-0.5, 0.5, 1.5]))
    assert canvas.uint8()[0, :, 0, 0].tolist() == [0, 128, 255]


def test_coordinates_must_be_finite_and_images_not_empty() -> None:
    """One clear error names the shape, before anything is painted."""
    with pytest.raises(ValueError, match="finite, got a Ellipse"):
        paint(ellipse(math.nan, 0.5, 0.1, 0.1, 0.0))
    with pytest.raises(ValueError, match="at least 1 pixel, got 0x4"):
        Canvas(1, 0, 4, torch.zeros(3))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_paints_the_same() -> None:
    """Within one grey level of the CPU."""
    disc = TURNED
    canvas = Canvas(1, SIDE, SIDE, torch.zeros(3), "cuda")
    canvas.paint(Ellipse(disc.centre.cuda(), disc.radii.cuda(), disc.angle.cuda()), torch.ones(3).cuda(), label=1)
    assert (canvas.pixels[:, 0].cpu() - paint(disc)).abs().max() < 1 / 255
