"""Where the parts of a bird lie: proportions of a species, the frames of body, head and tail, and the part points."""

from typing import NamedTuple

import torch
from torch import Tensor

from fgr.data.synthetic.birds.attributes import group_index
from fgr.data.synthetic.birds.frame import Frame
from fgr.data.synthetic.birds.nuisance import Nuisance
from fgr.data.synthetic.birds.taxonomy import options, taxonomy
from fgr.data.synthetic.hashing import uniform

# For each shape of `ATTRIBUTE_GROUPS`: half length and half thickness of the body, radius of the head, length of neck,
# leg, tail and bill (the last in radii of the head, times the bill shape's own), posture (radians, head up).
_PROPORTIONS = (
    (0.33, 0.200, 0.170, 0.02, 0.15, 0.36, 1.00, 0.45),
    (0.34, 0.175, 0.155, 0.05, 0.11, 0.34, 1.15, 0.85),
    (0.33, 0.225, 0.160, 0.01, 0.12, 0.34, 0.95, 0.95),
    (0.32, 0.245, 0.125, 0.06, 0.14, 0.26, 0.90, 0.25),
    (0.32, 0.185, 0.125, 0.20, 0.34, 0.18, 1.30, 0.30),
)
_HEAD_OF_SIZE = (1.08, 1.0, 0.93)  # small birds have large heads
_SIZE = (0.86, 1.0, 1.14)
BILL_LENGTH = (0.85, 1.55, 0.90, 1.50)  # in radii of the head, for each bill shape


class Skeleton(NamedTuple):
    """Frames and lengths of B birds, in units in which a bird is about as long as 1.

    frame: of the whole bird, x forward, y down, upright. body: along the body's axis. head, tail: at the head's
    centre and the tail's root, x forward.
    length, thick, radius, leg, tail_length, bill: (B,) half length and half thickness of the body, radius of the
    head, length of leg, tail and bill.
    """

    frame: Frame
    body: Frame
    head: Frame
    tail: Frame
    length: Tensor
    thick: Tensor
    radius: Tensor
    leg: Tensor
    tail_length: Tensor
    bill: Tensor


def skeleton(species: Tensor, num_species: int, pose: Nuisance) -> Skeleton:
    """Return the skeletons of birds of `species` (B,), placed in the image."""
    device = species.device
    choice = options(num_species).to(device)[species]  # (B, G)
    family = taxonomy(num_species).family.to(device)[species]
    shape, size = choice[:, group_index("shape")], choice[:, group_index("size")]
    proportions = torch.tensor(_PROPORTIONS, device=device)[shape]  # (B, 8)
    proportions = proportions * (0.92 + 0.16 * uniform(0, family, "proportions", proportions.shape[1]))
    length, thick, radius, neck, leg, tail_length, bill, posture = proportions.unbind(1)
    thick = thick * pose.plump
    radius = radius * torch.tensor(_HEAD_OF_SIZE, device=device)[size]
    bill = bill * radius * torch.tensor(BILL_LENGTH, device=device)[choice[:, group_index("bill_shape")]]
    leg = leg * pose.crouch

    one = torch.ones_like(thick)
    frame = Frame(torch.zeros(len(species), 2, device=device), one, pose.tilt, pose.flip, one)
    body = frame.child(0.0, 0.0, -posture)
    reach = length - 0.1 * thick  # of the neck's root along the body
    cos, sin = posture.cos(), posture.sin()
    neck_x, neck_y = reach * cos - 0.35 * thick * sin, -reach * sin - 0.35 * thick * cos
    neck = neck + 0.45 * radius
    head = frame.child(neck_x + 0.42 * neck, neck_y - 0.9 * neck, pose.nod, pose.turn.cos())
    tail = body.child(-0.93 * length, 0.0, 0.25 * posture + pose.wag)

    extremes = torch.cat(
        [
            head.points((radius + bill, 0.0), (0.0, -1.2 * radius), (-radius, 0.0)),
            tail.points((-1.1 * tail_length, 0.0)),
            frame.points((0.0, thick + leg)),
            body.points((0.0, -thick), (0.0, thick), (length, thick)),
        ],
        1,
    )  # (B, 8, 2)
    low, high = extremes.amin(1), extremes.amax(1)
    span = (high - low).amax(1)  # (B,)
    scale = pose.fill * torch.tensor(_SIZE, device=device)[size] / (1.14 * span)
    room = (0.5 - 0.5 * (high - low) * scale[:, None]).clamp_min(0)
    origin = 0.5 + pose.shift * room - 0.5 * (low + high) * scale[:, None]  # (B, 2)
    frame, body, head, tail = (
        part._replace(origin=origin + part.origin * scale[:, None], scale=scale) for part in (frame, body, head, tail)
    )
    return Skeleton(frame, body, head, tail, length, thick, radius, leg, tail_length, bill)


def part_points(bones: Skeleton) -> Tensor:
    """Return the point of every part, in the order of `PARTS`: (B, P, 2) in units of the image's height."""
    r, length, thick = bones.radius, bones.length, bones.thick
    head = bones.head.points(
        (0.85 * r + 0.35 * bones.bill, 0.18 * r),  # bill
        (0.0, -0.72 * r),  # crown
        (0.34 * r, -0.14 * r),  # eye
        (-0.12 * r, 0.4 * r),  # face
        (-0.8 * r, 0.42 * r),  # nape
        (0.42 * r, 0.78 * r),  # throat
    )
    body = bones.body.points(
        (0.72 * length, 0.35 * thick),  # breast
        (-0.1 * length, 0.8 * thick),  # belly
        (0.15 * length, -0.78 * thick),  # back
        (-0.2 * length, 0.1 * thick),  # wing
    )
    tail = bones.tail.points((-0.64 * bones.tail_length, 0.0))
    leg = bones.frame.points((0.05, 0.85 * thick + 0.6 * bones.leg))
    return torch.cat([head, body, tail, leg], 1)
