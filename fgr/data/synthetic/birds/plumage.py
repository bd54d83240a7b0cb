"""Paint birds: every part in its place, in the colours and patterns of the species' attributes."""

import torch
from torch import Tensor

from fgr.data.synthetic.birds.attributes import ATTRIBUTE_GROUPS, COLORS, PARTS, group_index
from fgr.data.synthetic.birds.nuisance import Nuisance
from fgr.data.synthetic.birds.skeleton import Skeleton
from fgr.data.synthetic.birds.taxonomy import options
from fgr.data.synthetic.canvas import Canvas
from fgr.data.synthetic.shapes import Stroke, Union

LABELS = {part: number for number, part in enumerate(PARTS, 1)}  # of the plane of part labels; 0 is no bird
_DARK, _PALE = COLORS["black"], COLORS["white"]

# Outlines in a frame whose x runs from the bill's base to its tip and whose y is in half depths of the base
_BILLS = (
    ((-0.12, -0.4), (0.0, -1.0), (0.55, -0.65), (1.0, 0.15), (0.6, 0.6), (0.0, 1.0), (-0.12, 0.4)),
    ((-0.06, -0.4), (0.0, -0.9), (0.6, -0.45), (1.0, 0.0), (0.6, 0.5), (0.0, 0.9), (-0.06, 0.4)),
    ((-0.12, -0.4), (0.0, -1.0), (0.6, -0.95), (1.0, -0.1), (0.96, 1.35), (0.72, 0.5), (-0.05, 0.9)),
    ((-0.06, -0.4), (0.0, -1.0), (0.55, -0.6), (1.0, 1.9), (0.92, 2.1), (0.5, 0.7), (0.0, 1.0)),
)
_BILL_DEPTHS = (0.42, 0.25, 0.36, 0.24)  # half depths in radii of the head
# Outlines with x in lengths of the tail, backward, and y in half widths
_TAILS = (
    ((-0.3, -0.7), (0.5, -0.85), (1.0, -1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.85), (-0.3, 0.7)),
    ((-0.3, -0.6), (0.5, -0.9), (1.15, -1.7), (0.72, 0.0), (1.15, 1.7), (0.5, 0.9), (-0.3, 0.6)),
    ((-0.3, -0.7), (0.5, -0.9), (1.0, -0.5), (1.25, 0.0), (1.0, 0.5), (0.5, 0.9), (-0.3, 0.7)),
    ((-0.3, -0.6), (0.65, -1.9), (0.92, -1.5), (1.0, 0.0), (0.92, 1.5), (0.65, 1.9), (-0.3, 0.6)),
)
_TAIL_TIPS = (0.95, 1.02, 1.08, 0.97)  # where a coloured tip begins to its half, for each shape


class Plumage:
    """The colours and choices of B birds, looked up once.

    Args:
        species: (B,) int64.
        num_species: of which tree.
        pose: their nuisance, for tints and specks.
    """

    def __init__(self, species: Tensor, num_species: int, pose: Nuisance) -> None:
        self.choice = options(num_species).to(species.device)[species]  # (B, G)
        self.tint, self.specks = pose.tint, pose.specks

    def index(self, group: str) -> Tensor:
        """Return which option of a group each bird has: (B,)."""
        return self.choice[:, group_index(group)]

    def has(self, group: str, *wanted: str) -> Tensor:
        """Return 1 for the birds that have one of these options of a group, otherwise 0: (B,)."""
        names = ATTRIBUTE_GROUPS[group_index(group)].options
        return torch.isin(self.index(group), self.index(group).new_tensor([names.index(n) for n in wanted])).float()

    def color(self, group: str, part: str) -> Tensor:
        """Return the colour a group gives to a part: (B, 3)."""
        names = ATTRIBUTE_GROUPS[group_index(group)].options
        table = self.tint.new_tensor([COLORS.get(name, (0.0, 0.0, 0.0)) for name in names])
        return (table[self.index(group)] * self.tint[:, LABELS[part] - 1]).clamp(0, 1)

    def against(self, group: str) -> Tensor:
        """Return dark markings where a group's colour is pale, and pale markings where it is dark: (B, 3).

        The colour's name decides, not an individual's tint, so that a species has the same markings throughout.
        """
        names = ATTRIBUTE_GROUPS[group_index(group)].options
        pale = [0.3 * red + 0.6 * green + 0.1 * blue > 0.4 for red, green, blue in map(COLORS.__getitem__, names)]
        return self.tint.new_tensor([_DARK if light else _PALE for light in pale])[self.index(group)]


