"""Lines of the skin: wrinkles of age, too fine for few pixels, and the furrows and folds of action units."""

import math

import torch
from torch import Tensor

from fgr.data.synthetic.faces.eyes import lid_curves
from fgr.data.synthetic.faces.factors import FaceFactors
from fgr.data.synthetic.faces.interpolate import bell, evaluate, pixelwise, polynomial, smoothstep
from fgr.data.synthetic.faces.landmarks import sagging, senescence
from fgr.data.synthetic.faces.material import Material
from fgr.data.synthetic.faces.skin import noise, texture
from fgr.data.synthetic.hashing import uniform

FINE, FURROW, FOLD = 0.013, 0.014, 0.028  # widths in units of half the face's width


class Lines:
    """Grooves of B faces, added up before they are laid into the skin.

    Args:
        material: where to.
        factors: whose identity, age and action units set how deep each groove is.
    """

    def __init__(self, material: Material, factors: FaceFactors) -> None:
        self.material, self.factors = material, factors
        self.dark = torch.zeros_like(material.x)
        self.right, self.down = torch.zeros_like(material.x), torch.zeros_like(material.x)
        self.width = torch.hypot(torch.full_like(material.pixel, FINE), 0.5 * material.pixel)  # of fine lines, as seen
        self.shown = smoothstep(0.06, 0.16, (FINE / self.width) ** 2)  # 0: far too fine for these pixels
        self.own = uniform(0, factors.identity, "lines", 48)  # (B, 48)
        self.old = senescence(factors.age) ** 0.85 * (0.87 + 0.26 * self.own[:, 0])  # some age early, some late
        self.sunk = sagging(factors)
        self.waves = texture(noise(factors, "waves", 30, 20), material.x, material.y)

    def fine(self, k: int) -> Tensor:
        """Return how deep (B,) the k-th wrinkle of age is."""
        return (self.old * (0.45 + 1.1 * self.own[:, 1 + k % 47])).clamp(0, 1.3)

    def wrinkle(self, distance: Tensor, depth: Tensor, normal: tuple[Tensor | float, Tensor | float]) -> None:
        """Add a fine wrinkle: a dark groove between light ridges, which cancel where pixels are wider.

        Args:
            distance: (B, H, W) to its middle.
            depth: (B, H, W).
            normal: to the right and down, in which the distance grows.
        """
        if not self.shown.any():
            return
        t = distance / self.width
        groove = depth * bell(t)
        self.dark += (1 - t * t) * groove * (1.15 * self.shown * (FINE / self.width) ** 3)
        self._slope(t * groove * (2.8 * self.shown * (FINE / self.width) ** 2), normal)

    def furrow(
        self, distance: Tensor, depth: Tensor, normal: tuple[Tensor | float, Tensor | float], sigma: float = FURROW
    ) -> None:
        """Add a furrow or fold, wide enough to darken also what few pixels show; arguments as in `wrinkle`."""
        width = torch.hypot(torch.full_like(self.material.pixel, sigma), 0.5 * self.material.pixel)
        t, share = distance / width, sigma / width
        groove = depth * bell(t)
        self.dark += groove * (0.62 * share)
        self._slope(t * groove * (1.3 * share**2), normal)

    def _slope(self, amount: Tensor, normal: tuple[Tensor | float, Tensor | float]) -> None:
        right, down = normal
        if not (isinstance(right, float) and right == 0):
            self.right += self.material.side * right * amount
        if not (isinstance(down, float) and down == 0):
            self.down += down * amount

    def engrave(self) -> None:
        """Lay all grooves into the skin."""
        bare = smoothstep(0.05, -0.03, self.material.hairline)  # none under hair
        deep = self.dark.clamp(-0.6, 0.95) * bare
        self.material.tint(deep, self.material.albedo.new_tensor([[0.36, 0.25, 0.22]]))
        self.material.right += self.right * bare
        self.material.down += self.down * bare


def paint_lines(material: Material, factors: FaceFactors, half: Tensor) -> None:
    """Engrave all lines of the faces."""
    lines = Lines(material, factors)
    _forehead(lines, half)
    _between_brows(lines, half)
    _around_eyes(lines, half)
    _folds(lines, half)
    _around_mouth(lines, half)
    _crepe(lines)
    lines.engrave()


def _forehead(lines: Lines, half: Tensor) -> None:
    m, au = lines.material, lines.factors.action
    brow = half[:, 9:14]
    arch = evaluate(polynomial(brow[:, [0, 2, 4], 0], brow[:, [0, 2, 4], 1]), m.ax.clamp_max(0.8))
    raised = pixelwise(au(1)) * bell(m.ax / 0.30) + pixelwise(au(2)) * bell((m.ax - 0.55) / 0.22)
    for k in range(5):
        level = 0.5 * arch + 0.5 * pixelwise(brow[:, 1, 1]) - 0.13 - 0.105 * k
        level = level - pixelwise(0.04 * (lines.own[:, 20 + k] - 0.5)) + 0.035 * lines.waves
        d = m.y - level
        extent = smoothstep(0.72 - 0.06 * k, 0.40, m.ax + 0.10 * lines.waves)
        lines.wrinkle(d, pixelwise(lines.fine(k)) * extent, (0.0, 1.0))
        if k < 4:
            lines.furrow(d, 0.85 * raised * extent * (1 - 0.15 * k), (0.0, 1.0))


