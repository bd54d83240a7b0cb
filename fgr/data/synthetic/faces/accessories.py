"""What people wear or do that hides their faces: glasses, a hat, earrings, a hand with or without a ring."""

import math

import torch
from torch import Tensor

from fgr.data.synthetic.canvas import Canvas
from fgr.data.synthetic.faces.body import illuminate
from fgr.data.synthetic.faces.factors import FaceFactors
from fgr.data.synthetic.faces.interpolate import bell, inside, pixelwise, smoothstep
from fgr.data.synthetic.faces.landmarks import EYE, maturity
from fgr.data.synthetic.faces.material import Material, linear
from fgr.data.synthetic.faces.regions import region
from fgr.data.synthetic.faces.skin import skin_color
from fgr.data.synthetic.faces.surface import Surface, look_up
from fgr.data.synthetic.faces.view import View, project
from fgr.data.synthetic.hashing import uniform
from fgr.data.synthetic.shapes import Ellipse, Stroke, smooth, stroke

_RIM = 22  # corners of a spectacle rim


def _color(own: Tensor, low: float, high: float) -> Tensor:
    """Return linear colours (B, 3) of a hue and lightness (B, 3) each in 0..1."""
    hue = 6.28 * own[:, 0]
    wheel = torch.stack([hue.cos(), (hue - 2.09).cos(), (hue + 2.09).cos()], 1)
    return linear((low + (high - low) * own[:, 1:2]) * (1 + 0.5 * own[:, 2:3] * wheel)).clamp(0.008, 0.9)


def paint_hat(material: Material, factors: FaceFactors) -> None:
    """Paint a knitted cap on the relief, which `hairstyle` has raised for it."""
    worn = pixelwise(factors.wears("hat"))
    if not worn.any():
        return
    own = uniform(0, factors.identity, "hat", 5)
    brim = -1.06 - 0.10 * pixelwise(own[:, 3]) + 0.30 * material.ax.square()
    d = brim - material.y
    alpha = worn * inside(d, material.pixel)
    color = _color(own[:, :3], 0.12, 0.75)
    cuff = smoothstep(0.34, 0.30, d)
    rib = torch.sin(2 * math.pi * material.x / (0.055 + 0.045 * (1 - cuff))) * (0.03 / material.pixel).clamp_max(1)
    tone = 1 + 0.22 * rib - 0.35 * bell((d - 0.32) / 0.025) + 0.12 * cuff
    shadow = worn * smoothstep(-0.14, 0.0, d) * (1 - alpha)
    material.tint(0.45 * shadow, 0.45)
    material.paint(alpha, color[..., None, None] * tone[:, None], 0.0)
    material.right += alpha * (
        0.45 * torch.cos(2 * math.pi * material.x / 0.055) * cuff * (0.03 / material.pixel).clamp_max(1)
    )
    material.down += alpha * 0.8 * bell((d - 0.02) / 0.03)
    material.label(alpha > 0.5, "occluder")


def paint_worn(
    canvas: Canvas, factors: FaceFactors, half: Tensor, surface: Surface, view: View, landmarks: Tensor
) -> None:
    """Paint what is in front of the face."""
    _earrings(canvas, factors, view)
    for kind in ("glasses", "dark glasses"):
        _glasses(canvas, factors, half, surface, view, kind)
    _hand(canvas, factors, view, landmarks)


