"""The 66 landmarks of a frontal head, moved by identity, age, gender and action units.

A head is symmetric in the plane in front of it (x right, y down, in units of half the face's width, origin between
the cheeks), so half of the points says all: the ones on the midline and those right of it. The order of all 66 is the
usual one of 68 points without the inner corners of the mouth, as UNBC-McMaster has them: jaw 0-16, brows 17-26, nose
27-35, eyes 36-47, outer lips 48-59, inner lips 60-65.
"""

import torch
from torch import Tensor

from fgr.data.synthetic.faces.factors import AUS, MAX_INTENSITY, SHAPE, FaceFactors
from fgr.data.synthetic.hashing import uniform

# Rows of the half shape (38, 2).
JAW = slice(0, 9)  # chin to ear
BROW = slice(9, 14)  # inner to outer
BRIDGE = slice(14, 18)  # root to tip
BASE = slice(18, 21)  # under the tip to the wing
EYE = slice(21, 27)  # inner corner, over the top to the outer corner, back below
UPPER = slice(27, 31)  # upper lip: middle, peak, side, corner
LOWER = slice(31, 34)  # lower lip: from beside the corner to the middle
INNER_UPPER = slice(34, 36)  # middle, side
INNER_LOWER = slice(36, 38)  # side, middle
EYE_LINE = -0.54

# Rows of the half shape for each of the 66 points, and whether the point is the mirrored one.
_RIGHT = (*range(8, 17), *range(22, 27), *range(27, 31), 33, 34, 35, *range(42, 48), *range(51, 58), 61, 62, 63, 64)
_LEFT = (*range(8, -1, -1), *range(21, 16, -1), *range(27, 31), 33, 32, 31, 39, 38, 37, 36, 41, 40)
_LEFT = (*_LEFT, 51, 50, 49, 48, 59, 58, 57, 61, 60, 65, 64)

# Proportions of an average adult, (x, y).
_MEAN = (
    *((0, 1.07), (0.24, 1.04), (0.45, 0.945), (0.63, 0.79), (0.775, 0.585), (0.885, 0.36), (0.955, 0.10)),
    *((0.985, -0.16), (1.0, -0.41)),  # jaw
    *((0.17, -0.78), (0.335, -0.845), (0.525, -0.86), (0.71, -0.81), (0.85, -0.70)),  # brow
    *((0, -0.55), (0, -0.40), (0, -0.26), (0, -0.11)),  # bridge
    *((0, 0.085), (0.105, 0.065), (0.205, 0.03)),  # base of the nose
    *((0.262, -0.515), (0.385, -0.612), (0.525, -0.615), (0.648, -0.53), (0.535, -0.467), (0.395, -0.465)),  # eye
    *((0, 0.295), (0.085, 0.27), (0.24, 0.315), (0.40, 0.40)),  # upper lip
    *((0.265, 0.50), (0.115, 0.555), (0, 0.565)),  # lower lip
    *((0, 0.398), (0.14, 0.392), (0.14, 0.396), (0, 0.402)),  # inner lips, closed
)
_ROWS = {"jaw": JAW, "brow": BROW, "bridge": BRIDGE, "base": BASE, "eye": EYE, "upper": UPPER, "lower": LOWER}
_ROWS |= {"inner upper": INNER_UPPER, "inner lower": INNER_LOWER}
Moves = dict[str, tuple[list[float], list[float]]]  # rows -> (right, down)

