"""What the head is made of at every pixel, and how light falls on it. Colours are linear until an image is finished."""

import dataclasses

import torch
from torch import Tensor

from fgr.data.synthetic.faces.factors import FaceFactors
from fgr.data.synthetic.faces.interpolate import bell, pixelwise
from fgr.data.synthetic.faces.regions import region
from fgr.data.synthetic.faces.surface import CENTRE, Surface, look_up
from fgr.data.synthetic.faces.view import Hits, View

GAMMA = 2.2


def linear(color: Tensor) -> Tensor:
    """Return sRGB colours as linear ones (approximately, by a power)."""
    return color.clamp_min(0) ** GAMMA


@dataclasses.dataclass
class Material:
    """The surface of B heads at every pixel; painters change it in place.

    x, y: (B, H, W) frontal position, x measured from the middle of the (leaning) face; ax: |x|, side: its sign.
    pixel: (B, 1, 1) width of a pixel in the head's units.
    hairline: distance to the hairline, positive in the hair.
    albedo: (B, 3, H, W). right, down: slopes of the relief. gloss: strength of highlights. openness: share of the sky
    that a place sees. labels: (B, H, W) uint8 of `REGIONS`.
    """

    x: Tensor
    y: Tensor
    ax: Tensor
    side: Tensor
    pixel: Tensor
    hairline: Tensor
    albedo: Tensor
    right: Tensor
    down: Tensor
    gloss: Tensor
    openness: Tensor
    labels: Tensor

    def paint(self, alpha: Tensor, color: Tensor, gloss: float | None = None) -> None:
        """Lay a colour, (B, 3) or broadcastable to (B, 3, H, W), over the surface, as opaque as alpha (B, H, W)."""
        color = color[..., None, None] if color.ndim == 2 else color
        self.albedo += alpha[:, None] * (color - self.albedo)
        if gloss is not None:
            self.gloss += alpha * (gloss - self.gloss)

    def tint(self, alpha: Tensor, factor: Tensor | float) -> None:
        """Multiply the colour by `factor`, a number, (B, 3) or (B, 3, H, W), as strongly as alpha (B, H, W) says."""
        if isinstance(factor, Tensor) and factor.ndim == 2:
            factor = factor[..., None, None]
        self.albedo *= 1 + alpha[:, None] * (factor - 1)

    def flatten(self, alpha: Tensor, right: Tensor | float, down: Tensor | float) -> None:
        """Replace the slopes of the relief as far as alpha (B, H, W) says."""
        self.right += alpha * (right - self.right)
        self.down += alpha * (down - self.down)

    def label(self, where: Tensor, name: str) -> None:
        """Label the pixels (B, H, W) bool."""
        self.labels.masked_fill_(where, region(name))

    def blob(self, x: Tensor | float, y: Tensor | float, width: Tensor | float, height: Tensor | float) -> Tensor:
        """Return a bell (B, H, W) at a place of the right half and its mirror image; parameters are numbers or (B,)."""
        x, y, width, height = (pixelwise(p) if isinstance(p, Tensor) else p for p in (x, y, width, height))
        return bell((self.ax - x) / width) * bell((self.y - y) / height)


def material_of(hits: Hits, surface: Surface, pixel: Tensor) -> Material:
    """Return bare relief without colour."""
    right, down, openness, hairline = look_up(surface, hits.x, hits.y, slice(2, 6)).unbind(1)
    x = hits.x - pixelwise(surface.lean) * (hits.y - CENTRE)
    side = torch.where(x < 0, -1.0, 1.0)
    batch, height, width = x.shape
    albedo = x.new_zeros(batch, 3, height, width)
    labels = torch.full_like(x, region("skin"), dtype=torch.uint8)
    gloss = torch.full_like(x, 0.2)
    planes = (hairline, albedo, right * side, down, gloss, openness.contiguous(), labels)
    return Material(x, hits.y, x.abs(), side, pixel, *planes)


def light_direction(factors: FaceFactors) -> Tensor:
    """Return the unit vectors (B, 3) from the head to the key light, in the axes of the camera."""
    azimuth, elevation, _ = factors.light.unbind(1)
    across = elevation.cos()
    return torch.stack([azimuth.sin() * across, -elevation.sin(), azimuth.cos() * across], 1)


def light_color(factors: FaceFactors) -> Tensor:
    """Return the colour (B, 3) of all light, exposure included."""
    warm = factors.camera[:, 4:] * factors.camera.new_tensor([0.16, 0.0, -0.20])
    return factors.camera[:, 3:4] * (1 + warm)


def shade(material: Material, surface: Surface, view: View, factors: FaceFactors) -> Tensor:
    """Return the light (B, 3, H, W) that comes from the head: soft skin, a key light with shadows, sky and ground."""
    towards = light_direction(factors)
    key, light = pixelwise(factors.light[:, 2]), light_color(factors)
    in_head = torch.einsum("bij,bi->bj", view.rotation, towards)  # (B, 3)
    up = -view.rotation[:, 1]
    half = torch.nn.functional.normalize(in_head + view.rotation[:, 2], dim=1)
    length = torch.rsqrt(1 + material.right.square() + material.down.square())  # z of the normal

    def facing(direction: Tensor) -> Tensor:
        dx, dy, dz = direction.unbind(1)
        return length * (pixelwise(dz) - pixelwise(dx) * material.right - pixelwise(dy) * material.down)

    lit = facing(in_head)
    shadow = _shadow(material, surface, in_head)
    soft = lit.new_tensor([0.34, 0.20, 0.14])[:, None, None]  # light that creeps around edges inside skin, reddish
    diffuse = ((lit[:, None] + soft) / (1 + soft)).clamp_min(0) * shadow[:, None]
    sky = (0.62 + 0.38 * facing(up)) * material.openness
    shine = facing(half).clamp_min(0)
    shine = (0.5 * shine**14 + 0.7 * shine**60) * material.gloss * shadow * material.openness
    all_light = (1.5 * key)[:, None] * diffuse + (1.25 * (1 - key) * sky)[:, None]
    glow = material.albedo * all_light + (0.5 * key * shine)[:, None]
    return glow * light[..., None, None]


def _shadow(material: Material, surface: Surface, towards: Tensor) -> Tensor:
    """Return 1 where the key light reaches a place, less where the relief towards the light stands higher."""
    dx, dy, dz = (pixelwise(part) for part in towards.unbind(1))
    x = material.x + pixelwise(surface.lean) * (material.y - CENTRE)
    here = look_up(surface, x, material.y)[:, 0]
    hidden = torch.zeros_like(here)
    for reach in (0.10, 0.20, 0.34):
        there = look_up(surface, x + reach * dx, material.y + reach * dy)[:, 0]
        hidden = torch.maximum(hidden, (there - here - reach * dz) / reach)
    return 1 - 0.75 * (2.2 * (hidden - 0.06)).clamp(0, 1)
