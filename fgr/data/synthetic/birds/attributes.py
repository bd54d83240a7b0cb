"""What generated birds are described by: parts, colours, and attributes in groups of which exactly one option holds.

Groups and their options follow the plan of the attributes of CUB-200-2011 (C. Wah et al., Caltech technical report
CNS-TR-2011-001): bill, crown, face, throat, breast, back, wing, tail, leg, size and shape.
"""

from typing import NamedTuple

PARTS = ("bill", "crown", "eye", "face", "nape", "throat", "breast", "belly", "back", "wing", "tail", "leg")

# sRGB in [0, 1], as seen in full light
COLORS = {
    "black": (0.10, 0.10, 0.12),
    "white": (0.95, 0.94, 0.90),
    "grey": (0.56, 0.58, 0.62),
    "buff": (0.86, 0.71, 0.48),
    "brown": (0.42, 0.28, 0.18),
    "rufous": (0.74, 0.36, 0.14),
    "red": (0.82, 0.10, 0.12),
    "yellow": (0.97, 0.82, 0.12),
    "olive": (0.50, 0.50, 0.18),
    "green": (0.14, 0.50, 0.26),
    "blue": (0.15, 0.34, 0.74),
}


class AttributeGroup(NamedTuple):
    """One question about a bird, the part of the body it is answered on (None: the whole bird), and the answers."""

    name: str
    part: str | None
    options: tuple[str, ...]


ATTRIBUTE_GROUPS = (
    AttributeGroup("shape", None, ("perching", "climbing", "raptor", "plump", "wading")),
    AttributeGroup("size", None, ("small", "medium", "large")),
    AttributeGroup("bill_shape", "bill", ("cone", "dagger", "hooked", "curved")),
    AttributeGroup("bill_color", "bill", ("black", "grey", "red", "yellow")),
    AttributeGroup("crown_color", "crown", ("black", "white", "grey", "rufous", "red", "yellow", "blue")),
    AttributeGroup("crest", "crown", ("none", "raised")),
    AttributeGroup("eye_ring", "eye", ("none", "white", "yellow")),
    AttributeGroup("face_pattern", "face", ("plain", "eyebrow", "mask", "cheek_patch")),
    AttributeGroup("nape_color", "nape", ("as_back", "white", "red")),
    AttributeGroup("throat_color", "throat", ("black", "white", "buff", "red", "yellow")),
    AttributeGroup("breast_color", "breast", ("white", "grey", "buff", "rufous", "red", "yellow", "black")),
    AttributeGroup("breast_pattern", "breast", ("plain", "spotted", "streaked", "banded")),
    AttributeGroup("belly_color", "belly", ("white", "grey", "buff", "yellow")),
    AttributeGroup("back_color", "back", ("black", "grey", "brown", "olive", "blue", "green", "rufous")),
    AttributeGroup("back_pattern", "back", ("plain", "streaked")),
    AttributeGroup("wing_color", "wing", ("black", "grey", "brown", "blue", "green", "rufous")),
    AttributeGroup("wing_pattern", "wing", ("plain", "one_bar", "two_bars", "patch")),
    AttributeGroup("tail_shape", "tail", ("square", "forked", "pointed", "fan")),
    AttributeGroup("tail_pattern", "tail", ("plain", "white_tip", "barred")),
    AttributeGroup("leg_color", "leg", ("black", "grey", "red", "yellow")),
)
GROUP_NAMES = tuple(group.name for group in ATTRIBUTE_GROUPS)
ATTRIBUTES = tuple(f"{group.name}::{option}" for group in ATTRIBUTE_GROUPS for option in group.options)


def group_index(name: str) -> int:
    """Return the position of a group in `ATTRIBUTE_GROUPS`."""
    return GROUP_NAMES.index(name)


def readable(choice: dict[str, str]) -> bool:
    """Say whether every attribute of a bird can be seen: none is drawn in the colour of what it lies on.

    Args:
        choice: group name -> option.
    """
    crown, back, wing = choice["crown_color"], choice["back_color"], choice["wing_color"]
    return not (
        (choice["face_pattern"] == "eyebrow" and crown == "white")
        or (choice["face_pattern"] == "mask" and back == "black")
        or (choice["nape_color"] == "red" and back == "rufous")
        or (choice["nape_color"] == "red" and crown == "red")
        or (choice["nape_color"] == "white" and crown == "white")
        or crown == back  # then the crown would have no outline
        or (choice["breast_color"], choice["throat_color"]) == ("black", "black")
        or choice["breast_color"] == choice["belly_color"] == "grey" == wing
    )
