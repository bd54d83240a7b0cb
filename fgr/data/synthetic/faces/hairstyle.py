"""How hair lies: where it begins on the head, how far it stands off, how long it hangs, by style, age and identity."""

from typing import NamedTuple

import torch
from torch import Tensor

from fgr.data.synthetic.faces.factors import HAIR, HAIR_STYLES, FaceFactors
from fgr.data.synthetic.faces.interpolate import smoothstep
from fgr.data.synthetic.hashing import uniform

# Angles from straight down around the head's centre at which volume and hairline are given: jaw, ear, temple, top.
ANGLES = (0.45, 0.90, 1.25, 1.57, 1.90, 2.25, 2.65, 3.15)
# volume: how far hair stands off the skin, in units of half the face's width.
# line: hair begins at this share of the way from the centre to the outline; above 1: no hair there.
# curl: 0 strands to 1 locks in rings. hang: how far below the ears hair hangs behind the face.
_STYLES: dict[str, tuple[tuple[float, ...], tuple[float, ...], float, float]] = {
    "shaved": ((0,) * 8, (2,) * 8, 0.0, 0.0),
    "cropped": ((0, 0, 0, 0.02, 0.03, 0.05, 0.07, 0.08), (2, 2, 1.25, 0.97, 0.90, 0.79, 0.70, 0.64), 0.45, 0.0),
    "side parting": ((0, 0, 0, 0.03, 0.07, 0.12, 0.15, 0.15), (2, 2, 1.2, 0.955, 0.88, 0.77, 0.66, 0.60), 0.0, 0.0),
    "fringe": ((0, 0, 0, 0.05, 0.10, 0.14, 0.15, 0.15), (2, 2, 1.15, 0.93, 0.83, 0.65, 0.46, 0.40), 0.0, 0.0),
    "curly": ((0, 0, 0.06, 0.14, 0.20, 0.25, 0.27, 0.28), (2, 2, 1.1, 0.94, 0.87, 0.76, 0.66, 0.61), 1.0, 0.0),
    "bob": (
        (0.0, 0.16, 0.22, 0.18, 0.15, 0.15, 0.15, 0.15),
        (1.1, 0.95, 0.90, 0.87, 0.82, 0.72, 0.63, 0.58),
        0.0,
        0.95,
    ),
    "long": (
        (0.06, 0.16, 0.18, 0.15, 0.13, 0.13, 0.14, 0.14),
        (1.1, 0.97, 0.92, 0.885, 0.84, 0.74, 0.65, 0.60),
        0.2,
        2.4,
    ),
    "tied back": ((0, 0, 0, 0.02, 0.04, 0.06, 0.07, 0.08), (2, 2, 1.2, 0.96, 0.885, 0.78, 0.68, 0.62), 0.0, 0.0),
}
_VOLUME, _LINE, _CURL, _HANG = (torch.tensor([_STYLES[name][k] for name in HAIR_STYLES]) for k in range(4))


class Hairstyle(NamedTuple):
    """volume, line: (B, 8) at `ANGLES`. curl, hang, grey, parting: (B,); grey is a share, parting a position in x."""

    volume: Tensor
    line: Tensor
    curl: Tensor
    hang: Tensor
    grey: Tensor
    parting: Tensor


def hair_value(factors: FaceFactors, name: str) -> Tensor:
    """Return one column (B,) of `FaceFactors.hair` by its name."""
    return factors.hair[:, HAIR.index(name)]


def hairstyle_of(factors: FaceFactors) -> Hairstyle:
    """Return how hair lies on every head; hairlines recede, hair thins and turns grey with the years."""
    style = factors.hair[:, 0].long()
    volume, line, curl, hang = (table.to(style.device)[style] for table in (_VOLUME, _LINE, _CURL, _HANG))
    age = factors.age
    own = uniform(0, factors.identity, "hair", 4)  # (B, 4)
    infant = (1 - age / 2.5).clamp(0, 1)
    volume = volume * (0.75 + 0.5 * own[:, :1]) * (1 - 0.75 * infant[:, None])
    hang = hang * (0.75 + 0.5 * own[:, 1]) * (1 - infant)
    recede = hair_value(factors, "recedes") * smoothstep(18.0, 48.0, age) * (0.25 + 0.75 * factors.gender)
    reach = line.new_tensor([0, 0, 0, 0, 0.06, 0.34, 0.36, 0.50])
    line = line + recede[:, None] * reach + 0.10 * (infant * (1 - infant * 0.2))[:, None] * (reach > 0)
    line = line + 0.03 * (own[:, 2:3] - 0.5)
    volume = volume * (1 - 0.8 * smoothstep(0.93, 1.0, line)) * (1 - 0.25 * smoothstep(45.0, 80.0, age))[:, None]
    hat = factors.wears("hat")[:, None] * hang.new_tensor([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    volume = volume + hat * (volume.new_tensor([0, 0, 0, 0.05, 0.13, 0.15, 0.17, 0.19]) - volume)
    line = torch.where(hat > 0, line.minimum(line.new_tensor([2, 2, 2, 1, 0.92, 0.76, 0.62, 0.52])), line)
    grey = ((age - hair_value(factors, "grey at")) / 5.5).sigmoid()
    side = torch.where(own[:, 3] < 0.5, -1.0, 1.0)
    parting = side * torch.where(style == HAIR_STYLES.index("side parting"), 0.42, 0.12 * own[:, 2])
    return Hairstyle(volume, line, curl, hang, grey, parting)