def paint_birds(canvas: Canvas, bones: Skeleton, plumage: Plumage) -> None:
    """Paint birds on a canvas, and on its labels which part each pixel shows."""
    _tail(canvas, bones, plumage)
    _legs(canvas, bones, plumage)
    whole = _body(canvas, bones, plumage)
    _head(canvas, bones, plumage, whole)
    _bill(canvas, bones, plumage)
    _wing(canvas, bones, plumage)


def _tail(canvas: Canvas, bones: Skeleton, plumage: Plumage) -> None:
    shape, size = plumage.index("tail_shape"), bones.tail_length[:, None]
    outline = plumage.tint.new_tensor(_TAILS)[shape]  # (B, 7, 2)
    outline = torch.stack([-outline[..., 0] * size, outline[..., 1] * (0.05 + 0.1 * size)], -1)
    tail, color = bones.tail.polygon(outline), plumage.color("wing_color", "tail") * 0.85
    canvas.paint(tail, color, label=LABELS["tail"])
    length = bones.tail_length
    for place in (0.35, 0.55, 0.75, 0.95):
        bar = bones.tail.stroke((-place * length, -0.3, 0.035 * length), (-place * length, 0.3, 0.035 * length))
        canvas.paint(bar, plumage.against("wing_color"), plumage.has("tail_pattern", "barred"), clip=tail)
    tip = plumage.tint.new_tensor(_TAIL_TIPS)[shape] * -length
    band = bones.tail.stroke((tip, -0.3, 0.17 * length), (tip, 0.3, 0.17 * length))
    white = canvas.pixels.new_tensor(_PALE)
    canvas.paint(band, white, plumage.has("tail_pattern", "white_tip"), clip=tail)
    rib = bones.tail.stroke((0.0, 0.0, 0.006), (-0.9 * length, 0.0, 0.006))
    canvas.paint(rib, color * 0.5, 0.6, clip=tail)


def _legs(canvas: Canvas, bones: Skeleton, plumage: Plumage) -> None:
    color, frame, hip = plumage.color("leg_color", "leg"), bones.frame, 0.8 * bones.thick
    foot = bones.thick + bones.leg
    for x, shade in ((-0.05, 0.75), (0.05, 1.0)):
        leg = frame.stroke((x - 0.01, hip, 0.03), (x, 0.5 * (hip + foot), 0.02), (x + 0.01, foot, 0.02))
        toes = frame.stroke((x - 0.05, foot, 0.015), (x + 0.02, foot - 0.01, 0.022), (x + 0.1, foot + 0.01, 0.014))
        canvas.paint(leg, color * shade, label=LABELS["leg"])
        canvas.paint(toes, color * shade, label=LABELS["leg"])


def _bill(canvas: Canvas, bones: Skeleton, plumage: Plumage) -> None:
    shape, r = plumage.index("bill_shape"), bones.radius
    depth = plumage.tint.new_tensor(_BILL_DEPTHS)[shape] * r
    outline = plumage.tint.new_tensor(_BILLS)[shape]  # (B, 7, 2)
    x = 0.85 * r[:, None] + outline[..., 0] * bones.bill[:, None]
    bill = bones.head.polygon(torch.stack([x, 0.14 * r[:, None] + outline[..., 1] * depth[:, None]], -1))
    color = plumage.color("bill_color", "bill")
    canvas.paint(bill, color, label=LABELS["bill"])
    droop = plumage.tint.new_tensor([0.1, 0.0, 0.5, 0.6])[shape] * depth
    gape = bones.head.stroke((0.8 * r, 0.2 * r, 0.012), (0.85 * r + 0.7 * bones.bill, 0.16 * r + droop, 0.006))
    canvas.paint(gape, color * 0.35, 0.7, clip=bill)
    light = bones.head.stroke((0.8 * r, 0.0, 0.016), (0.85 * r + 0.5 * bones.bill, 0.02 * r, 0.006))
    canvas.paint(light, color.new_ones(3), 0.25, softness=0.02, clip=bill)