def _glasses(canvas: Canvas, factors: FaceFactors, half: Tensor, surface: Surface, view: View, kind: str) -> None:
    rows = factors.wears(kind)
    if not rows.any():
        return
    own = uniform(0, factors.identity, "glasses", 6)
    dark = kind == "dark glasses"
    eye = half[:, EYE].mean(1)
    x, y = eye[:, :1] + 0.015, eye[:, 1:] + 0.03  # (B, 1)
    a = 0.245 + 0.03 * own[:, :1] + 0.02 * dark
    b = a * (0.66 + 0.30 * own[:, 1:2])
    turn = torch.arange(_RIM, device=own.device) * (2 * math.pi / _RIM)
    power = 2 / (2 + 2.2 * own[:, 2:3])  # round to square
    cos, sin = turn.cos(), turn.sin()
    rim_x = x + a * cos.sign() * cos.abs() ** power  # (B, _RIM)
    rim_y = y + b * sin.sign() * sin.abs() ** power
    nose = look_up(surface, 0 * eye[:, :1, None], eye[:, 1:, None] + 0.08)[:, 0, 0]  # (B, 1): where it rests
    depth = nose + 0.05
    opaque = {"label": region("occluder")}
    scale = view.scale[:, None]
    thick = (0.010 + 0.016 * own[:, 3:4]) * scale
    frame = _color(own[:, 3:], 0.05, 0.4)
    light = illuminate(factors, (0.0, 0.0, 1.0))[:, :, 0, 0]
    for side in (-1.0, 1.0):
        rim = torch.stack([side * rim_x, rim_y, depth - 0.22 * rim_x.square()], 2)
        placed = project(view, rim)
        lens = smooth(placed, 2)
        if dark:
            tint = 0.02 + 0.05 * own[:, 4:5] * own.new_tensor([1.0, 0.9, 0.8])
            canvas.paint(lens, tint * light, 0.93 * rows, **opaque)
        else:
            canvas.paint(lens, light * 0.9, 0.06 * rows)
        for offset, width, bright in ((-0.35, 0.10, 0.22), (0.02, 0.035, 0.14)):
            middle = project(view, torch.stack([side * x + offset * a, y, depth - 0.1], 2))[:, 0]
            along = torch.cat([0.55 * b, -0.8 * b], 1) * scale
            streak = stroke(
                middle - along, middle + along, width * a[:, 0] * scale[:, 0], width * a[:, 0] * scale[:, 0]
            )
            canvas.paint(streak, light, bright * rows, softness=0.02 * view.scale, clip=lens)
        outline = torch.cat([placed, placed[:, :1]], 1)
        canvas.paint(Stroke(outline, thick.expand(-1, _RIM + 1)), frame * light, rows, **opaque)
        hinge = torch.stack([side * (x + a), y - 0.3 * b, depth - 0.22 * (x + a).square()], 2)
        ear = torch.stack([side * torch.full_like(x, 1.03), y + 0.10, torch.full_like(x, -0.80)], 2)
        arm = project(view, torch.cat([hinge, ear], 1))
        canvas.paint(Stroke(arm, thick.expand(-1, 2)), frame * light, rows, **opaque)
    low, up = y - 0.30 * b, y - 0.42 * b
    bridge = torch.cat([torch.stack([s * (x - a), low if s else up, depth - 0.05 * abs(s)], 2) for s in (-1, 0, 1)], 1)
    canvas.paint(Stroke(project(view, bridge), thick.expand(-1, 3)), frame * light, rows, **opaque)


def _earrings(canvas: Canvas, factors: FaceFactors, view: View) -> None:
    rows = factors.wears("earrings")
    if not rows.any():
        return
    own = uniform(0, factors.identity, "earrings", 3)
    light = illuminate(factors, (0.0, -0.3, 0.9))[:, :, 0, 0]
    gold = light.new_tensor([0.75, 0.52, 0.16]) * light
    silver = light.new_tensor([0.62, 0.63, 0.66]) * light
    metal = torch.where(own[:, :1] < 0.5, gold, silver)
    hoop = (own[:, 1] < 0.5).float()
    for side in (-1.0, 1.0):
        shown = rows * (side * factors.pose[:, 0] < 0.22)
        lobe = project(view, view.scale.new_tensor([side * 1.03, 0.06, -0.86]).expand(len(rows), 1, 3))[:, 0]
        radius = view.scale * (0.045 + 0.02 * own[:, 2])
        canvas.paint(
            Ellipse(lobe, torch.stack([radius, radius], 1), 0 * radius),
            metal,
            shown * (1 - hoop),
            label=region("occluder"),
        )
        glint = lobe - 0.3 * radius[:, None]
        canvas.paint(Ellipse(glint, radius[:, None].expand(-1, 2) * 0.3, 0 * radius), light, shown * (1 - hoop))
        turn = torch.arange(13, device=own.device) * (2 * math.pi / 12)
        ring = torch.stack([0.07 * turn.sin() * (0.5 + own[:, 2:]), 0.12 * (1 - turn.cos()) * (0.6 + own[:, 2:])], 2)
        points = lobe[:, None] + ring * view.scale[:, None, None]
        width = (0.017 * view.scale)[:, None].expand(-1, 13)
        canvas.paint(Stroke(points, width), metal, shown * hoop, label=region("occluder"))


