"""Hair on the relief: strands that fall from a parting, shine across them, an uneven edge."""

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.data.synthetic.faces.factors import HAIR_STYLES, FaceFactors
from fgr.data.synthetic.faces.hairstyle import Hairstyle, hair_value
from fgr.data.synthetic.faces.interpolate import bell, pixelwise, smoothstep
from fgr.data.synthetic.faces.material import Material, light_direction
from fgr.data.synthetic.faces.skin import hair_color, noise, texture
from fgr.data.synthetic.faces.view import View

STRANDS = 0.011  # width of the finest


def strand_noise(factors: FaceFactors, across: Tensor, along: Tensor, pixel: Tensor) -> tuple[Tensor, Tensor]:
    """Return coarse locks and fine strands (B, H, W) in about -1..1; what pixels cannot show is left out.

    Args:
        across: (B, H, W) position across the strands, in the head's units.
        along: (B, H, W) position along them.
        pixel: (B, 1, 1) width of a pixel.
    """

    def sample(name: str, width: float, length: float, columns: int) -> Tensor:
        table = noise(factors, name, 6, columns)
        place = torch.stack([2 * across / (width * columns), along / length], -1)
        value = F.grid_sample(table[:, None], place, padding_mode="reflection", align_corners=False)[:, 0]
        return value * (1.2 * width / pixel).clamp_max(1)

    locks = sample("locks", 0.09, 1.6, 48)
    strands = 0.6 * sample("strands", 0.028, 1.2, 160) + 0.7 * sample("fine strands", STRANDS, 1.0, 360)
    return locks, strands


def paint_hair(material: Material, factors: FaceFactors, hair: Hairstyle, view: View) -> None:
    """Paint the hair of the head over skin, lines and brows."""
    pixel = material.pixel
    crown_x, crown_y = pixelwise(0.7 * hair.parting), -2.25
    dx, dy = material.x - crown_x, material.y - crown_y
    far = torch.hypot(dx, dy)
    angle = torch.atan2(dx, dy)
    curl = pixelwise(hair.curl)
    wavy = texture(noise(factors, "wavy", 26, 16), material.x, material.y)
    across = 1.35 * angle + 0.05 * wavy + curl * 0.30 * wavy
    locks, strands = strand_noise(factors, across, far - 1.0, pixel)
    ringlets = _ringlets(factors, material, wavy)
    locks = locks + curl * (1.3 * ringlets - locks)
    style = factors.hair[:, 0].long()
    crop = pixelwise((style == HAIR_STYLES.index("cropped")).float())
    grain = texture(noise(factors, "cropped", 170, 130), material.x + 0.4 * (material.y + 1.5) * material.x, material.y)
    strands = strands + crop * (0.8 * grain * (0.02 / pixel).clamp_max(1) - 0.75 * strands)
    locks = locks * (1 - 0.6 * crop)
    fringe = pixelwise((style == HAIR_STYLES.index("fringe")).float())
    ragged = (0.035 + 0.05 * fringe + 0.03 * curl) * locks + (0.022 + 0.03 * fringe) * strands
    soft = torch.hypot(0.035 + 0.05 * crop, pixel)
    cover = smoothstep(-0.5, 0.5, (material.hairline + ragged) / soft)
    shaved = style == HAIR_STYLES.index("shaved")
    thin = 1 - 0.45 * smoothstep(50.0, 80.0, factors.age) * (0.4 + 0.6 * factors.gender)
    infant = (factors.age / 1.5).clamp(0.35, 1)
    cover = cover * pixelwise((~shaved).float() * (0.35 + 0.65 * thin) * infant).sqrt()
    _stubble_scalp(material, factors, shaved)
    shadow = smoothstep(-0.16, 0.0, material.hairline + 0.02 * locks) * (1 - cover) * pixelwise((~shaved).float())
    material.tint(0.40 * shadow, material.albedo.new_tensor([[0.62, 0.52, 0.48]]))
    color = hair_color(factors, hair.grey)
    salt = 0.5 + 0.5 * strands
    white = color.new_tensor([[0.62, 0.61, 0.60]])
    mixed = pixelwise(4 * hair.grey * (1 - hair.grey)) * (salt > 0.78) * (0.02 / pixel).clamp_max(1)
    tone = (1 + 0.36 * locks + 0.42 * strands).clamp_min(0.25)
    root = 0.72 + 0.28 * smoothstep(0.0, 0.25, material.hairline)
    sheen = _sheen(material, factors, view, dx / far, dy / far, locks, strands)
    streaks = color[..., None, None] * (tone * root)[:, None]
    streaks = streaks.lerp(white[..., None, None].expand_as(streaks), 0.5 * mixed[:, None])
    streaks = streaks * (1 + 1.6 * sheen[:, None]) + 0.045 * sheen[:, None]
    parted = material.x - pixelwise(hair.parting) * (1 + 0.25 * (material.y + 1.6))
    gap = bell(parted / torch.hypot(torch.full_like(pixel, 0.016), 0.5 * pixel))
    shown = pixelwise((hair.parting.abs() > 0.05) & (hair.curl < 0.4) & (factors.age > 4)) * smoothstep(
        0.02, 0.2, material.hairline
    )
    streaks = streaks * (1 - 0.45 * gap * shown)[:, None] * (1 - 0.25 * (shown * bell(parted / 0.09)))[:, None]
    material.paint(cover, streaks, 0.12)
    material.right += cover * (0.5 * locks * dy / far - 0.15 * strands)
    material.down -= cover * 0.5 * curl * ringlets
    material.openness *= 1 - 0.22 * cover * (1 - 0.5 * locks).clamp(0, 1)
    material.label(cover > 0.5, "hair")