def _body(canvas: Canvas, bones: Skeleton, plumage: Plumage) -> Union:
    """Paint all but head and wing, and return the outline of body and head."""
    body, length, thick, r = bones.body, bones.length, bones.thick, bones.radius
    back, breast = plumage.color("back_color", "back"), plumage.color("breast_color", "breast")
    belly = plumage.color("belly_color", "belly")
    trunk = body.stroke(
        (-length, 0.0, 0.3 * thick),
        (-0.45 * length, 0.02 * thick, 0.8 * thick),
        (0.1 * length, 0.0, thick),
        (0.5 * length, -0.05 * thick, 0.88 * thick),
    )
    neck = torch.stack([body.point(0.75 * length, -0.2 * thick), bones.head.point(0.0, 0.1 * r)], 1)
    radii = torch.stack([0.6 * thick, 0.72 * r], 1) * body.scale[:, None]
    whole = Union((trunk, Stroke(neck, radii), bones.head.ellipse(0.0, 0.0, 0.96 * r, 0.91 * r)), 0.06)
    canvas.paint(whole, back, label=LABELS["back"])

    low = body.ellipse(-0.2 * length, 0.85 * thick, 1.0 * length, 0.75 * thick)
    canvas.paint(low, belly, label=LABELS["belly"], clip=whole)
    front = body.ellipse(0.85 * length, 0.3 * thick, 0.62 * length, 0.9 * thick, -0.35)
    canvas.paint(front, breast, label=LABELS["breast"], clip=whole)
    _breast_pattern(canvas, bones, plumage, whole)
    streaked, dark = plumage.has("back_pattern", "streaked"), plumage.against("back_color")
    for place in (-0.55, -0.25, 0.05, 0.35):
        mark = body.stroke((place * length, -0.72 * thick, 0.014), ((place - 0.3) * length, -0.6 * thick, 0.01))
        canvas.paint(mark, dark, 0.85 * streaked, clip=whole)
    shade = body.ellipse(-0.1 * length, 1.2 * thick, 1.1 * length, 0.45 * thick)
    canvas.paint(shade, back.new_zeros(3), 0.15, softness=0.12 * body.scale, clip=whole)
    return whole


def _breast_pattern(canvas: Canvas, bones: Skeleton, plumage: Plumage, whole: Union) -> None:
    """Paint spots, streaks or a band on the breast."""
    body, length, thick, color = bones.body, bones.length, bones.thick, plumage.against("breast_color")
    spotted, streaked = plumage.has("breast_pattern", "spotted"), plumage.has("breast_pattern", "streaked")
    for k in range(10):  # in two rows of five, shaken
        across, down = k % 5, k // 5
        jitter = plumage.specks[:, k] - 0.5
        x = (1.0 - 0.13 * across + 0.2 * down + 0.1 * jitter[:, 0]) * length
        y = (0.05 + 0.15 * across + 0.28 * down + 0.1 * jitter[:, 1]) * thick
        width, height = 0.026 + 0.03 * streaked, 0.026 - 0.011 * streaked
        canvas.paint(body.ellipse(x, y, width, height), color, torch.maximum(spotted, streaked), clip=whole)
    band = body.stroke(
        (0.3 * length, -0.1 * thick, 0.05), (0.68 * length, 0.3 * thick, 0.05), (1.05 * length, 0.9 * thick, 0.04)
    )
    canvas.paint(band, color, plumage.has("breast_pattern", "banded"), clip=whole)


