"""Mouth and nostrils: lips with their own relief, teeth and tongue between them, the shadows of the nose."""

import torch
from torch import Tensor

from fgr.data.synthetic.faces.factors import SHAPE, FaceFactors
from fgr.data.synthetic.faces.interpolate import bell, evaluate, inside, pixelwise, polynomial, smoothstep
from fgr.data.synthetic.faces.landmarks import maturity, puberty, senescence, traits
from fgr.data.synthetic.faces.material import Material, linear
from fgr.data.synthetic.faces.skin import noise, skin_color, texture
from fgr.data.synthetic.hashing import uniform


def _lip_curves(half: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the lips' edges as polynomials of |x|: upper, lower, seam above, seam below; and where the seam ends."""
    corner = half[:, 30]
    reach = 0.93 * corner[:, 0]
    end_y = corner[:, 1]
    upper = polynomial(half[:, 27:31, 0], half[:, 27:31, 1])
    low_rows = [33, 32, 31, 30]
    lower = polynomial(half[:, low_rows, 0], half[:, low_rows, 1])
    seam_x = torch.stack([half[:, 34, 0], half[:, 35, 0], reach], 1)
    inner = [polynomial(seam_x, torch.cat([half[:, rows, 1], end_y[:, None]], 1)) for rows in ([34, 35], [37, 36])]
    return upper, lower, inner[0], inner[1], reach


def paint_mouth(material: Material, factors: FaceFactors, half: Tensor) -> None:
    """Paint lips, and what is seen between them."""
    upper_curve, lower_curve, seam_up, seam_down, reach = _lip_curves(half)
    corner_x = pixelwise(half[:, 30, 0])
    x = torch.minimum(material.ax, corner_x)
    top, bottom = evaluate(upper_curve, x), evaluate(lower_curve, x)
    inner_x = torch.minimum(material.ax, pixelwise(reach))
    low, high = evaluate(seam_down, inner_x), evaluate(seam_up, inner_x)
    low, high = torch.maximum(low, high), torch.minimum(low, high)
    middle = 0.5 * (low + high)
    side = corner_x - material.ax
    _lips(material, factors, top, bottom, low, high, middle, side)
    _cavity(material, factors, half, low, high, pixelwise(reach) - material.ax)
    _seam(material, factors, half, low, high, middle, side)


def _lips(
    material: Material,
    factors: FaceFactors,
    top: Tensor,
    bottom: Tensor,
    low: Tensor,
    high: Tensor,
    middle: Tensor,
    side: Tensor,
) -> None:
    own = uniform(0, factors.identity, "lips", 3)
    skin = skin_color(factors)
    painted = (factors.gender == 0) * puberty(factors.age) * smoothstep(0.55, 0.8, own[:, 0])
    ratio = 0.55 + 0.25 * (1 - skin.mean(1, keepdim=True) / 0.45).clamp(0, 1)
    bare = skin * torch.cat([0.80 + 0 * ratio, ratio, ratio + 0.03], 1)
    rouge = linear(torch.stack([0.62 + 0.2 * own[:, 1], 0.20 + 0.2 * own[:, 2], 0.24 + 0.2 * own[:, 2]], 1))
    color = bare.lerp(0.6 * rouge + 0.4 * bare, painted[:, None])
    old = pixelwise(senescence(factors.age))
    edge = material.pixel + 0.018 + 0.01 * old  # vermilion fades into skin
    taper = smoothstep(0.0, 0.05, side)
    above = inside(torch.minimum(material.y - top, middle - material.y + 0.01), edge) * taper
    below = inside(torch.minimum(bottom - material.y, material.y - middle + 0.01), edge) * taper
    cracks = texture(noise(factors, "lips", 8, 260), material.x, material.y * 0.2)
    cracks = cracks * (0.010 / material.pixel).clamp_max(1)
    for alpha, begin, end, tilt in ((above, top, high, -0.10), (below, low, bottom, 0.10)):
        share = ((material.y - begin) / (end - begin).clamp_min(0.02)).clamp(0, 1)
        bulge = (1 - 2 * share) * 1.1
        material.down += alpha * (bulge - tilt * 3.0)
        shade = (0.84 if tilt < 0 else 1.04) * (1 + 0.10 * cracks)
        material.paint(alpha * (0.92 - 0.15 * old), color[..., None, None] * shade[:, None])
        material.gloss += alpha * (0.35 if tilt > 0 else 0.1) * (1 - 0.5 * old)
    ridge = bell((material.y - top + 0.012) / 0.014) * taper * (0.02 / material.pixel).clamp_max(1)
    material.tint(0.20 * ridge, 1.35)


def _cavity(material: Material, factors: FaceFactors, half: Tensor, low: Tensor, high: Tensor, side: Tensor) -> None:
    """Paint dark, teeth and tongue between parted lips."""
    gap = torch.minimum(torch.minimum(material.y - high, low - material.y), side)
    parted = smoothstep(0.012, 0.04, low - high)
    open_ = inside(gap - 0.004, material.pixel) * parted
    material.paint(open_, material.albedo.new_tensor([[0.045, 0.014, 0.014]]), 0.0)
    material.flatten(open_, 0.0, 0.0)
    wide = pixelwise((half[:, 37, 1] - half[:, 34, 1]).clamp_min(0))
    tongue_y = pixelwise(half[:, 37, 1]) - 0.02
    tongue = open_ * smoothstep(0.12, 0.30, wide) * bell(material.ax / 0.17) * bell((material.y - tongue_y) / 0.10)
    material.paint(0.8 * tongue, material.albedo.new_tensor([[0.36, 0.11, 0.11]]), 0.3)
    own = uniform(0, factors.identity, "teeth", 2)
    milk = pixelwise((factors.age > 0.8).float())
    ivory = material.albedo.new_tensor([0.86, 0.82, 0.75]) - 0.22 * senescence(factors.age)[:, None] * (
        0.4 + own[:, :1]
    ) * material.albedo.new_tensor([0.5, 0.7, 1.0])
    bared = factors.action(12) + 0.8 * factors.action(10) + factors.action(27) + 0.5 * factors.action(20)
    drop = (0.115 - 0.25 * material.ax.square()) * pixelwise(0.25 + 0.75 * smoothstep(-0.2, 0.7, bared))
    upper = inside(torch.minimum(drop - (material.y - high), 0.34 - material.ax), material.pixel)
    lower_teeth = inside(torch.minimum(0.05 - (low - material.y), 0.26 - material.ax), material.pixel)
    lower_shown = pixelwise(factors.action(20) + 0.5 * factors.action(27)).clamp(0, 0.8)
    teeth = torch.maximum(upper, lower_teeth * lower_shown) * milk
    gaps = bell((((material.ax / 0.088) % 1.0) - 0.5 + 0.5 * torch.sign(0.5 - (material.ax / 0.088) % 1.0)) / 0.06)
    tone = (1 - 0.35 * gaps * (0.014 / material.pixel).clamp_max(1)) * (1 - 0.45 * (material.ax / 0.36).square())
    material.paint(open_ * teeth, ivory[..., None, None] * tone[:, None].clamp_min(0.1), 0.5)
    material.tint(open_ * bell((material.y - high) / 0.022) * 0.55, 0.4)  # shadow of the upper lip


def _seam(
    material: Material, factors: FaceFactors, half: Tensor, low: Tensor, high: Tensor, middle: Tensor, side: Tensor
) -> None:
    """Draw the line where closed lips meet, and the dimples at its ends."""
    pixel = material.pixel
    closed = smoothstep(0.05, 0.015, low - high)
    width = torch.hypot(torch.full_like(pixel, 0.014), 0.45 * pixel)
    wave = 0.008 * bell(material.ax / 0.05) - 0.006 * bell((material.ax - 0.13) / 0.06)
    line = bell((material.y - middle - wave) / width) * (0.014 / width) * smoothstep(-0.02, 0.03, side)
    pressed = pixelwise(factors.action(24) + factors.action(23)).clamp(0, 1)
    dark = material.albedo.new_tensor([[0.20, 0.11, 0.10]])
    material.tint(line * closed * (0.85 + 0.15 * pressed), dark)
    corner = half[:, 30]
    dimple = material.blob(corner[:, 0] + 0.01, corner[:, 1], 0.035, 0.028)
    deep = 0.30 + 0.5 * factors.action(14) + 0.3 * factors.action(12) + 0.2 * factors.action(15)
    material.tint(dimple * pixelwise(deep).clamp(0, 0.8), dark.sqrt())


def paint_nose(material: Material, factors: FaceFactors, half: Tensor) -> None:
    """Paint nostrils and the creases around the wings."""
    base, wing = half[:, 18], half[:, 20]
    form = traits(factors)[:, SHAPE.index("nose_width")]
    flare = 1 + 0.3 * factors.action(9) + 0.25 * factors.action(10)
    pixel, dark = material.pixel, material.albedo.new_tensor([[0.16, 0.085, 0.075]])
    x, y = 0.52 * wing[:, 0], 0.5 * (base[:, 1] + wing[:, 1]) - 0.022
    width = 0.050 * (1 + 0.08 * form) * (0.75 + 0.25 * maturity(factors.age))
    u = (material.ax - pixelwise(x)) / pixelwise(width)
    v = (material.y - pixelwise(y) + 0.35 * (material.ax - pixelwise(x))) / pixelwise(0.026 * flare)
    hole = smoothstep(1.35, 0.55, torch.hypot(u, v)) * (0.03 / torch.hypot(torch.full_like(pixel, 0.03), 0.4 * pixel))
    material.tint(0.85 * hole, dark)
    under = material.blob(0.0, base[:, 1] + 0.015, 0.15, 0.025)
    material.tint(0.30 * under, dark.sqrt())
    cx, cy = 0.80 * wing[:, 0], wing[:, 1] - 0.035
    u, v = (material.ax - pixelwise(cx)) / 0.068, (material.y - pixelwise(cy)) / 0.075
    ring = bell((torch.hypot(u, v) - 1) * 0.07 / torch.hypot(torch.full_like(pixel, 0.016), 0.4 * pixel))
    ring = (
        ring
        * smoothstep(-0.3, 0.6, u)
        * smoothstep(0.9, 0.2, v)
        * (0.016 / torch.hypot(torch.full_like(pixel, 0.016), 0.4 * pixel))
    )
    material.tint(ring * pixelwise(0.40 + 0.25 * factors.action(9) + 0.2 * factors.action(10)), dark.sqrt())