# What one standard deviation of a trait moves: rows -> (right, down).
_TRAITS: dict[str, Moves] = {
    "jaw_width": {"jaw": ([0, 0.01, 0.025, 0.04, 0.05, 0.045, 0.03, 0.01, 0], [0])},
    "jaw_angle": {"jaw": ([0, 0, 0.014, 0.025, 0.022, 0.01, 0, 0, 0], [0, 0, 0.008, 0.018, 0.025, 0.02, 0.01, 0, 0])},
    "chin_length": {"jaw": ([0], [0.05, 0.045, 0.03, 0.012, 0, 0, 0, 0, 0])},
    "chin_width": {"jaw": ([0, 0.022, 0.028, 0.014, 0, 0, 0, 0, 0], [0, 0.008, 0.01, 0, 0, 0, 0, 0, 0])},
    "eye_spacing": {"eye": ([0.022], [0]), "brow": ([0.018], [0])},
    "eye_tilt": {"eye": ([0], [0.018, 0.008, -0.008, -0.018, -0.008, 0.008])},
    "eye_opening": {"eye": ([0], [0, -0.014, -0.014, 0, 0.007, 0.007])},
    "brow_height": {"brow": ([0], [-0.03])},
    "brow_arch": {"brow": ([0], [0.01, -0.006, -0.022, -0.018, 0.012])},
    "nose_length": {
        "bridge": ([0], [0, 0.008, 0.018, 0.03]),
        "base": ([0], [0.035]),
        "upper": ([0], [0.018]),
        "lower": ([0], [0.015]),
        "inner upper": ([0], [0.018]),
        "inner lower": ([0], [0.018]),
    },
    "nose_width": {"base": ([0, 0.012, 0.024], [0])},
    "mouth_width": {"upper": ([0, 0.006, 0.02, 0.032], [0]), "lower": ([0.02, 0.007, 0], [0])},
    "upper_lip": {"upper": ([0], [-0.016, -0.018, -0.012, 0])},
    "lower_lip": {"lower": ([0], [0.012, 0.022, 0.024])},
}
# What an action unit moves at intensity 5.
_ACTIONS: dict[int, Moves] = {
    1: {"brow": ([0], [-0.18, -0.14, -0.05, 0, 0])},
    2: {"brow": ([0], [-0.03, -0.09, -0.16, -0.18, -0.12])},
    4: {"brow": ([-0.07, -0.06, -0.03, 0, 0], [0.13, 0.12, 0.09, 0.06, 0.03]), "eye": ([0], [0, 0.03, 0.015, 0, 0, 0])},
    5: {"eye": ([0], [0, -0.07, -0.07, -0.01, 0, 0])},
    6: {"eye": ([0], [0, 0.012, 0.02, 0.012, -0.05, -0.035]), "brow": ([0], [0, 0, 0, 0.02, 0.035])},
    7: {"eye": ([0], [0, 0.03, 0.035, 0, -0.05, -0.05])},
    9: {
        "brow": ([-0.03, -0.02, 0, 0, 0], [0.09, 0.05, 0.02, 0, 0]),
        "bridge": ([0], [0, 0, -0.015, -0.04]),
        "base": ([0, 0.005, 0.025], [-0.035, -0.06, -0.09]),
        "upper": ([0], [-0.05, -0.06, -0.06, -0.01]),
        "inner upper": ([0], [-0.04, -0.04]),
        "eye": ([0], [0, 0.015, 0.01, 0, -0.02, -0.03]),
    },
    10: {
        "upper": ([0, 0, 0.02, 0.01], [-0.09, -0.12, -0.12, -0.015]),
        "inner upper": ([0], [-0.09, -0.10]),
        "base": ([0, 0.005, 0.015], [-0.01, -0.02, -0.035]),
    },
    12: {
        "upper": ([0, 0.015, 0.08, 0.15], [0.015, 0, -0.07, -0.16]),
        "lower": ([0.08, 0.025, 0], [-0.06, -0.012, 0]),
        "inner upper": ([0, 0.03], [0.008, -0.012]),
        "inner lower": ([0.03, 0], [-0.012, 0.008]),
        "base": ([0, 0.005, 0.015], [0, 0, -0.01]),
        "eye": ([0], [0, 0, 0, 0, -0.012, -0.012]),
    },
    14: {
        "upper": ([0, 0.01, 0.035, 0.085], [0.008, 0.008, 0.0, -0.03]),
        "lower": ([0.035, 0.01, 0], [-0.015, -0.01, 0]),
    },
    15: {
        "upper": ([0, 0, 0.005, 0.02], [0, 0, 0.045, 0.14]),
        "lower": ([0.015, 0, 0], [0.05, -0.01, -0.02]),
        "inner upper": ([0], [-0.005, 0.012]),
        "inner lower": ([0], [0.012, -0.005]),
    },
    17: {
        "lower": ([0], [-0.05, -0.085, -0.09]),
        "inner upper": ([0], [-0.045, -0.035]),
        "inner lower": ([0], [-0.035, -0.045]),
        "upper": ([0], [-0.03, -0.03, -0.01, 0.03]),
        "jaw": ([0], [-0.045, -0.035, -0.015, 0, 0, 0, 0, 0, 0]),
    },
    20: {
        "upper": ([0, 0.02, 0.09, 0.17], [0.01, 0.012, 0.01, 0.04]),
        "lower": ([0.09, 0.025, 0], [0.005, -0.01, -0.012]),
        "inner upper": ([0, 0.04], [0]),
        "inner lower": ([0.04, 0], [0]),
    },
    23: {
        "upper": ([0, -0.01, -0.035, -0.07], [0.045, 0.05, 0.035, 0]),
        "lower": ([-0.035, -0.01, 0], [-0.03, -0.06, -0.065]),
        "inner upper": ([0, -0.02], [0]),
        "inner lower": ([-0.02, 0], [0]),
    },
    24: {
        "upper": ([0, 0, -0.01, -0.03], [0.05, 0.06, 0.035, 0.01]),
        "lower": ([-0.01, 0, 0], [-0.045, -0.075, -0.075]),
        "inner upper": ([0], [0.01]),
        "inner lower": ([0], [0.01]),
    },
    25: {
        "upper": ([0], [-0.012, -0.012, -0.006, 0]),
        "inner upper": ([0], [-0.025, -0.022]),
        "inner lower": ([0], [0.06, 0.065]),
        "lower": ([0], [0.03, 0.06, 0.065]),
    },
    26: {
        "jaw": ([0], [0.19, 0.185, 0.16, 0.11, 0.06, 0.02, 0, 0, 0]),
        "lower": ([0], [0.09, 0.17, 0.185]),
        "inner lower": ([0], [0.15, 0.165]),
        "upper": ([0, 0, -0.005, -0.012], [0, 0, 0, 0.045]),
    },
    27: {
        "jaw": ([0, 0, -0.01, -0.02, -0.02, -0.01, 0, 0, 0], [0.42, 0.41, 0.36, 0.26, 0.14, 0.05, 0.01, 0, 0]),
        "lower": ([-0.04, -0.01, 0], [0.24, 0.38, 0.40]),
        "inner lower": ([0.01, 0], [0.35, 0.37]),
        "inner upper": ([0, 0.01], [-0.025, -0.02]),
        "upper": ([0, 0, -0.02, -0.06], [-0.025, -0.025, -0.01, 0.11]),
    },
    43: {},  # closes the lids, whatever their form: `close_eyes`
}
_SENESCENCE: Moves = {  # at 80 years
    "brow": ([0], [0.02, 0.03, 0.04, 0.045, 0.045]),
    "eye": ([0], [0, 0.012, 0.022, 0.012, 0.01, 0.006]),
    "bridge": ([0], [0, 0, 0.02, 0.04]),
    "base": ([0, 0.01, 0.018], [0.045, 0.035, 0.03]),
    "upper": ([0, 0, 0.005, 0.012], [0.055, 0.058, 0.04, 0.035]),
    "inner upper": ([0], [0.03]),
    "inner lower": ([0], [0.03]),
    "lower": ([0], [0.015, 0.005, 0.005]),
    "jaw": ([0, 0, 0.01, 0.035, 0.03, 0, -0.01, -0.01, 0], [0.01, 0.015, 0.03, 0.035, 0.03, 0, 0, 0, 0]),
}
_INFANCY: Moves = {  # of a newborn
    "jaw": ([0, 0.01, 0.05, 0.10, 0.13, 0.10, 0.05, 0.01, 0], [0, 0.01, 0.03, 0.05, 0.05, 0.03, 0.01, 0, 0]),
    "base": ([0], [-0.04, -0.03, -0.02]),
    "bridge": ([0], [0.03, 0.02, -0.02, -0.05]),
    "upper": ([0], [-0.03, -0.035, -0.02, 0]),
    "brow": ([0], [-0.03, -0.04, -0.04, -0.02, 0.02]),
}
# Means of men minus means of women, in standard deviations of a trait: none tells the two apart alone.
_DIMORPHISM = {
    **{"jaw_width": 0.9, "jaw_angle": 0.9, "chin_length": 0.5, "chin_width": 0.7, "face_length": 0.4, "cheeks": -0.4},
    **{"eye_size": -0.5, "eye_opening": -0.5, "brow_height": -0.9, "brow_arch": -0.6, "brow_weight": 1.1},
    **{"brow_ridge": 1.2, "nose_length": 0.4, "nose_width": 0.4, "nose_projection": 0.4, "mouth_width": 0.3},
    **{"upper_lip": -0.5, "lower_lip": -0.4, "ears": 0.3},
}