def _between_brows(lines: Lines, half: Tensor) -> None:
    m, au = lines.material, lines.factors.action
    brow_y, root_y = pixelwise(half[:, 9, 1]), pixelwise(half[:, 14, 1])
    frown = pixelwise(torch.maximum(au(4), 0.55 * au(9)))
    extent = smoothstep(brow_y - 0.17, brow_y - 0.05, m.y) * smoothstep(root_y + 0.10, root_y - 0.06, m.y)
    d = m.ax - 0.078 - 0.10 * (brow_y - m.y) - 0.02 * lines.waves
    lines.furrow(d, 1.15 * frown * extent, (1.0, 0.0), 0.017)
    lines.wrinkle(d + 0.014, pixelwise(lines.fine(5)) * extent, (1.0, 0.0))
    lines.wrinkle(d - 0.05, 0.6 * pixelwise(lines.fine(6)) * extent, (1.0, 0.0))
    root = m.y - root_y - 0.05 - 0.5 * m.ax.square()
    lines.wrinkle(root, pixelwise(lines.fine(7)) * smoothstep(0.16, 0.06, m.ax), (0.0, 1.0))
    nose = pixelwise(au(9))
    for k in range(3):  # across the bridge, and slanting down its sides
        d = m.y - root_y - 0.06 - 0.075 * k + (0.35 + 0.1 * k) * m.ax
        lines.furrow(d, 0.95 * nose * smoothstep(0.24, 0.10, m.ax) * (1 - 0.2 * k), (0.0, 1.0), 0.013)
    lines.dark += 0.22 * frown * m.blob(0.0, half[:, 9, 1], 0.09, 0.10)


def _around_eyes(lines: Lines, half: Tensor) -> None:
    m, au = lines.material, lines.factors.action
    outer = half[:, 24]
    dx, dy = m.ax - pixelwise(outer[:, 0]) + 0.02, m.y - pixelwise(outer[:, 1])
    far, angle = torch.hypot(dx, dy), torch.atan2(dy, dx)
    squeeze = pixelwise((au(6) + 0.35 * au(7) + 0.2 * lines.factors.aus[:, -1]).clamp_max(1.1))
    extent = smoothstep(0.05, 0.10, far) * smoothstep(0.33, 0.16, far + 0.05 * lines.waves)
    for k, turn in enumerate((-0.62, -0.30, 0.02, 0.34, 0.66)):
        d = far * torch.sin(angle - turn - 0.9 * (far - 0.1) * (1 if turn > 0 else -1) - 0.25 * lines.waves)
        ahead = extent * (angle.abs() < 1.4)
        normal = (-math.sin(turn), math.cos(turn))
        lines.wrinkle(d, pixelwise(lines.fine(8 + k)) * ahead, normal)
        lines.furrow(d, 0.80 * squeeze * ahead * (1.0 if k % 2 else 0.75), normal, 0.011)
    inner_x, outer_x = pixelwise(half[:, 21, 0]), pixelwise(outer[:, 0])
    lower = evaluate(lid_curves(half)[1], torch.minimum(torch.maximum(m.ax, inner_x), outer_x))
    along = ((m.ax - inner_x) / (outer_x - inner_x)).clamp(-0.2, 1.2)
    ends = smoothstep(-0.2, 0.15, along) * smoothstep(1.2, 0.9, along)
    pouch = pixelwise(torch.maximum(au(6), 0.8 * au(7)))
    for k, drop in enumerate((0.060, 0.098, 0.140)):
        d = m.y - lower - drop * (0.7 + 0.5 * (4 * along * (1 - along)).clamp_min(0)) - 0.012 * lines.waves
        lines.wrinkle(d, pixelwise(lines.fine(13 + k)) * ends, (0.0, 1.0))
        if k < 2:
            lines.furrow(d, (0.55 - 0.2 * k) * pouch * ends, (0.0, 1.0))
        else:
            lines.furrow(d + 0.01, 0.28 * pixelwise(lines.sunk.clamp_max(1)) * ends, (0.0, 1.0), FOLD)


