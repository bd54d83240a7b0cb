"""What differs between two photographs of one species: pose, camera, light; all of it scaled by one dial."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from fgr.data.synthetic.hashing import uniform


class Nuisance(NamedTuple):
    """How B individuals stand, and how they are photographed; at difficulty 0 all but the specks are at rest.

    flip: (B,) 1 looking right, -1 left: half of them from difficulty 0.5 on, before it a share of the difficulty.
    tilt: (B,) radians, the whole bird turned in the image: up to 0.7 either way at difficulty 1.
    turn: (B,) radians, the head turned towards the camera: up to 1.
    nod, wag: (B,) radians, head and tail turned up or down: up to 0.35 and 0.3 either way.
    plump: (B,) factor of the thickness: 0.88 to 1.12.
    crouch: (B,) share of the legs that shows: below 1 for at most a third of the birds.
    fill: (B,) share of the image that a bird of medium size spans: 0.84 at difficulty 0, between
        0.7 and 0.34 at difficulty 1.
    shift: (B, 2) -1 to 1, share of the room left and right, above and below that is used.
    tint: (B, 12, 3) factors of colours, individual by individual: 0.78 to 1.22.
    exposure: (B,) factor 0.57 to 1.74. warmth: (B,) -1 to 1. haze: (B,) share of grey veil, up to 0.35.
    light: (B,) radians, where the light comes from: from above (-pi / 2) and up to 1 either side.
    specks: (B, 16, 2) uniform, where spots of the plumage fall.
    """

    flip: Tensor
    tilt: Tensor
    turn: Tensor
    nod: Tensor
    wag: Tensor
    plump: Tensor
    crouch: Tensor
    fill: Tensor
    shift: Tensor
    tint: Tensor
    exposure: Tensor
    warmth: Tensor
    haze: Tensor
    light: Tensor
    specks: Tensor


def nuisance(seed: int, index: Tensor, difficulty: float) -> Nuisance:
    """Return the nuisance of samples index (B,) int64, which is independent of their species."""

    def share(name: str) -> Tensor:
        return uniform(seed, index, f"bird {name}")  # (B,)

    def spread(name: str, count: int | None = None) -> Tensor:
        return difficulty * (2 * uniform(seed, index, f"bird {name}", count) - 1)  # (B,) or (B, count)

    crouches = (share("crouches") < difficulty / 3).float()
    return Nuisance(
        flip=1 - 2 * (share("flip") < min(difficulty, 0.5)).float(),
        tilt=0.7 * spread("tilt"),
        turn=difficulty * share("turn"),
        nod=0.35 * spread("nod"),
        wag=0.3 * spread("wag"),
        plump=1 + 0.12 * spread("plump"),
        crouch=1 - crouches * (0.5 + 0.5 * share("crouch")),
        fill=0.84 - difficulty * (0.14 + 0.36 * share("fill")),
        shift=spread("shift", 2),
        tint=1 + 0.22 * spread("tint", 36).view(-1, 12, 3),
        exposure=torch.exp2(0.8 * spread("exposure")),
        warmth=spread("warmth"),
        haze=0.35 * difficulty * share("haze"),
        light=spread("light") - math.pi / 2,
        specks=uniform(seed, index, "bird specks", 32).view(-1, 16, 2),
    )