def _displacement(moves: Moves) -> Tensor:
    table = torch.zeros(len(_MEAN), 2)
    for name, (right, down) in moves.items():
        rows = _ROWS[name]
        table[rows, 0] += torch.tensor(right, dtype=torch.float32)
        table[rows, 1] += torch.tensor(down, dtype=torch.float32)
    return table


MEAN = torch.tensor(_MEAN, dtype=torch.float32)  # (38, 2)
TRAITS = torch.stack([_displacement(_TRAITS.get(name, {})) for name in SHAPE])  # (24, 38, 2)
ACTIONS = torch.stack([_displacement(_ACTIONS[au]) for au in AUS])  # (19, 38, 2)
SENESCENCE, INFANCY = _displacement(_SENESCENCE), _displacement(_INFANCY)
DIMORPHISM = torch.tensor([_DIMORPHISM.get(name, 0.0) for name in SHAPE])  # (24,)


def maturity(age: Tensor) -> Tensor:
    """Return how far a head of that age (years) has grown from a newborn's proportions (0) to an adult's (1)."""
    return 1 - (-age / 7.5).exp()


def puberty(age: Tensor) -> Tensor:
    """Return how far the forms of women and men have parted at an age, 0 to 1."""
    return ((age - 14) / 1.5).sigmoid()


