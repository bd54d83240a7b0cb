"""The relief of a head: how far it stands out in front of the plane of the ears, as a table over the frontal plane.

A dome whose outline runs from the chin over the ears to the crown, bells for nose, sockets, cheeks, lips and chin that
sit on the landmarks, and hair that stands off the dome. Tables hold the right half; the left one mirrors it.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.data.synthetic.faces.factors import AUS, MAX_INTENSITY, SHAPE, FaceFactors
from fgr.data.synthetic.faces.hairstyle import ANGLES, Hairstyle
from fgr.data.synthetic.faces.interpolate import graph, smoothstep
from fgr.data.synthetic.faces.landmarks import EYE, JAW, maturity, sagging, traits

WIDTH, TOP, BOTTOM = 1.5, -2.5, 1.75  # extent of the tables
COLUMNS, ROWS = 58, 156
CENTRE = -0.35  # height of the point from which the outline is star-shaped
DEPTH = 0.86  # of the dome: from the plane of the ears to the middle of the face
FLOOR = -1.05  # where the relief ends: everything behind is drawn as the back of the head
CROWN = -1.98


class Surface(NamedTuple):
    """Relief of B heads.

    table: (B, 6, ROWS, COLUMNS) height; distance to the outline (positive: inside); slopes of the height to the right
        and down; openness 0..1 (1: not in a hollow); distance to the hairline (positive: hair).
    lean: (B,) how far a lopsided face leans to the right for each unit down.
    """

    table: Tensor
    lean: Tensor


def build_surface(factors: FaceFactors, half: Tensor, hair: Hairstyle) -> Surface:
    """Return the relief of faces with the half shapes (B, 38, 2)."""
    x = torch.linspace(0, WIDTH, COLUMNS, device=half.device)
    y = torch.linspace(TOP, BOTTOM, ROWS, device=half.device)
    dx, dy = x.expand(ROWS, -1), (y[:, None] - CENTRE).expand(-1, COLUMNS)
    angle, radius = torch.atan2(dx, dy), torch.hypot(dx, dy)  # (ROWS, COLUMNS)
    angles = angle.expand(len(half), -1, -1)
    edge = graph(*_outline(factors, half), angles)  # (B, ROWS, COLUMNS)
    knots = half.new_tensor(ANGLES).expand(len(half), -1)
    volume, line = graph(knots, hair.volume, angles), graph(knots, hair.line, angles) * edge
    skin = _dome(angle, radius / edge) + _features(factors, half, x, y)
    over = radius - line  # distance to the hairline
    lifted = _dome(angle, radius / (edge + volume)) + 0.35 * volume
    height = skin + (torch.maximum(lifted, skin) - skin) * smoothstep(-0.02, 0.10, over)
    rim = edge - radius + volume * smoothstep(-0.02, 0.05, edge - line)
    step = (WIDTH / (COLUMNS - 1), (BOTTOM - TOP) / (ROWS - 1))
    mirrored = F.pad(torch.cat([height[:, :, 1:2], height], 2)[:, None], (0, 1, 1, 1), mode="replicate")[:, 0]
    right = (mirrored[:, 1:-1, 2:] - mirrored[:, 1:-1, :-2]) / (2 * step[0])
    down = (mirrored[:, 2:, 1:-1] - mirrored[:, :-2, 1:-1]) / (2 * step[1])
    table = torch.stack([height, rim, right, down, _openness(height), over], 1)
    return Surface(table, 0.02 * factors.trait("lopsided"))


def _outline(factors: FaceFactors, half: Tensor) -> tuple[Tensor, Tensor]:
    """Return the outline of the skin around (0, CENTRE): angles from straight down (0) to up (pi), and radii."""
    form = traits(factors)
    grown = maturity(factors.age)[:, None]
    lift = 0.03 * form[:, SHAPE.index("forehead"), None] + 0.16 * (1 - grown)
    broad = 1 + 0.09 * (1 - grown) + 0.012 * form[:, SHAPE.index("forehead"), None]
    xs = half.new_tensor([1.0, 0.985, 0.93, 0.80, 0.60, 0.32, 0.0]) * broad
    ys = half.new_tensor([-0.70, -1.0, -1.30, -1.57, -1.78, -1.93, CROWN]) - lift * half.new_tensor(
        [0, 0.2, 0.5, 0.8, 1, 1, 1]
    )
    x, y = torch.cat([half[:, JAW, 0], xs], 1), torch.cat([half[:, JAW, 1], ys], 1) - CENTRE  # (B, 16)
    return torch.atan2(x, y), torch.hypot(x, y)


def _dome(angle: Tensor, share: Tensor) -> Tensor:
    """Return the height of a dome at a share (B, ROWS, COLUMNS) of the way to its outline."""
    # flat from brow to chin, round from ear to ear, in between over the forehead
    power = 2.3 + 2.6 * angle.cos().clamp_min(0) ** 2 + 0.9 * angle.cos().clamp_max(0) ** 2
    within = (1 - 0.985 * share.clamp_max(1) ** power).sqrt()
    return DEPTH * (within - 1) - (share - 1).clamp_min(0)


def _features(factors: FaceFactors, half: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return the sum of all bells (B, ROWS, COLUMNS)."""
    aus = dict(zip(AUS, (factors.aus / MAX_INTENSITY).unbind(1)))
    form = dict(zip(SHAPE, traits(factors).unbind(1)))
    grown, old = maturity(factors.age), sagging(factors)
    eye = half[:, EYE].mean(1)
    eye_x, eye_y = eye.unbind(1)
    tip_y, root_y, base_y, wing = half[:, 17, 1], half[:, 14, 1], half[:, 18, 1], half[:, 20]
    corner, top_y, line_y, low_y = half[:, 30], half[:, 27, 1], half[:, [34, 37], 1].mean(1), half[:, 33, 1]
    chin_y, brow_y = half[:, 0, 1], half[:, 10, 1]
    bridge = (1 + 0.13 * form["nose_projection"]) * (0.45 + 0.55 * grown)
    tip = (1 + 0.07 * form["nose_projection"]) * (0.62 + 0.38 * grown)
    length = tip_y - root_y
    smile = torch.maximum(aus[12], 0.8 * aus[6])
    cheek = 0.055 + 0.014 * form["cheeks"] + 0.02 * (1 - grown) - 0.03 * old + 0.07 * smile
    zero = torch.zeros_like(eye_x)
    bells = [  # x, y, width, height, how far it stands out
        (zero, root_y + 0.05, 0.075, 0.14, 0.035 * bridge),
        (zero, root_y + 0.38 * length, 0.075, 0.10, 0.085 * bridge),
        (zero, root_y + 0.68 * length, 0.085, 0.10, 0.135 * bridge),
        (zero, tip_y + 0.01, 0.105, 0.085, 0.24 * tip),
        (0.55 * wing[:, 0], base_y - 0.055, 0.06, 0.06, 0.07 * tip),
        (0.78 * wing[:, 0], wing[:, 1] - 0.025, 0.05, 0.055, 0.085 * tip + 0.02 * aus[9]),
        (0.16 * eye_x / 0.46, eye_y - 0.01, 0.09, 0.12, zero - 0.045),  # beside the root of the nose
        (eye_x, eye_y - 0.02, 0.21, 0.15, zero - 0.125),  # socket
        (eye_x, eye_y, 0.12, 0.10, zero + 0.065),  # eyeball
        (eye_x, eye_y + 0.22, 0.20, 0.05, -0.012 - 0.03 * old),  # under the eye
        (0.8 * eye_x, brow_y + 0.06, 0.24, 0.08, 0.05 + 0.014 * form["brow_ridge"] * grown),
        (zero, brow_y + 0.10, 0.12, 0.10, 0.03 + 0.01 * form["brow_ridge"] * grown + 0.02 * (aus[4] + aus[9])),
        (zero + 0.30, brow_y - 0.38, 0.30, 0.22, 0.02 + 0.03 * (1 - grown)),  # bosses of the forehead
        (zero + 0.93, brow_y - 0.05, 0.12, 0.22, -0.05 - 0.03 * old),  # temple
        (0.60 - 0.02 * smile, eye_y + 0.36 - 0.09 * smile, 0.20, 0.17, cheek),
        (corner[:, 0] + 0.22, corner[:, 1] - 0.03, 0.17, 0.20, -0.035 + 0.05 * (1 - grown) - 0.035 * old),  # hollow
        (zero, (top_y + low_y) / 2, 0.30, 0.24, 0.10 + 0.02 * (1 - grown)),  # barrel of the teeth
        (zero, (base_y + top_y) / 2, 0.028, 0.07, zero - 0.018),  # philtrum
        (zero, 0.7 * top_y + 0.3 * line_y, 0.20, 0.045, zero + 0.045),
        (zero, 0.4 * line_y + 0.6 * low_y, 0.17, 0.05, zero + 0.06),
        (corner[:, 0] + 0.02, corner[:, 1], 0.06, 0.07, -0.035 - 0.05 * aus[14]),
        (zero, low_y + 0.09, 0.17, 0.05, -0.05 - 0.03 * aus[17]),  # under the lower lip
        (zero, chin_y - 0.20 - 0.03 * aus[17], 0.19, 0.12, 0.10 + 0.05 * aus[17]),
    ]
    cx, cy, sx, sy, height = (
        torch.stack(
            [torch.as_tensor(part, dtype=eye_x.dtype, device=eye_x.device).expand_as(eye_x) for part in column], 1
        )
        for column in zip(*bells)
    )  # (B, bells)
    across = (-0.5 * ((x - cx[..., None]) / sx[..., None]).square()).exp()  # (B, bells, COLUMNS)
    downward = (-0.5 * ((y - cy[..., None]) / sy[..., None]).square()).exp() * height[..., None]  # (B, bells, ROWS)
    return downward.transpose(1, 2) @ across


def _openness(height: Tensor) -> Tensor:
    """Return 1 on ridges and flats, less in hollows: how far a place lies below its smoothed surroundings."""
    padded = torch.cat([height[:, :, 1:9].flip(2), height], 2)[:, None].clamp_min(-DEPTH)  # (B, 1, ROWS, 8 + COLUMNS)
    for _ in range(2):
        padded = F.avg_pool2d(F.pad(padded, (3, 3, 3, 3), mode="replicate"), 7, stride=1)
    hollow = (padded[:, 0, :, 8:] - height.clamp_min(-DEPTH)).clamp_min(0)
    return (1 - 6 * hollow).clamp(0.35, 1)


def look_up(surface: Surface, x: Tensor, y: Tensor, channels: slice = slice(0, 1)) -> Tensor:
    """Return channels of the table (B, c, H, W) at frontal positions (B, H, W); slopes are those of the right half."""
    x = x - surface.lean[:, None, None] * (y - CENTRE)
    place = torch.stack([x.abs() * (2 / WIDTH) - 1, (y - TOP) * (2 / (BOTTOM - TOP)) - 1], -1)  # (B, H, W, 2)
    return F.grid_sample(surface.table[:, channels], place, padding_mode="border", align_corners=True)
