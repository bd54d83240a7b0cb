"""Groups of ages: Adience's eight, the seven of Images of Groups, and how labels of the one become labels of the other.

Adience's groups leave gaps (7, 14, 21 to 24, 33 to 37 ... belong to none). Its fold files write ages as ranges, most of
them the groups, others not ("(27, 32)", "(8, 23)"), as single years ("35") and as "None".
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fgr.checks import check_choice, check_shape


class AgeGroup(NamedTuple):
    """Ages from `low` to `high` completed years, both included."""

    name: str
    low: float
    high: float


# The third group is 8-13 in the set's own description and in the thesis's text; the fold files write (8, 12), and so
# do tables of the thesis. People of 13 exist in the files, so that 8-13 it is.
ADIENCE = (
    AgeGroup("0-2", 0, 2),
    AgeGroup("4-6", 4, 6),
    AgeGroup("8-13", 8, 13),
    AgeGroup("15-20", 15, 20),
    AgeGroup("25-32", 25, 32),
    AgeGroup("38-43", 38, 43),
    AgeGroup("48-53", 48, 53),
    AgeGroup("60+", 60, math.inf),
)
IMAGES_OF_GROUPS = (
    AgeGroup("0-2", 0, 2),
    AgeGroup("3-7", 3, 7),
    AgeGroup("8-12", 8, 12),
    AgeGroup("13-19", 13, 19),
    AgeGroup("20-36", 20, 36),
    AgeGroup("37-65", 37, 65),
    AgeGroup("66+", 66, math.inf),
)
TO_IMAGES_OF_GROUPS = (0, 1, 2, 3, 4, 5, 5, 6)  # Table 3.2: one group there for each of Adience's
BETWEEN = ("drop", "nearest")
RANGE = re.compile(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)")


def names(groups: Sequence[AgeGroup]) -> tuple[str, ...]:
    """Return the names of groups, in order.

    Example:
        >>> names(ADIENCE)[-2:]
        ('48-53', '60+')
    """
    return tuple(group.name for group in groups)


def age_range(text: str) -> tuple[float, float]:
    """Return the first and last year of an age as Adience writes it; NaN where it is not known.

    Args:
        text: "(25, 32)", "35", "None" or nothing.

    Raises:
        ValueError: if it is none of these, or the range ends before it begins.

    Example:
        >>> age_range("(25, 32)"), age_range("35"), age_range("None")
        ((25.0, 32.0), (35.0, 35.0), (nan, nan))
    """
    text = text.strip()
    if text in ("", "None"):
        return math.nan, math.nan
    found = RANGE.fullmatch(text)
    if found:
        low, high = float(found[1]), float(found[2])
        if low <= high:
            return low, high
    elif text.isascii() and text.isdigit():
        return float(text), float(text)
    raise ValueError(f"an age is a range such as (25, 32), a number of years, or None, got {text!r}")


def group_of(
    low: Tensor, high: Tensor | None = None, groups: Sequence[AgeGroup] = ADIENCE, between: str = "drop"
) -> Tensor:
    """Return the group of each age, or of each range of ages.

    Args:
        low: (B,) ages in years, or the first year of ranges; NaN where not known.
        high: (B,) the last year of ranges. None: `low` are ages.
        groups: in rising order.
        between: what becomes of an age in a gap and of a range that no group holds whole. "drop": none;
            "nearest": the group that shares most years with it, else the one with the fewest years between, the
            younger one of equals.

    Returns:
        (B,) int64 indices into `groups`, -1 where there is none.

    Raises:
        ValueError: on a negative age, shapes that differ, or an unknown `between`.

    Example:
        >>> group_of(torch.tensor([2.9, 13.0, 35.0, 81.0])).tolist()
        [0, 2, -1, 7]
        >>> group_of(torch.tensor([8.0, 34.0]), torch.tensor([23.0, 34.0]), between="nearest").tolist()
        [2, 4]
    """
    check_choice(between, BETWEEN, "between")
    check_shape(low, "B", "low")
    high = low if high is None else high
    check_shape(high, f"{len(low)}", "high")
    if (low < 0).any() or (high < low).any():
        raise ValueError("ages must be 0 or more, and a range must not end before it begins")
    first, last = low.double().floor()[:, None], high.double().floor()[:, None]  # (B, 1)
    lows = torch.tensor([group.low for group in groups], dtype=torch.float64, device=low.device)  # (G,)
    highs = torch.tensor([group.high for group in groups], dtype=torch.float64, device=low.device)
    shared = torch.minimum(last, highs) - torch.maximum(first, lows)  # (B, G): years - 1; below 0 the distance
    chosen = shared.nan_to_num(-math.inf).argmax(1)
    known = ~(first + last).isnan()[:, 0]
    if between == "drop":
        known &= ((first >= lows) & (last <= highs)).any(1)
    return torch.where(known, chosen, -1)


def to_images_of_groups(groups: Tensor) -> Tensor:
    """Return groups of Adience as groups of Images of Groups (Table 3.2): 38-43 and 48-53 both become 37-65.

    The intervals are alike, not equal: a person of 13 is in 8-13 there and in 13-19 here.

    Args:
        groups: (...) int64 indices into `ADIENCE`; -1 stays -1.

    Returns:
        (...) int64 indices into `IMAGES_OF_GROUPS`.

    Raises:
        ValueError: on an index outside.

    Example:
        >>> to_images_of_groups(torch.tensor([0, 5, 6, 7, -1])).tolist()
        [0, 5, 5, 6, -1]
    """
    if groups.dtype != torch.int64 or ((groups < -1) | (groups >= len(ADIENCE))).any():
        raise ValueError(f"groups must be int64 in [-1, {len(ADIENCE)}), got {groups.dtype} {groups.unique().tolist()}")
    table = torch.tensor((*TO_IMAGES_OF_GROUPS, -1), device=groups.device)  # -1 is the last
    return table[groups]
