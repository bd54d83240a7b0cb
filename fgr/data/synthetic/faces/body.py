"""What is behind and below the face: backdrop, hair that hangs down, the back of the head, neck and clothes, ears."""

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.data.synthetic.canvas import Canvas
from fgr.data.synthetic.faces.factors import SHAPE, FaceFactors
from fgr.data.synthetic.faces.hair import strand_noise
from fgr.data.synthetic.faces.hairstyle import Hairstyle
from fgr.data.synthetic.faces.interpolate import bell, inside, pixelwise, smoothstep
from fgr.data.synthetic.faces.landmarks import maturity, puberty, sagging, traits
from fgr.data.synthetic.faces.material import light_color, light_direction, linear
from fgr.data.synthetic.faces.regions import region
from fgr.data.synthetic.faces.skin import hair_color, skin_color
from fgr.data.synthetic.faces.view import PIVOT, View, grid, project
from fgr.data.synthetic.hashing import uniform
from fgr.data.synthetic.shapes import Ellipse


def illuminate(factors: FaceFactors, normal: tuple[Tensor | float, ...]) -> Tensor:
    """Return the light on surfaces that face `normal`, in the camera's axes: numbers or tensors (B, H, W).

    Returns:
        (B, 3, H, W), or broadcastable to it.
    """
    nx, ny, nz = normal
    dx, dy, dz = (pixelwise(part) for part in light_direction(factors).unbind(1))
    key = pixelwise(factors.light[:, 2])
    lit = ((nx * dx + ny * dy + nz * dz + 0.2) / 1.2).clamp_min(0)
    level = 1.5 * key * lit + 1.25 * (1 - key) * (0.62 - 0.38 * ny)
    return level[:, None] * light_color(factors)[..., None, None]


def backdrop(factors: FaceFactors, size: int) -> Tensor:
    """Return blurred rooms and walls (B, 3, H, W), linear."""
    line = (torch.arange(size, device=factors.age.device) + 0.5) / size - 0.5
    one, two = linear(factors.backdrop[:, :3]), linear(factors.backdrop[:, 3:6])
    turn = factors.backdrop[:, 6]
    ramp = pixelwise(turn.cos()) * line + pixelwise(turn.sin()) * line[:, None]  # (B, H, W)
    ramp = smoothstep(-0.55, 0.55, ramp)[:, None]
    wall = one[..., None, None] + ramp * (two - one)[..., None, None]
    cells = 2 * uniform(0, factors.identity, "backdrop", 4 * 36).unflatten(1, (4, 6, 6)) - 1
    cells = cells[:, :1] + 0.22 * cells[:, 1:]  # (B, 3, 6, 6): mostly brightness, a little colour
    patches = F.interpolate(cells, (size, size), mode="bicubic", align_corners=False)
    return (wall * (1 + 0.75 * pixelwise(factors.backdrop[:, 7])[:, None] * patches)).clamp_min(0)


def _over(canvas: Canvas, alpha: Tensor, color: Tensor, label: str) -> None:
    canvas.pixels += alpha[:, None] * (color - canvas.pixels)
    canvas.labels.masked_fill_(alpha > 0.5, region(label))


def paint_behind(canvas: Canvas, factors: FaceFactors, hair: Hairstyle, view: View) -> None:
    """Paint hanging hair, the back of the head, neck and clothes."""
    u, v = grid(view, canvas.height)
    pixel = 1 / (canvas.height * pixelwise(view.scale))
    _hanging_hair(canvas, factors, hair, view, u, v, pixel)
    _skull(canvas, factors, hair, view, u, v, pixel)
    _neck(canvas, factors, view, u, v, pixel)


def _place(view: View, point: tuple[float, float, float]) -> tuple[Tensor, Tensor]:
    """Return where a point of the head is, in the units of `grid`: (B, 1, 1) each."""
    moved = torch.tensor(point, device=view.scale.device) - view.scale.new_tensor(PIVOT)
    x, y, _ = (view.rotation @ moved).unbind(1)
    return pixelwise(x), pixelwise(y)


