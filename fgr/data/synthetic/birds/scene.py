"""What surrounds generated birds: background, twigs, leaves, clutter in the colours of plumage, and light."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.data.synthetic.birds.attributes import COLORS
from fgr.data.synthetic.birds.nuisance import Nuisance
from fgr.data.synthetic.birds.skeleton import Skeleton
from fgr.data.synthetic.canvas import Canvas, ColorFunction
from fgr.data.synthetic.hashing import integers, uniform
from fgr.data.synthetic.shapes import Ellipse, Stroke, curve

_CELLS = 6  # of the blurred background along a side
_SCENERY = ((0.36, 0.48, 0.26), (0.25, 0.38, 0.22), (0.60, 0.68, 0.48), (0.62, 0.72, 0.82), (0.58, 0.50, 0.38))
_LEAVES = ((0.22, 0.44, 0.16), (0.34, 0.56, 0.20), (0.52, 0.62, 0.22), (0.16, 0.34, 0.20), (0.66, 0.46, 0.16))
_BARK = ((0.36, 0.27, 0.20), (0.45, 0.38, 0.32), (0.28, 0.22, 0.18))
BLOBS, TWIGS, LEAVES, FRONT_LEAVES, DAPPLES = 10, 4, 8, 6, 3  # at most, in an image of difficulty 1


class Scene:
    """Random numbers of B scenes, by name.

    Args:
        seed: of the set.
        index: (B,) int64.
        difficulty: share of the clutter that is there.
    """

    def __init__(self, seed: int, index: Tensor, difficulty: float) -> None:
        self.seed, self.index, self.difficulty = seed, index, difficulty

    def draw(self, name: str, count: int) -> Tensor:
        """Return uniform numbers (B, count)."""
        return uniform(self.seed, self.index, f"scene {name}", count)

    def pick(self, name: str, colors: tuple[tuple[float, ...], ...], count: int) -> Tensor:
        """Return colours chosen from a list: (B, count, 3)."""
        chosen = integers(self.seed, self.index, f"scene {name} color", len(colors), count)
        return torch.tensor(colors, device=self.index.device)[chosen]

    def seen(self, name: str, count: int, share: float = 1.0) -> Tensor:
        """Return 1 for what is there, at the probability `share` times difficulty: (B, count)."""
        return (self.draw(f"{name} seen", count) < share * self.difficulty).float()

    def background(self) -> ColorFunction:
        """Return blurred greens, sky and earth; the harder, the more they differ from place to place."""
        cells = self.pick("ground", _SCENERY, _CELLS * _CELLS)  # (B, cells, 3)
        calm = self.pick("ground calm", _SCENERY, 1)
        mixed = calm.lerp(cells, 0.15 + 0.75 * self.difficulty)
        grid = mixed.transpose(1, 2).unflatten(2, (_CELLS, _CELLS))  # (B, 3, cells, cells)
        return lambda x, y, rows: F.interpolate(grid[rows], (y.shape[1], x.shape[2]), mode="bicubic")


def _leaf(place: Tensor, length: Tensor, angle: Tensor, width: float = 0.28) -> Stroke:
    """Return leaves around points (B, 2), of a length (B,) and a direction (B,)."""
    along = torch.stack([angle.cos(), angle.sin()], 1) * length[:, None] / 2  # (B, 2)
    across = torch.stack([-along[:, 1], along[:, 0]], 1) * 0.3
    radii = torch.stack([0.02 * length, width * length, 0 * length], 1)
    return curve(place - along, place + across, place + along, radii, segments=4)


def paint_behind(canvas: Canvas, scene: Scene, bones: Skeleton) -> None:
    """Paint clutter in the colours of plumage, twigs, leaves and the branch the bird sits on."""
    plumage = scene.pick("blobs", tuple(COLORS.values()), 2 * BLOBS)
    blobs, seen = scene.draw("blobs", 6 * BLOBS).unflatten(1, (BLOBS, 6)), scene.seen("blobs", BLOBS)
    for k in range(BLOBS):
        x, y, size, slim, angle, kind = blobs[:, k].unbind(1)
        radius = 0.03 + 0.11 * size * size
        radii = torch.stack([radius, radius * (0.35 + 0.65 * slim)], 1)
        blob = Ellipse(torch.stack([x, y], 1), radii, math.pi * angle)
        canvas.paint(blob, plumage[:, k], seen[:, k])
        bar = Ellipse(torch.stack([x, y], 1), radii * radii.new_tensor([0.2, 0.9]), math.pi * angle)
        canvas.paint(bar, plumage[:, BLOBS + k], seen[:, k] * (kind < 0.6), clip=blob)
    bark = scene.pick("twigs", _BARK, TWIGS + 1)
    twigs, seen = scene.draw("twigs", 7 * TWIGS).unflatten(1, (TWIGS, 7)), scene.seen("twigs", TWIGS)
    for k in range(TWIGS):
        side, start, end, bend, *_, thickness = twigs[:, k].unbind(1)
        _twig(canvas, start, end, bend, 0.006 + 0.014 * thickness, side < 0.5, bark[:, k], seen[:, k])
    _leaves(canvas, scene, "leaves", LEAVES, 1.0, None)
    _perch(canvas, scene, bones, bark[:, TWIGS])


def _twig(
    canvas: Canvas, start: Tensor, end: Tensor, bend: Tensor, radius: Tensor, level: Tensor, color: Tensor, seen: Tensor
) -> None:
    """Paint a twig from side to side, or from top to bottom."""
    far = torch.full_like(start, 1.05)
    ends = torch.stack([-0.05 + 0 * far, start], 1), torch.stack([0.5 * far, bend], 1), torch.stack([far, end], 1)
    ends = [torch.where(level[:, None], point, point.flip(1)) for point in ends]
    canvas.paint(curve(*ends, torch.stack([1.2 * radius, radius, 0.7 * radius], 1), segments=4), color, seen)


def _perch(canvas: Canvas, scene: Scene, bones: Skeleton, color: Tensor) -> None:
    """Paint the branch under the feet, with a lit upper edge."""
    feet = bones.frame.point(0.03, bones.thick + bones.leg + 0.035)
    slope, bend, thickness = (2 * scene.draw("perch", 3) - 1).unbind(1)
    reach = torch.full_like(slope, 1.3)
    radius = (0.05 + 0.015 * scene.difficulty * thickness) * bones.frame.scale
    along = torch.stack([reach, 0.35 * scene.difficulty * slope], 1)
    sag = torch.stack([torch.zeros_like(bend), 0.06 * scene.difficulty * bend], 1)
    radii = torch.stack([1.15 * radius, radius, 0.85 * radius], 1)
    canvas.paint(curve(feet - along + sag, feet - sag, feet + along + sag, radii, segments=4), color)
    raised = feet - torch.stack([torch.zeros_like(radius), 0.45 * radius], 1)
    canvas.paint(
        curve(raised - along + sag, raised - sag, raised + along + sag, 0.3 * radii, segments=4), color * 1.35, 0.6
    )


def _leaves(canvas: Canvas, scene: Scene, name: str, count: int, share: float, label: int | None) -> None:
    """Paint leaves with a rib."""
    color, seen = scene.pick(name, _LEAVES, count), scene.seen(name, count, share)
    leaves = scene.draw(name, 5 * count).unflatten(1, (count, 5))
    for k in range(count):
        x, y, length, angle, shade = leaves[:, k].unbind(1)
        place, length, angle = torch.stack([x, y], 1), 0.12 + 0.14 * length, 2 * math.pi * angle
        leaf, tone = _leaf(place, length, angle), color[:, k] * (0.75 + 0.5 * shade[:, None])
        canvas.paint(leaf, tone, seen[:, k], label=label)
        canvas.paint(_leaf(place, 0.9 * length, angle, 0.025), tone * 1.35, 0.7 * seen[:, k])


def paint_before(canvas: Canvas, scene: Scene) -> None:
    """Paint leaves that hide parts of the bird."""
    _leaves(canvas, scene, "front leaves", FRONT_LEAVES, 0.75, 0)


def light(canvas: Canvas, scene: Scene, pose: Nuisance) -> None:
    """Lay dappled sun and shade over the image, then exposure, colour of the light, its direction, and haze."""
    dapples, seen = scene.draw("dapples", 4 * DAPPLES).unflatten(1, (DAPPLES, 4)), scene.seen("dapples", DAPPLES)
    for k in range(DAPPLES):
        x, y, size, bright = dapples[:, k].unbind(1)
        radius = 0.06 + 0.14 * size
        spot = Ellipse(torch.stack([x, y], 1), torch.stack([radius, 0.7 * radius], 1), 0 * radius)
        tone = (bright > 0.5).float()[:, None] * canvas.pixels.new_tensor([1.0, 0.95, 0.8])
        canvas.paint(spot, tone, 0.3 * scene.difficulty * seen[:, k], softness=0.08)
    height, width = canvas.height, canvas.width
    x, y = (torch.arange(n, device=canvas.device) / n + 0.5 / n - 0.5 for n in (width, height))
    toward = pose.light.cos()[:, None, None] * x + pose.light.sin()[:, None, None] * y[:, None]  # (B, H, W)
    gain = pose.exposure[:, None, None] * (1 + 0.35 * toward)
    warm = 1 + 0.18 * pose.warmth[:, None] * gain.new_tensor([1.0, 0.1, -1.0])  # (B, 3)
    canvas.pixels.mul_(gain[:, None]).mul_(warm[:, :, None, None])
    canvas.pixels.div_(1 + 0.12 * (canvas.pixels - 1).clamp_min(0))  # bright colours saturate softly
    canvas.pixels.lerp_(canvas.pixels.new_tensor(0.62), pose.haze[:, None, None, None])