def _hand(canvas: Canvas, factors: FaceFactors, view: View, landmarks: Tensor) -> None:
    """A hand that rests on a cheek, the chin or the mouth, its fingers up and inwards."""
    rows = factors.wears("hand")
    if not rows.any():
        return
    own = uniform(0, factors.identity, "hand", 6)
    side = torch.where(own[:, 0] < 0.5, -1.0, 1.0)
    jaw = torch.where((side > 0)[:, None], landmarks[:, 12], landmarks[:, 4])
    mouth = landmarks[:, 60:].mean(1)
    tip = jaw.lerp(mouth, 0.15 + 0.65 * own[:, 1:2])  # where the middle finger ends
    unit = view.scale * (0.75 + 0.25 * maturity(factors.age))
    lean = side * (0.15 + 0.5 * own[:, 2])  # of the fingers from straight up, inwards
    up = torch.stack([-lean.sin(), -lean.cos()], 1) * unit[:, None]  # (B, 2) one unit along the fingers
    across = torch.stack([-up[:, 1], up[:, 0]], 1)
    light = illuminate(factors, (0.0, -0.2, 0.95))[:, :, 0, 0]
    skin = skin_color(factors) * light * light.new_tensor([1.0, 0.93, 0.90])
    label = region("occluder")

    def at(sideways: float, along: float) -> Tensor:
        return tip + (side * sideways)[:, None] * across + along * up

    wrist, heel = at(0.12, -2.6), at(0.05, -1.25)
    canvas.paint(stroke(wrist, heel, 0.30 * unit, 0.36 * unit), 0.80 * skin, rows, label=label)
    canvas.paint(stroke(at(0.02, -1.25), at(0.0, -0.80), 0.44 * unit, 0.40 * unit), 0.90 * skin, rows, label=label)
    fingers = ((0.33, -0.16, 0.085), (0.115, 0.0, 0.092), (-0.11, -0.05, 0.09), (-0.32, -0.22, 0.078))
    for k, (sideways, end, radius) in enumerate(fingers):
        root, top = at(sideways, -0.85), at(sideways * 0.86, end)
        knuckle = root.lerp(top, 0.5) + 0.02 * across
        points, r = torch.stack([root, knuckle, top], 1), radius * unit[:, None]
        canvas.paint(Stroke(points, r * r.new_tensor([1.15, 1.02, 0.82])), 0.62 * skin, rows, label=label)
        shifted = points - 0.018 * across[:, None]
        canvas.paint(Stroke(shifted, 0.72 * r * r.new_tensor([1.15, 1.0, 0.8])), skin, rows, softness=0.05 * unit)
        nail = Ellipse(at(sideways * 0.86, end - 0.005), torch.stack([0.5 * r[:, 0], 0.62 * r[:, 0]], 1), -lean)
        canvas.paint(nail, skin * 1.1 + 0.03, 0.6 * rows, softness=0.01 * unit)
        for crease in (0.42, 0.70):
            spot = root.lerp(top, crease)
            line = stroke(spot - 0.06 * across, spot + 0.06 * across, 0.006 * unit, 0.006 * unit)
            canvas.paint(line, 0.55 * skin, 0.6 * rows)
        if k == 2:
            place, band = root.lerp(top, 0.28), factors.wears("ring") * rows
            gold = light.new_tensor([0.80, 0.55, 0.16]) * light
            left, right = place - 0.095 * across, place + 0.095 * across
            canvas.paint(stroke(left, right, 0.026 * unit, 0.026 * unit), 0.6 * gold, band, label=label)
            canvas.paint(stroke(left, right, 0.012 * unit, 0.012 * unit), 1.3 * gold, band)
    thumb = torch.stack([at(0.40, -1.30), at(0.58, -0.95), at(0.50, -0.55)], 1)
    width = 0.10 * unit[:, None] * unit.new_tensor([1.3, 1.05, 0.85])
    canvas.paint(Stroke(thumb, width), 0.62 * skin, rows, label=label)
    canvas.paint(Stroke(thumb - 0.015 * across[:, None], 0.72 * width), skin, rows, softness=0.05 * unit)