def _hanging_hair(
    canvas: Canvas, factors: FaceFactors, hair: Hairstyle, view: View, u: Tensor, v: Tensor, pixel: Tensor
) -> None:
    if not (hair.hang > 0).any():
        return
    cx, cy = _place(view, (0.0, -0.30, -0.75))
    x, y = u - cx, v - cy
    hang = pixelwise(hair.hang)
    own = uniform(0, factors.identity, "hanging", 2)
    spread = pixelwise(0.02 + 0.14 * own[:, 0])
    width = 1.02 + pixelwise(hair.volume[:, 2]) + spread * (y / 1.5).clamp(0, 1.3)
    width = width * (1 - ((-y).clamp_min(0) / 1.25).square()).clamp_min(0).sqrt()  # round towards the crown
    taper = 1 - 0.35 * smoothstep(0.55 * hang, hang, y)
    locks, strands = strand_noise(factors, x / (1 + 0.12 * y.clamp_min(0)) + 0.05 * torch.sin(3 * y), y, pixel)
    edge = width * taper + 0.03 * locks - x.abs()
    end = hang + 0.07 * locks + 0.04 * strands - y
    alpha = inside(torch.minimum(torch.minimum(edge, end), y + 1.15), pixel.clamp_min(0.03)) * (hang > 0)
    color = hair_color(factors, hair.grey)[..., None, None]
    across = (x / width.clamp_min(0.1)).clamp(-0.98, 0.98)
    light = illuminate(factors, (across, -0.1, torch.sqrt(1 - across.square())))
    depth = 0.42 + 0.5 * smoothstep(0.45, 1.0, across.abs())
    tone = (depth * (1 + 0.40 * locks + 0.42 * strands)).clamp_min(0.1)
    _over(canvas, alpha, color * tone[:, None] * light, "hair")


def _skull(
    canvas: Canvas, factors: FaceFactors, hair: Hairstyle, view: View, u: Tensor, v: Tensor, pixel: Tensor
) -> None:
    """The back of the head, which shows when it is turned."""
    cx, cy = _place(view, (0.0, -0.82, -0.98))
    volume = pixelwise(hair.volume[:, 4:].mean(1))
    x, y = (u - cx) / (0.96 + volume), (v - cy) / (1.04 + volume)
    far = torch.hypot(x, y)
    hairy = pixelwise((factors.hair[:, 0] > 0).float())
    skin = skin_color(factors)
    color = skin + hairy[:, :, 0] * (0.8 * hair_color(factors, hair.grey) - skin)
    nz = (1 - far.square()).clamp_min(0).sqrt()
    light = illuminate(factors, (x, y, nz))
    locks, strands = strand_noise(factors, 1.2 * torch.atan2(x, -y), far, pixel)
    tone = 1 + hairy * (0.3 * locks + 0.35 * strands)
    alpha = inside((1 - far) * (1.0 + volume), pixel)
    _over(canvas, alpha, color[..., None, None] * tone[:, None] * light, "hair")
    bare = (alpha > 0.5) & (hairy < 0.5)
    canvas.labels.masked_fill_(bare, region("skin"))


def _neck(canvas: Canvas, factors: FaceFactors, view: View, u: Tensor, v: Tensor, pixel: Tensor) -> None:
    """Neck, shoulders and clothes stay upright, whatever the head does."""
    own = uniform(0, factors.identity, "clothes", 8)
    grown, manly = maturity(factors.age), (factors.gender.float() - 0.5) * puberty(factors.age)
    top_x, _ = _place(view, (0.0, 0.35, -0.72))
    y = v - 0.35  # as in the head, which turns about a point at -0.35
    x = u - top_x * (1 - smoothstep(0.2, 1.6, y))
    neck = pixelwise(0.57 * (0.62 + 0.38 * grown) + 0.14 * manly + 0.03 * (own[:, 0] - 0.5))
    broad = pixelwise((1.35 + 0.25 * manly + 0.2 * (own[:, 1] - 0.5)) * (0.66 + 0.34 * grown))
    start = 1.22 - 0.22 * (1 - pixelwise(grown))
    rise = smoothstep(start, start + 0.85, y)
    slope = (smoothstep(start, start + 0.85, y + 0.02) - smoothstep(start, start + 0.85, y - 0.02)) / 0.04
    width = neck * (1 + 0.10 * smoothstep(0.95, 0.55, y)) + broad * (rise + 0.35 * (y - start - 0.5).clamp_min(0))
    edge = (width - x.abs()) / torch.sqrt(1 + (broad * slope).square())
    alpha = inside(torch.minimum(edge, y - 0.15), pixel)
    round_ = (x / width).clamp(-0.97, 0.97)
    tilt = 0.35 * smoothstep(start, start + 0.5, y)
    nz = torch.sqrt(1 - round_.square())
    light = illuminate(factors, (round_, -tilt, nz))
    skin = skin_color(factors)[..., None, None] * light
    chin = 1.02 + 0.9 * pixelwise((-factors.pose[:, 1]).clamp(-0.3, 0.4)) + 0.2 * pixelwise(factors.action(27))
    shade = smoothstep(chin + 0.42, chin - 0.05, y + 0.25 * x.square())
    skin = skin * (1 - 0.62 * shade)[:, None]
    cord = bell((x.abs() - 0.40 + 0.28 * (y - 1.0)) / 0.06) * smoothstep(1.0, 1.5, y) * smoothstep(2.0, 1.6, y)
    old = pixelwise(sagging(factors))
    skin = skin * (1 - (0.06 + 0.22 * old) * cord)[:, None]
    width_line = torch.hypot(torch.full_like(pixel, 0.010), 0.5 * pixel)
    for k in range(3):
        level = 1.10 + 0.15 * k + 0.22 * x.square() + 0.10 * pixelwise(own[:, 2 + k])
        ring = bell((y - level) / width_line)
        ring = ring * pixelwise(own[:, 5 + k]) * smoothstep(0.55, 0.2, x.abs() / neck - 0.3)
        skin = skin * (1 - 0.6 * old * ring * (0.010 / width_line))[:, None]
    dressed, cloth = _clothes(own, x, y, light, pixel, start)
    _over(canvas, alpha, skin + dressed[:, None] * (cloth - skin), "neck")
    canvas.labels.masked_fill_((alpha > 0.5) & (dressed > 0.5), region("clothes"))