def _ringlets(factors: FaceFactors, material: Material, wavy: Tensor) -> Tensor:
    """Return the relief (B, H, W) of curls, about -1..1: round locks on a bent grid, with turns inside them."""
    bent = texture(noise(factors, "ringlets", 20, 14), material.x, material.y)
    x, y = material.x + 0.16 * wavy, material.y + 0.14 * bent
    locks = torch.cos(30 * x + 9 * bent) * torch.cos(27 * y + 9 * wavy)
    turns = torch.sin(75 * (x + y) + 12 * wavy) * (0.02 / material.pixel).clamp_max(1)
    return (0.8 * locks + 0.4 * turns) * (0.05 / material.pixel).clamp_max(1)


def _stubble_scalp(material: Material, factors: FaceFactors, shaved: Tensor) -> None:
    """Darken the scalp of a shaved head where hair would grow."""
    grown = smoothstep(-1.05, -1.35, material.y + 0.25 * (material.ax - 0.3).square())
    dark = pixelwise(shaved * (0.25 + 0.45 * hair_value(factors, "darkness")) * (1 - hair_value(factors, "recedes")))
    material.tint(0.5 * grown * dark, material.albedo.new_tensor([[0.50, 0.50, 0.52]]))


def _sheen(
    material: Material, factors: FaceFactors, view: View, tx: Tensor, ty: Tensor, locks: Tensor, strands: Tensor
) -> Tensor:
    """Return highlights across strands that run along (tx, ty) in the frontal plane (Kajiya and Kay, 1989)."""
    towards = torch.einsum("bij,bi->bj", view.rotation, light_direction(factors)) + view.rotation[:, 2]
    hx, hy, hz = (pixelwise(part) for part in F.normalize(towards, dim=1).unbind(1))
    tz = tx * material.right + ty * material.down
    cosine = (tx * hx + ty * hy + tz * hz) * torch.rsqrt(1 + tz.square()) + 0.10 * locks
    sine = (1 - cosine.square()).clamp_min(0)
    return sine**9 * (0.55 + 0.45 * strands) * pixelwise(0.35 + 0.65 * factors.light[:, 2])
