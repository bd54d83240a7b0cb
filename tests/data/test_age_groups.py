"""Age groups: the strings of Adience's fold files, gaps and ranges, and Table 3.2."""

import math
from itertools import pairwise

import pytest
import torch

from fgr.data.age_groups import (
    ADIENCE,
    IMAGES_OF_GROUPS,
    age_range,
    group_of,
    names,
    to_images_of_groups,
)

# The ways in which the five official fold files write an age, with its group: strict, and nearest.
WRITTEN = {
    "(0, 2)": (0, 0), "(4, 6)": (1, 1), "(8, 12)": (2, 2), "(15, 20)": (3, 3), "(25, 32)": (4, 4),
    "(38, 43)": (5, 5), "(48, 53)": (6, 6), "(60, 100)": (7, 7), "(27, 32)": (4, 4), "(38, 42)": (5, 5),
    "(38, 48)": (-1, 5), "(8, 23)": (-1, 2), "2": (0, 0), "3": (-1, 0), "13": (2, 2), "22": (-1, 3), "23": (-1, 4),
    "29": (4, 4), "32": (4, 4), "34": (-1, 4), "35": (-1, 4), "36": (-1, 5), "42": (5, 5), "45": (-1, 5),
    "46": (-1, 6), "55": (-1, 6), "56": (-1, 6), "57": (-1, 7), "58": (-1, 7), "None": (-1, -1), "": (-1, -1),
}  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_every_written_age_has_its_group(text):
    """Gaps: 35 lies 3 years from both neighbours and goes to the younger, 36 is nearer to 38, (8, 23) shares 6 years
    with two groups."""
    low, high = (torch.tensor([value]) for value in age_range(text))
    strict, nearest = WRITTEN[text]
    assert group_of(low, high).tolist() == [strict]
    assert group_of(low, high, between="nearest").tolist() == [nearest]


def slow_group(low, high, groups, between):
    """The rule by loops over years."""
    if math.isnan(low):
        return -1
    years = set(range(int(low), int(high) + 1))
    held = [set(range(int(group.low), 200 if math.isinf(group.high) else int(group.high) + 1)) for group in groups]
    for index, group in enumerate(held):
        if years <= group:
            return index
    if between == "drop":
        return -1
    shared = [len(years & group) for group in held]
    if max(shared):
        return shared.index(max(shared))
    distance = [min(abs(year - other) for year in years for other in group) for group in held]
    return distance.index(min(distance))


@pytest.mark.parametrize("between", ["drop", "nearest"])
@pytest.mark.parametrize("groups", [ADIENCE, IMAGES_OF_GROUPS])
def test_groups_agree_with_loops_over_years(groups, between):
    """All ranges of 1, 2, 6 and 20 years between 0 and 120."""
    ranges = [(float(low), float(low + more)) for low in range(121) for more in (0, 1, 5, 19)]
    low, high = torch.tensor(ranges).T
    expected = [slow_group(*pair, groups, between) for pair in ranges]
    assert group_of(low, high, groups, between).tolist() == expected


def test_ages_are_completed_years():
    """Two years and eleven months are two; unknown ages have no group."""
    ages = torch.tensor([0.0, 2.92, 3.0, 59.99, 60.0, 116.0, math.nan])
    assert group_of(ages).tolist() == [0, 0, -1, -1, 7, 7, -1]
    assert group_of(ages, groups=IMAGES_OF_GROUPS).tolist() == [0, 0, 1, 5, 5, 6, -1]


def test_images_of_groups_has_no_gaps():
    """Every whole year has a group, and groups follow each other."""
    assert [later.low - earlier.high for earlier, later in pairwise(IMAGES_OF_GROUPS)] == [1] * 6
    assert (group_of(torch.arange(120.0), groups=IMAGES_OF_GROUPS) >= 0).all()


def test_table_3_2():
    """The map between the data sets, by names."""
    expected = {
        "0-2": "0-2", "4-6": "3-7", "8-13": "8-12", "15-20": "13-19",
        "25-32": "20-36", "38-43": "37-65", "48-53": "37-65", "60+": "66+",
    }  # fmt: skip
    mapped = to_images_of_groups(torch.arange(8))
    assert {a: names(IMAGES_OF_GROUPS)[b] for a, b in zip(names(ADIENCE), mapped)} == expected
    assert to_images_of_groups(torch.tensor([[7, -1]])).tolist() == [[6, -1]]


@pytest.mark.parametrize("text", ["(32, 25)", "25-32", "(25 32)", "-3", "abc", "3.5", "²"])
def test_other_strings_are_refused(text):
    """The message repeats the string."""
    with pytest.raises(ValueError, match="an age is a range") as error:
        age_range(text)
    assert repr(text) in str(error.value)


def test_bad_arguments_are_refused():
    """Negative ages, ranges back in time, shapes, unknown rules and indices."""
    ages = torch.tensor([3.0])
    for call, complaint in [
        (lambda: group_of(-ages), "0 or more"),
        (lambda: group_of(ages, ages - 1), "must not end"),
        (lambda: group_of(ages, torch.zeros(2)), "high must have shape"),
        (lambda: group_of(ages, between="close"), "between must be one of"),
        (lambda: to_images_of_groups(torch.tensor([8])), r"int64 in \[-1, 8\)"),
        (lambda: to_images_of_groups(torch.tensor([1.0])), "float32"),
    ]:
        with pytest.raises(ValueError, match=complaint):
            call()