def _clothes(own: Tensor, x: Tensor, y: Tensor, light: Tensor, pixel: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """Return where a shirt (B, H, W) covers the body, and its colour: a round, deep or high neckline."""
    kind = pixelwise(own[:, 3])
    open_ = torch.where(kind < 0.35, 0.85 - 1.15 * x.abs(), 0.34 - 0.62 * x.square())
    open_ = torch.where(kind > 0.80, 0.02 - 0.1 * x.square(), open_)
    d = y - (start + 0.14 + open_.clamp_min(-0.25))
    hue = 6.28 * own[:, 4]
    wheel = torch.stack([hue.cos(), (hue - 2.09).cos(), (hue + 2.09).cos()], 1)
    color = linear((0.15 + 0.65 * own[:, 5:6]) * (1 + 0.55 * own[:, 6:7] * wheel)).clamp(0.01, 0.85)
    folds = torch.sin(5 * x + 9 * pixelwise(own[:, 7]) + 3 * torch.sin(2.2 * y)) * 0.12
    rib = 0.16 * bell((d - 0.05) / 0.03)
    tone = (1 + folds - rib) * (1 - 0.5 * bell(d / 0.03))
    return inside(d, pixel), color[..., None, None] * light * tone[:, None]


def paint_ears(canvas: Canvas, factors: FaceFactors, hair: Hairstyle, view: View, near: bool) -> None:
    """Paint the ears: the far one of a turned head before the head, the near ones after it.

    Args:
        near: which of the two this call paints.
    """
    size = 0.27 * (1 + 0.06 * traits(factors)[:, SHAPE.index("ears")]) + 0.03 * sagging(factors)
    free = (hair.hang < 0.1) & (hair.volume[:, 3] < 0.11)
    skin = skin_color(factors)
    yaw, roll = factors.pose[:, 0], factors.pose[:, 2]
    for side in (-1.0, 1.0):
        toward = side * yaw  # positive: this ear is turned away from the viewer
        shown = (toward < 0.10) if near else (toward >= 0.10)
        point = view.scale.new_tensor([side * 0.985, -0.24, -0.93]).expand(len(skin), 1, 3)
        centre = project(view, point)[:, 0]  # (B, 2)
        wide = size * (0.42 - 0.55 * toward).clamp(0.18, 0.62)
        radii = torch.stack([wide, size], 1) * view.scale[:, None]
        tilt = roll + 0.16 * side
        nx = side * (0.75 - 0.5 * toward.abs()) + 0 * toward
        light = illuminate(factors, (pixelwise(nx), 0.0, 0.6))[:, :, 0, 0]
        opacity = (free & shown).float()
        color = skin * light * skin.new_tensor([1.0, 0.86, 0.82])
        canvas.paint(Ellipse(centre, radii, tilt), color, opacity, label=region("ears"))
        inner = centre - torch.stack([side * 0.12 * radii[:, 0], 0.06 * radii[:, 1]], 1)
        softness = 0.10 * view.scale
        canvas.paint(Ellipse(inner, radii * 0.62, tilt), color * 0.52, 0.75 * opacity, softness=softness)
        canvas.paint(
            Ellipse(inner, radii * radii.new_tensor([0.22, 0.55]), tilt), color * 1.05, 0.5 * opacity, softness
        )
