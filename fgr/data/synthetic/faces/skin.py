"""Skin: its colour by tone, blush, stubble, freckles and spots; names of its regions."""

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.data.synthetic.faces.factors import FaceFactors
from fgr.data.synthetic.faces.hairstyle import hair_value
from fgr.data.synthetic.faces.interpolate import pixelwise, smoothstep
from fgr.data.synthetic.faces.landmarks import BASE, BRIDGE, BROW, EYE, JAW, UPPER, sagging, senescence
from fgr.data.synthetic.faces.material import Material, linear
from fgr.data.synthetic.hashing import uniform

# sRGB of lit skin from the lightest to the darkest tone
_TONES = ((0.93, 0.78, 0.71), (0.90, 0.72, 0.62), (0.82, 0.63, 0.50), (0.71, 0.51, 0.38), (0.53, 0.36, 0.26))
_TONES = (*_TONES, (0.36, 0.24, 0.18))
EXTENT = (1.5, 2.3)  # of textures, in x and y about the middle


def skin_color(factors: FaceFactors) -> Tensor:
    """Return the linear colour (B, 3) of skin; tones between two whole numbers are mixed."""
    tones = linear(torch.tensor(_TONES, device=factors.tone.device))
    place = factors.tone.float() - 1
    below = place.floor().clamp(0, 4).long()
    mixed = tones[below].lerp(tones[below + 1], (place - below)[:, None])
    own = uniform(0, factors.identity, "skin", 3) - 0.5
    return mixed * (1 + own * own.new_tensor([0.10, 0.16, 0.20]))


def hair_color(factors: FaceFactors, grey: Tensor) -> Tensor:
    """Return the linear colour (B, 3) of hair, a share `grey` (B,) of it grey."""
    dark = hair_value(factors, "darkness")[:, None]
    red = hair_value(factors, "redness")[:, None]
    blond, black = dark.new_tensor([0.80, 0.64, 0.40]), dark.new_tensor([0.085, 0.07, 0.065])
    brown = dark.new_tensor([0.36, 0.235, 0.15])
    color = torch.where(dark < 0.5, blond.lerp(brown, 2 * dark), brown.lerp(black, 2 * dark - 1))
    color = color + red * (1 - dark) * dark.new_tensor([0.18, -0.10, -0.14])
    white = dark.new_tensor([0.74, 0.73, 0.71]) - 0.16 * dark
    return linear(color.lerp(white, grey[:, None]))