def senescence(age: Tensor) -> Tensor:
    """Return how far ageing has come: 0 until 20 years, 1 at 80."""
    return ((age - 20) / 60).clamp_min(0) ** 1.1


def sagging(factors: FaceFactors) -> Tensor:
    """Return how far soft parts have come down (B,): with age, but sooner in some people and hardly in others.

    What shows in few pixels goes by this: it says less about age than fine lines do.
    """
    return senescence(factors.age) * (0.1 + 1.3 * uniform(0, factors.identity, "sagging"))


def traits(factors: FaceFactors) -> Tensor:
    """Return the traits (B, 24) in standard deviations, with what gender adds after puberty."""
    side = (factors.gender.float() - 0.5) * puberty(factors.age)
    return factors.shape + side[:, None] * DIMORPHISM.to(factors.shape.device)


def half_shape(factors: FaceFactors) -> Tensor:
    """Return the frontal half shape (B, 38, 2) of every face; action units are linear until lips or lids meet."""
    device = factors.shape.device
    form = traits(factors)
    mild = (0.4 + 0.6 * maturity(factors.age))[:, None]  # children's forms differ less
    half = MEAN.to(device) + torch.einsum("bs,snc->bnc", mild * form, TRAITS.to(device))
    half = half + sagging(factors)[:, None, None] * SENESCENCE.to(device)
    half = half + torch.einsum("ba,anc->bnc", factors.aus / MAX_INTENSITY, ACTIONS.to(device))
    grown = maturity(factors.age)[:, None]  # (B, 1)
    half = half + (1 - grown[..., None]) * INFANCY.to(device)
    x, y = half.unbind(-1)  # (B, 38)
    stretch = (1 + 0.045 * form[:, SHAPE.index("face_length"), None]) * (0.74 + 0.26 * grown)
    below = y > EYE_LINE
    y = EYE_LINE + (y - EYE_LINE) * torch.where(below, stretch, 0.9 + 0.1 * grown)
    narrow = x.new_ones(x.shape)
    narrow[:, BASE], narrow[:, UPPER.start :] = 0.92 + 0.08 * grown, 0.84 + 0.16 * grown
    narrow[:, 1:5] = 0.93 + 0.07 * grown
    half = torch.stack([x * narrow, y], -1)  # (B, 38, 2)
    eye = half[:, EYE]
    centre = eye.mean(1, keepdim=True)
    scale = (1 + 0.06 * form[:, SHAPE.index("eye_size"), None, None]) * (1.36 - 0.36 * grown[..., None])
    half[:, EYE] = centre + (eye - centre) * scale + half.new_tensor([0.03, 0.03]) * (1 - grown[..., None])
    return _close_lips(close_eyes(half, torch.maximum(factors.aus[:, -1], factors.blink).clamp(0, 1)))


def close_eyes(half: Tensor, closed: Tensor) -> Tensor:
    """Return shapes (B, 38, 2) with the upper lid brought down to the lower one by a share `closed` (B,)."""
    half = half.clone()
    inner, upper, lower = half[:, EYE.start, 1:], half[:, [22, 23], 1], half[:, [26, 25], 1]  # (B, 2) each
    lower = torch.maximum(lower, torch.minimum(inner, half[:, 24, 1:]) + 0.01)
    upper = torch.minimum(upper, lower - 0.012)  # lids at their tightest still leave a slit, unless closed
    meet = lower + 0.015 * closed[:, None]
    half[:, [22, 23], 1] = upper + closed[:, None] * (meet - upper)
    half[:, [26, 25], 1] = lower + closed[:, None] * (meet - lower)
    return half


def _close_lips(half: Tensor) -> Tensor:
    """Keep lips from crossing, and at least a hair thick."""
    upper, lower = half[:, INNER_UPPER, 1], half[:, INNER_LOWER, 1].flip(1)  # (B, 2): middle, side
    middle = (upper + lower) / 2
    upper, lower = torch.minimum(upper, middle), torch.maximum(lower, middle)
    half[:, INNER_UPPER, 1], half[:, INNER_LOWER, 1] = upper, lower.flip(1)
    half[:, 27:29, 1] = torch.minimum(half[:, 27:29, 1], upper - 0.02)
    half[:, [33, 32], 1] = torch.maximum(half[:, [33, 32], 1], lower + 0.03)
    return half


def both_sides(half: Tensor) -> Tensor:
    """Return all landmarks (B, 66, C) of half shapes (B, 38, C), whose first coordinate changes sign on the left."""
    full = half.new_empty(len(half), 66, half.shape[-1])
    mirrored = half.clone()
    mirrored[..., 0] = -mirrored[..., 0]
    full[:, list(_LEFT)] = mirrored
    full[:, list(_RIGHT)] = half
    return full
