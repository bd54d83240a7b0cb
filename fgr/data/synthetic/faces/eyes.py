"""Eyes and brows: eyeball with iris and highlight, lids, lashes, the fold above; brows of single hairs."""

import torch
from torch import Tensor

from fgr.data.synthetic.faces.factors import SHAPE, FaceFactors
from fgr.data.synthetic.faces.hairstyle import hair_value
from fgr.data.synthetic.faces.interpolate import bell, evaluate, inside, pixelwise, polynomial, smoothstep
from fgr.data.synthetic.faces.landmarks import BROW, EYE, puberty, sagging, senescence, traits
from fgr.data.synthetic.faces.material import Material, light_direction, linear
from fgr.data.synthetic.faces.skin import hair_color, noise, skin_color, texture
from fgr.data.synthetic.hashing import uniform

_IRISES = ((0.30, 0.20, 0.13), (0.40, 0.27, 0.16), (0.47, 0.38, 0.20), (0.38, 0.45, 0.32), (0.36, 0.48, 0.62))
_IRISES = (*_IRISES, (0.48, 0.54, 0.58))  # sRGB, dark brown to grey
IRIS = 0.088  # radius


def _between(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(x, low), high)


def lid_curves(half: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cubics (B, 4) of the upper and the lower lid through their landmarks."""
    eye = half[:, EYE]
    return tuple(polynomial(eye[:, rows, 0], eye[:, rows, 1]) for rows in ([0, 1, 2, 3], [0, 5, 4, 3]))


def paint_eyes(material: Material, factors: FaceFactors, half: Tensor) -> None:
    """Paint both eyes with their lids and lashes."""
    eye = half[:, EYE]
    inner, outer = pixelwise(eye[:, 0, 0]), pixelwise(eye[:, 3, 0])
    upper_curve, lower_curve = lid_curves(half)
    x = _between(material.ax, inner, outer)
    along = (x - inner) / (outer - inner)  # 0 at the inner corner, 1 at the outer
    upper, lower = evaluate(upper_curve, x), evaluate(lower_curve, x)
    beside = torch.maximum(inner - material.ax, material.ax - outer)  # beyond a corner: positive
    below, above = material.y - upper, lower - material.y
    open_ = inside(torch.minimum(torch.minimum(below, above), -beside), material.pixel)
    near = (beside < 0.12) & (below > -0.17) & (above > -0.12)
    material.label(near, "eyes")
    _lid_skin(material, factors, eye, along, beside, below)
    _eyeball(material, factors, half, open_, below, above)
    _lashes(material, factors, along, beside, below, above)


def _lid_skin(
    material: Material, factors: FaceFactors, eye: Tensor, along: Tensor, beside: Tensor, below: Tensor
) -> None:
    """Shade the lid between the lashes and its fold, and the fold."""
    crease = traits(factors)[:, SHAPE.index("lid_crease")]
    old, lowered = sagging(factors), factors.action(4) + factors.action(9)
    arch = (4 * along * (1 - along)).clamp_min(0) ** 0.7
    line = pixelwise(eye[:, 0, 1]) + (pixelwise(eye[:, 3, 1] - eye[:, 0, 1])) * along
    reach = 0.150 + 0.012 * crease - 0.02 * old - 0.02 * lowered + 0.03 * factors.action(5)
    fold = material.y - (line - pixelwise(reach) * arch)  # positive below the fold
    width = torch.hypot(torch.full_like(material.pixel, 0.016), 0.5 * material.pixel)
    strength = (0.55 + 0.25 * old + 0.2 * crease.clamp(-1.5, 1.5)).clamp(0.1, 1)
    within = smoothstep(0.06, -0.04, beside)
    groove = bell(fold / width) * (0.016 / width) * within * pixelwise(strength)
    material.tint(0.75 * groove, material.albedo.new_tensor([[0.42, 0.33, 0.30]]))
    lid = smoothstep(0.0, 0.05, fold) * smoothstep(0.02, -0.02, below) * within
    material.down += lid * (-0.25 + 0.9 * smoothstep(0.0, 0.16, fold))
    material.tint(0.25 * lid, material.albedo.new_tensor([[0.90, 0.78, 0.76]]))
    rim = bell((below + 0.02) / 0.02) * within
    material.gloss += 0.3 * lid + 0.1 * rim


def _eyeball(
    material: Material,
    factors: FaceFactors,
    half: Tensor,
    open_: Tensor,
    below: Tensor,
    above: Tensor,
) -> None:
    """Paint the white, iris, pupil and highlights where the lids are apart."""
    eye = half[:, EYE]
    centre_x = pixelwise(0.5 * (eye[:, 0, 0] + eye[:, 3, 0]))
    corner_y = pixelwise(0.45 * eye[:, 0, 1] + 0.55 * eye[:, 3, 1])
    own = uniform(0, factors.identity, "eyes", 4)
    old = pixelwise(senescence(factors.age))
    dx = material.ax - centre_x
    white = material.albedo.new_tensor([0.72, 0.66, 0.62])[:, None, None] - 0.10 * old[:, None]
    pink = bell((dx + 0.17) / 0.035)[:, None]  # the inner corner
    white = white + pink * (white.new_tensor([0.50, 0.22, 0.20])[:, None, None] - white)
    material.paint(open_, white, 0.35)
    dy = material.y - corner_y + 0.025
    material.flatten(open_, material.side * dx * 2.2, dy * 2.2)
    material.openness += open_ * (0.95 - material.openness)
    look = factors.gaze * factors.gaze.new_tensor([0.055, 0.04])
    ix = material.side * dx - pixelwise(look[:, 0])  # to the right of the iris, in both eyes
    iy = dy - 0.01 - pixelwise(look[:, 1])
    radius = IRIS * (1 + 0.05 * (own[:, 0] - 0.5))
    away = torch.hypot(ix, iy)
    disc = open_ * inside(pixelwise(radius) - away, material.pixel.clamp_min(0.008))
    color = _iris_color(factors, own)
    ray = torch.atan2(iy, ix)
    spokes = 0.5 + 0.5 * torch.sin(23 * ray + 6.28 * pixelwise(own[:, 1]) + 3 * torch.sin(7 * ray))
    spokes = 0.5 + (spokes - 0.5) * (0.012 / material.pixel).clamp_max(1)
    share = away / pixelwise(radius)
    tone = 0.75 + 0.5 * spokes + 0.5 * smoothstep(0.9, 0.45, share) - 0.75 * smoothstep(0.70, 1.0, share)
    tone = tone * (1 + 0.5 * (iy / pixelwise(radius)).clamp(-1, 1))  # light falls in from above, glows below
    material.paint(disc, color[..., None, None] * tone[:, None].clamp_min(0.15), 0.5)
    pupil = open_ * inside(0.40 * pixelwise(radius) - away, material.pixel.clamp_min(0.008))
    material.paint(pupil, material.albedo.new_tensor([[0.012, 0.010, 0.010]]), 0.5)
    shade = 0.75 * (-below.clamp_min(0) / 0.045).exp() + 0.25 * (-above.clamp_min(0) / 0.03).exp()
    material.tint(open_ * shade.clamp_max(0.85), 0.25)  # lids and lashes throw shadow
    towards = light_direction(factors)
    spot = pixelwise(0.45 * radius) * pixelwise(towards[:, 0]), pixelwise(0.45 * radius) * pixelwise(towards[:, 1])
    bright = inside(0.021 - torch.hypot(ix - spot[0], iy - spot[1]), material.pixel.clamp_min(0.012))
    soft = 0.25 * bell((ix + spot[0]) / 0.035) * bell((iy - 0.02) / 0.03)
    seen = (0.9 * bright + soft).clamp(0, 1) * open_ * smoothstep(0.0, 0.02, below)
    material.paint(seen, material.albedo.new_tensor([[1.5, 1.5, 1.55]]), 0.0)


def _iris_color(factors: FaceFactors, own: Tensor) -> Tensor:
    """Return colours (B, 3): brown for dark hair and skin, any for others."""
    palette = linear(torch.tensor(_IRISES, device=own.device))
    dark = 0.5 * hair_value(factors, "darkness") + 0.12 * (factors.tone.float() - 1)
    place = ((1.35 - 1.3 * dark).clamp(0.1, 1) * own[:, 2] * 5.99).long().clamp(0, 5)
    return palette[place] * (0.8 + 0.5 * own[:, 3:])


def _lashes(
    material: Material, factors: FaceFactors, along: Tensor, beside: Tensor, below: Tensor, above: Tensor
) -> None:
    """Draw the rims of the lids and their lashes."""
    own = uniform(0, factors.identity, "lashes", 2)
    paint = (factors.gender == 0) * puberty(factors.age) * smoothstep(0.45, 0.75, own[:, 0])  # mascara
    paint = paint * (1 - 0.5 * senescence(factors.age))
    dark = 0.035 * (1 - 0.6 * hair_value(factors, "darkness"))[:, None] * paint.new_tensor([1.6, 1.0, 0.8])
    pixel = material.pixel
    thick = pixelwise(0.016 + 0.012 * paint + 0.004 * own[:, 1]) * (0.45 + 0.75 * along)
    fan = 0.5 + 0.5 * torch.sin(150 * along + 40 * (below + 0.02))  # single lashes, where they can be seen
    fan = 0.6 + (fan - 0.6) * (0.012 / pixel).clamp_max(1)
    ends = smoothstep(0.03, -0.01, beside)
    upper = inside(thick - (below + 0.3 * thick).abs(), pixel) * ends
    tips = inside(2.2 * thick * (0.3 + 0.7 * along) - (below + 1.6 * thick).abs(), pixel) * fan * ends
    material.paint((0.92 * upper).clamp(0, 1), dark, 0.05)
    material.paint((pixelwise(0.25 + 0.5 * paint) * tips).clamp(0, 1), dark, 0.05)
    fine = 0.006 / torch.hypot(torch.full_like(pixel, 0.006), 0.5 * pixel)
    lower = bell((above + 0.004) / torch.hypot(torch.full_like(pixel, 0.010), 0.5 * pixel)) * fine * ends
    material.tint(lower * (0.35 + 0.5 * along), material.albedo.new_tensor([[0.32, 0.25, 0.24]]))


def paint_brows(material: Material, factors: FaceFactors, half: Tensor) -> None:
    """Paint brows of hairs that point up at the inner end and outwards at the other."""
    brow = half[:, BROW]
    start, end = pixelwise(brow[:, 0, 0]), pixelwise(brow[:, 4, 0])
    curve = polynomial(brow[..., 0], brow[..., 1])
    x = _between(material.ax, start, end)
    along = (x - start) / (end - start)
    off = material.y - evaluate(curve, x)  # positive below
    weight = traits(factors)[:, SHAPE.index("brow_weight")]
    grown = (factors.age / 14).clamp(0.35, 1)
    thick = pixelwise(0.052 * (1 + 0.17 * weight).clamp(0.45, 1.7) * (0.55 + 0.45 * grown))
    thick = thick * (0.55 + 0.85 * along.clamp(0, 0.35) / 0.35 - 1.05 * (along - 0.35).clamp_min(0))
    beyond = torch.maximum(start - material.ax, material.ax - end)
    visible = (0.012 / material.pixel).clamp_max(1)
    slant = 0.55 * (along - 0.30 * off / thick * (1.1 - along)) * (end - start)
    tufts = texture(noise(factors, "brows", 40, 150), material.side * slant * 2.6, 0.9 * off + 0.15 * along)
    hairs = (0.5 + 0.8 * tufts * visible).clamp(0, 1)
    ragged = thick * (1 + 0.30 * (hairs - 0.5) * visible)
    body = inside(ragged - off.abs(), material.pixel.clamp_min(0.028)) * inside(0.01 - beyond, 0.05 + material.pixel)
    dense = 0.80 * pixelwise((0.45 + 0.16 * weight + 0.35 * grown).clamp(0.3, 1)) * smoothstep(-0.1, 0.3, along)
    grey = 0.7 * ((factors.age - hair_value(factors, "grey at") - 8) / 6).sigmoid()
    color = hair_color(factors, grey) * 0.75
    color = color.minimum(0.55 * skin_color(factors))
    tone = 1 + 0.55 * (0.5 - hairs) * visible
    material.paint(
        (body * dense * (0.75 + 0.25 * hairs * visible)).clamp(0, 1), color[..., None, None] * tone[:, None], 0.1
    )
    material.label((off.abs() < 1.2 * thick) & (beyond < 0), "brows")