def texture(table: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Return smooth noise (B, H, W) from a table (B, n, m) of numbers laid over the frontal plane."""
    place = torch.stack([x / EXTENT[0], (y + 0.35) / EXTENT[1]], -1)
    return F.grid_sample(table[:, None], place, padding_mode="reflection", align_corners=False)[:, 0]


def noise(factors: FaceFactors, name: str, rows: int, columns: int) -> Tensor:
    """Return a table (B, rows, columns) of numbers in [-1, 1) that a face has for life."""
    return 2 * uniform(0, factors.identity, name, rows * columns).unflatten(1, (rows, columns)) - 1


def paint_skin(material: Material, factors: FaceFactors, half: Tensor) -> None:
    """Colour the skin, before eyes, brows, lips, lines and hair."""
    color, old = skin_color(factors), pixelwise(senescence(factors.age))
    material.paint(torch.ones_like(material.x), color)
    pale = (color.mean(1) / 0.4).clamp(0.15, 1)  # how much a blush shows
    rosy = 1 + pale[:, None] * color.new_tensor([0.05, -0.30, -0.26])
    eye = half[:, EYE].mean(1)
    warm = 0.55 * material.blob(0.62, half[:, 20, 1] - 0.06, 0.24, 0.20)
    warm = (
        warm + 0.65 * material.blob(0.0, half[:, 17, 1], 0.16, 0.16) + 0.4 * material.blob(0.0, half[:, 0, 1], 0.3, 0.2)
    )
    blotches = texture(noise(factors, "blotches", 12, 8), material.x, material.y)
    material.tint((warm * (1 + 0.5 * blotches)).clamp(0, 1), rosy)
    material.tint(0.10 * blotches, 1.6)
    own = uniform(0, factors.identity, "spots", 3)
    under = material.blob(eye[:, 0] - 0.05, eye[:, 1] + 0.13, 0.16, 0.055) * (
        0.15 + pixelwise(0.35 * sagging(factors) + 0.25 * own[:, 0])
    )
    material.tint(under, color.new_tensor([[0.72, 0.62, 0.68]]))
    material.tint(0.3 * material.blob(eye[:, 0], eye[:, 1] - 0.08, 0.2, 0.08), color.new_tensor([[0.86, 0.74, 0.72]]))
    _spots(material, factors, own, old)
    _stubble(material, factors, half)
    pores = texture(noise(factors, "pores", 120, 80), material.x, material.y)
    pores = pores / (1 + 0.5 * material.right.square())  # stretched where the relief is steep
    material.tint(pores * (0.02 + 0.10 * old) * (0.02 / material.pixel).clamp_max(1), 2.0)
    material.gloss *= 0.6 + 0.6 * material.blob(0.0, -0.4, 0.35, 1.0)
    label_skin(material, half)


def _spots(material: Material, factors: FaceFactors, own: Tensor, old: Tensor) -> None:
    """Freckles for some light skins, and brown spots with the years."""
    fine = texture(noise(factors, "freckles", 150, 98), material.x, material.y)
    light = (3.2 - factors.tone.float()).clamp(0, 1) * (hair_value(factors, "redness") > 0.45)
    fade = (0.03 / material.pixel).clamp_max(1)
    freckled = smoothstep(0.55, 0.95, fine) * pixelwise(light * own[:, 1]) * material.blob(0.35, -0.2, 0.45, 0.30)
    brown = material.albedo.new_tensor([[0.66, 0.48, 0.38]])
    material.tint(freckled * fade, brown)
    coarse = texture(noise(factors, "age spots", 52, 34), material.x, material.y)
    aged = smoothstep(0.68, 0.92, coarse) * old * pixelwise(0.3 + 0.7 * own[:, 2])
    material.tint(0.55 * aged * fade, brown)


def _stubble(material: Material, factors: FaceFactors, half: Tensor) -> None:
    """Shadow of shaven cheeks, or a beard, on grown men."""
    grown = smoothstep(15.0, 22.0, factors.age) * (factors.gender == 1)
    beard = hair_value(factors, "beard")
    lip, corner = pixelwise(half[:, UPPER.start, 1]), pixelwise(half[:, 30, 0])
    chin, jaw = pixelwise(half[:, 0, 1]), half[:, JAW]
    nose = pixelwise(half[:, 18, 1])
    upper = nose + 0.05 + 0.95 * smoothstep(0.45, 1.0, material.ax / pixelwise(jaw[:, 5, 0])) * (lip - nose - 0.35)
    edge = material.y - torch.where(material.ax < corner, nose + 0.06, upper + 0.10)
    grain = texture(noise(factors, "beard", 110, 90), material.x, material.y) * (0.03 / material.pixel).clamp_max(1)
    soft = smoothstep(-0.05, 0.12, edge + 0.06 * grain)
    under_lip = 1 - 0.8 * material.blob(0.14, half[:, 33, 1] + 0.05, 0.06, 0.05)
    cover = soft * under_lip * pixelwise(grown)
    dark = 0.16 + 0.30 * hair_value(factors, "darkness")
    material.tint(cover * pixelwise(dark) * 0.55, material.albedo.new_tensor([[0.45, 0.50, 0.55]]))
    full = smoothstep(0.35, 0.7, beard)
    grey = ((factors.age - hair_value(factors, "grey at") + 3) / 5).sigmoid()
    shown = (cover * pixelwise(full) * (0.80 + 0.20 * grain)).clamp(0, 0.95)
    tuft = hair_color(factors, grey)[..., None, None] * (1 + 0.45 * grain[:, None])
    material.paint(shown * (1 - 0.4 * smoothstep(chin - 0.05, chin + 0.1, material.y)), tuft, 0.1)


def label_skin(material: Material, half: Tensor) -> None:
    """Name regions of the skin by the landmarks around them."""
    x, y = material.ax, material.y
    brow = pixelwise(half[:, BROW, 1].amin(1))
    corner, low = half[:, 30], pixelwise(half[:, 33, 1])
    root, base = pixelwise(half[:, BRIDGE.start, 1]), pixelwise(half[:, BASE.start, 1])
    wing = pixelwise(half[:, 20, 0])
    eye_low = pixelwise(half[:, EYE, 1].amax(1))
    mouth_top, mouth_low = pixelwise(half[:, 27, 1]) - 0.10, low + 0.07
    material.label((y > eye_low + 0.08) & (y < pixelwise(half[:, 2, 1])), "cheeks")
    material.label(y < brow, "forehead")
    along = ((y - root) / (base - root)).clamp(0, 1)
    material.label((x < 0.09 + (wing + 0.03 - 0.09) * along**1.5) & (y > root) & (y < base + 0.03), "nose")
    material.label((y > mouth_top) & (y < mouth_low) & (x < pixelwise(corner[:, 0]) + 0.10), "mouth")
    material.label((y >= mouth_low) & (x < 0.62), "chin")