def _folds(lines: Lines, half: Tensor) -> None:
    """The fold from the nose to beside the mouth, and the one from the mouth down."""
    m, au = lines.material, lines.factors.action
    wing, corner = half[:, 20], half[:, 30]
    ys = torch.stack([wing[:, 1] - 0.06, 0.5 * (wing[:, 1] + corner[:, 1]), corner[:, 1] + 0.05], 1)
    bow = 0.05 * au(12) + 0.04 * au(10)
    xs = torch.stack([wing[:, 0] + 0.05, 0.55 * wing[:, 0] + 0.45 * corner[:, 0] + 0.13 + bow, corner[:, 0] + 0.13], 1)
    curve = polynomial(ys, xs)
    y = torch.minimum(torch.maximum(m.y, pixelwise(ys[:, 0])), pixelwise(ys[:, 2]))
    d = m.ax - evaluate(curve, y) - 0.012 * lines.waves
    extent = smoothstep(-0.01, 0.07, m.y - pixelwise(ys[:, 0])) * smoothstep(0.05, -0.09, m.y - pixelwise(ys[:, 2]))
    acted = 0.85 * au(12) + 0.90 * au(10) + 0.75 * au(9) + 0.25 * au(6) + 0.35 * au(14) + 0.25 * au(20)
    depth = (0.10 * (lines.factors.age / 20).clamp(0.2, 1) + 0.40 * lines.sunk + acted).clamp(0, 1.05)
    lines.furrow(d, pixelwise(depth) * extent, (0.9, -0.4), FOLD)
    lines.right += -m.side * 0.30 * pixelwise(depth) * extent * bell((d - 0.09) / 0.05)  # the cheek bulges beside it
    lines.wrinkle(d - 0.05, pixelwise(lines.fine(16)) * extent, (0.9, -0.4))
    lines.wrinkle(d - 0.10, 0.8 * pixelwise(lines.fine(17)) * extent, (0.9, -0.4))
    below = m.y - pixelwise(corner[:, 1])
    x = m.ax - pixelwise(corner[:, 0]) - 0.02 - 0.12 * below + 0.015 * lines.waves
    reach = smoothstep(0.0, 0.06, below) * smoothstep(0.36, 0.18, below)
    sad = pixelwise((0.35 * lines.sunk + 0.75 * au(15) + 0.3 * au(17)).clamp_max(1))
    lines.furrow(x, 0.8 * sad * reach, (1.0, 0.0), 0.018)
    lines.wrinkle(x - 0.045, pixelwise(lines.fine(18)) * reach, (1.0, 0.0))
    beside = m.ax - pixelwise(corner[:, 0]) - 0.07
    dimple = pixelwise((1.2 * au(14)).clamp_max(1)) * bell((below + 0.0) / 0.075)
    lines.furrow(beside - 1.2 * below.square(), 0.9 * dimple, (1.0, 0.0), 0.015)
    stretch = pixelwise(au(20))
    for k in (1, 2):
        bowed = beside - 0.03 - 0.07 * k + 1.5 * (below - 0.05).square()
        lines.furrow(bowed, 0.55 * stretch * bell((below - 0.05) / 0.12), (1.0, 0.0), 0.013)


def _around_mouth(lines: Lines, half: Tensor) -> None:
    m, au = lines.material, lines.factors.action
    top, low, base = (pixelwise(half[:, row, 1]) for row in (27, 33, 18))
    fan = m.ax * (1 + 0.5 * (m.y - top)) / 0.052
    d = (fan - fan.round()) * 0.052 + 0.010 * lines.waves
    deep = pixelwise((lines.old - 0.25).clamp_min(0) * (0.6 + 0.8 * lines.own[:, 40]))
    above = smoothstep(base + 0.05, base + 0.12, m.y) * smoothstep(top + 0.04, top, m.y) * smoothstep(0.36, 0.22, m.ax)
    beneath = smoothstep(low, low + 0.02, m.y) * smoothstep(low + 0.12, low + 0.05, m.y) * smoothstep(0.3, 0.15, m.ax)
    lines.wrinkle(d, 1.1 * deep * (above + 0.6 * beneath), (1.0, 0.0))
    purse = pixelwise(torch.maximum(0.8 * au(23), 0.6 * au(24)))
    lines.furrow(d, 0.40 * purse * (above + beneath), (1.0, 0.0), 0.010)
    chin = pixelwise(half[:, 0, 1])
    groove = m.y - low - 0.10 + 0.35 * m.ax.square()
    raised = pixelwise(au(17))
    lines.furrow(groove, (0.16 + 0.75 * raised) * smoothstep(0.34, 0.12, m.ax), (0.0, 1.0), FOLD)
    puckered = (
        texture(noise(lines.factors, "chin", 56, 36), m.x, m.y) * bell((m.y - chin + 0.24) / 0.11) * bell(m.ax / 0.2)
    )
    lines.dark += 0.40 * raised * puckered * (0.05 / m.pixel).clamp_max(1)
    lines.down += 0.9 * raised * puckered * (0.05 / m.pixel).clamp_max(1)


def _crepe(lines: Lines) -> None:
    """A net of very fine lines over cheeks and temples of the old."""
    m = lines.material
    visible = smoothstep(0.03, 0.2, (0.011 / m.pixel) ** 2)
    if not visible.any():
        return
    slant = texture(noise(lines.factors, "crepe", 190, 60), m.x + 0.5 * m.side * m.y, m.y - 0.4 * m.ax)
    strength = pixelwise(lines.old.square()) * visible * (0.35 + 0.65 * bell((m.ax - 0.7) / 0.25))
    lines.dark += 0.32 * strength * slant
    lines.down += 1.1 * strength * slant
