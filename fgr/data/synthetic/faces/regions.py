"""Names of what a pixel of a generated face shows, and which of them carry age and action units."""

REGIONS = (
    *("background", "background face", "clothes", "neck", "skin", "forehead", "brows", "eyes", "nose"),
    *("cheeks", "mouth", "chin", "ears", "hair", "occluder"),
)
FACE_REGIONS = ("skin", "forehead", "brows", "eyes", "nose", "cheeks", "mouth", "chin")
# Skin whose lines and folds come with the years.
AGE_REGIONS = ("forehead", "eyes", "cheeks", "mouth", "neck")
# Where the muscle of an action unit moves the skin (Ekman, Friesen and Hager, FACS manual, 2002).
ACTION_REGIONS: dict[int, tuple[str, ...]] = {
    1: ("forehead", "brows"),
    2: ("forehead", "brows"),
    4: ("forehead", "brows"),
    5: ("eyes",),
    6: ("eyes", "cheeks"),
    7: ("eyes",),
    9: ("nose", "brows", "mouth"),
    10: ("nose", "mouth", "cheeks"),
    12: ("mouth", "cheeks"),
    14: ("mouth", "cheeks"),
    15: ("mouth", "chin"),
    17: ("mouth", "chin"),
    20: ("mouth", "cheeks"),
    23: ("mouth",),
    24: ("mouth",),
    25: ("mouth",),
    26: ("mouth", "chin"),
    27: ("mouth", "chin"),
    43: ("eyes",),
}


def region(name: str) -> int:
    """Return the label of a region.

    Example:
        >>> region("background"), REGIONS[region("nose")]
        (0, 'nose')
    """
    if name not in REGIONS:
        raise ValueError(f"region must be one of {', '.join(REGIONS)}, got {name!r}")
    return REGIONS.index(name)