def _wing(canvas: Canvas, bones: Skeleton, plumage: Plumage) -> None:
    body, length, thick, label = bones.body, bones.length, bones.thick, LABELS["wing"]
    color = plumage.color("wing_color", "wing")
    shoulder, middle = (0.3 * length, 0.0, 0.42 * thick), (-0.15 * length, 0.08 * thick, 0.52 * thick)
    end = -0.93 * length - 0.2 * bones.tail_length
    tip = (end, 0.1 * thick, 0.03)
    shadow = body.stroke((0.28 * length, 0.16 * thick, 0.42 * thick), (-0.15 * length, 0.24 * thick, 0.54 * thick), tip)
    canvas.paint(shadow, color.new_zeros(3), 0.2, softness=0.05 * body.scale)
    wing = body.stroke(shoulder, middle, tip)
    canvas.paint(wing, color, label=label)
    flight = body.stroke((-0.1 * length, 0.45 * thick, 0.2 * thick), (1.03 * end, 0.16 * thick, 0.03))
    canvas.paint(flight, color * 0.62, clip=wing)
    for drop in (0.02, 0.22, 0.42):
        line = body.stroke((-0.2 * length, drop * thick, 0.006), (0.93 * end, 0.1 * thick, 0.004))
        canvas.paint(line, color * 0.45, 0.7, clip=wing)
    white, bars = color.new_tensor(_PALE), plumage.has("wing_pattern", "one_bar", "two_bars")
    for place, seen in ((0.12, bars), (-0.24, plumage.has("wing_pattern", "two_bars"))):
        bar = body.stroke(
            ((place + 0.14) * length, -0.55 * thick, 0.028), ((place - 0.14) * length, 0.65 * thick, 0.028)
        )
        canvas.paint(bar, white, seen, clip=wing)
    patch = body.ellipse(-0.35 * length, 0.16 * thick, 0.3 * length, 0.3 * thick)
    canvas.paint(patch, white, plumage.has("wing_pattern", "patch"), clip=wing)


def _head(canvas: Canvas, bones: Skeleton, plumage: Plumage, whole: Union) -> None:
    head, r = bones.head, bones.radius
    base, dark, white = plumage.color("back_color", "face"), (0.05, 0.05, 0.06), canvas.pixels.new_tensor(_PALE)
    crest = head.polygon(
        torch.stack(
            [torch.stack([x * r, y * r], 1) for x, y in ((0.45, -0.75), (-0.2, -1.45), (-1.35, -1.5), (-0.75, -0.3))], 1
        )
    )
    crown = plumage.color("crown_color", "crown")
    canvas.paint(crest, crown, plumage.has("crest", "raised"), label=LABELS["crown"])
    ball = head.ellipse(0.0, 0.0, r, 0.95 * r)
    canvas.paint(ball, base, label=LABELS["face"])
    nape = torch.where(plumage.has("nape_color", "as_back")[:, None] > 0, base, plumage.color("nape_color", "nape"))
    canvas.paint(head.ellipse(-1.0 * r, 0.5 * r, 0.45 * r, 0.85 * r, 0.2), nape, label=LABELS["nape"], clip=whole)
    throat = head.ellipse(0.52 * r, 0.85 * r, 0.55 * r, 0.5 * r, -0.5)
    canvas.paint(throat, plumage.color("throat_color", "throat"), label=LABELS["throat"], clip=whole)
    canvas.paint(head.ellipse(-0.1 * r, -0.85 * r, 1.05 * r, 0.52 * r, -0.1), crown, label=LABELS["crown"], clip=ball)

    cheek = head.ellipse(-0.12 * r, 0.38 * r, 0.4 * r, 0.28 * r)
    canvas.paint(cheek, white, plumage.has("face_pattern", "cheek_patch"), label=LABELS["face"])
    mask = head.stroke((0.95 * r, 0.05 * r, 0.1 * r), (0.3 * r, -0.12 * r, 0.22 * r), (-0.75 * r, 0.0, 0.14 * r))
    black = canvas.pixels.new_tensor(_DARK)
    canvas.paint(mask, black, plumage.has("face_pattern", "mask"), label=LABELS["face"], clip=ball)
    brow = head.stroke((0.9 * r, -0.28 * r, 0.07 * r), (0.3 * r, -0.5 * r, 0.1 * r), (-0.8 * r, -0.3 * r, 0.09 * r))
    canvas.paint(brow, white, plumage.has("face_pattern", "eyebrow"), label=LABELS["face"], clip=ball)

    ring = (1 - plumage.has("eye_ring", "none"), plumage.color("eye_ring", "eye"))
    canvas.paint(head.ellipse(0.34 * r, -0.14 * r, 0.36 * r, 0.36 * r), ring[1], ring[0], label=LABELS["eye"])
    canvas.paint(head.ellipse(0.34 * r, -0.14 * r, 0.21 * r, 0.21 * r), base.new_tensor(dark), label=LABELS["eye"])
    canvas.paint(head.ellipse(0.41 * r, -0.21 * r, 0.07 * r, 0.07 * r), base.new_ones(3), 0.9)
