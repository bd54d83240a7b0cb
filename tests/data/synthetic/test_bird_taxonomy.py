"""The tree of birds: kinship, inheritance, attributes that tell species apart, and the parts that separate two."""

import re
import zlib
from itertools import pairwise

import pytest
import torch

from fgr.data.synthetic.birds import ATTRIBUTE_GROUPS, ATTRIBUTES, LEVELS, PARTS, separating_parts, taxonomy
from fgr.data.synthetic.birds.attributes import COLORS, group_index, readable
from fgr.data.synthetic.birds.taxonomy import options

NUMBERS = [20, 21, 40, 100, 199, 200]
CHECKSUM = 3279730974


def differences(num_species: int) -> torch.Tensor:
    """Return in how many groups any two species differ: (L, L)."""
    table = options(num_species)
    return (table[:, None] != table).sum(-1)


@pytest.mark.parametrize("num_species", NUMBERS)
def test_smaller_trees_are_the_beginning_of_larger_ones(num_species: int) -> None:
    """What is said of a species does not depend on how many there are."""
    small, large = taxonomy(num_species), taxonomy(200)
    for name in ("order", "family", "genus", "attributes"):
        assert torch.equal(getattr(small, name), getattr(large, name)[:num_species])
    assert torch.equal(small.distances, large.distances[:num_species, :num_species])
    assert small.names == large.names[:num_species]


def test_the_tree_is_frozen() -> None:
    """Recorded results stand for these very species: a checksum of all their attributes."""
    assert zlib.crc32(taxonomy(200).attributes.byte().numpy().tobytes()) == CHECKSUM


@pytest.mark.parametrize(
    ("num_species", "counts"), [(20, (3, 5, 10)), (40, (5, 10, 20)), (80, (5, 20, 40)), (200, (5, 20, 100))]
)
def test_every_level_is_there(num_species: int, counts: tuple[int, ...]) -> None:
    """Orders, families and genera by number; every genus holds two sisters; all five distances occur."""
    birds = taxonomy(num_species)
    assert tuple(len(level.unique()) for level in birds[:3]) == counts
    assert (birds.genus.bincount() == 2).all()
    assert birds.distances.unique().tolist() == list(range(len(LEVELS)))


def test_names_and_distances_tell_the_same_lineage() -> None:
    """Distances by comparing names part by part; a genus never spans families, nor a family orders."""
    birds = taxonomy(200)
    assert len(set(birds.names)) == 200
    lineages = [re.fullmatch(r"(\d)\.(\d)\.(\d)([ab])", name).groups() for name in birds.names]
    for i in range(0, 200, 7):
        for j in range(200):
            shared = next((k for k in range(4) if lineages[i][k] != lineages[j][k]), 4)
            assert birds.distances[i, j] == 4 - shared
    assert birds.family.tolist() == [int(birds.family[birds.genus == genus][0]) for genus in birds.genus]
    assert birds.order.tolist() == [int(birds.order[birds.family == family][0]) for family in birds.family]


def test_attributes_are_one_answer_to_every_question() -> None:
    """At least 30 attributes with names; in every group exactly one holds; each occurs among the 200 species."""
    attributes = taxonomy(200).attributes
    assert attributes.dtype == torch.bool and attributes.shape == (200, len(ATTRIBUTES)) and len(ATTRIBUTES) >= 30
    assert len(set(ATTRIBUTES)) == len(ATTRIBUTES)
    start = 0
    for group in ATTRIBUTE_GROUPS:
        columns = slice(start, start + len(group.options))
        assert [name.partition("::")[0] for name in ATTRIBUTES[columns]] == [group.name] * len(group.options)
        assert (attributes[:, columns].sum(1) == 1).all()
        start = columns.stop
    assert start == len(ATTRIBUTES)
    assert attributes.sum(0).min() >= 3
    assert {group.part for group in ATTRIBUTE_GROUPS} == {*PARTS, None}


def test_sisters_differ_in_one_or_two_small_parts_and_nobody_else_does() -> None:
    """One or two groups between sisters, none of them shape or size; three at least between any others."""
    birds, differ, table = taxonomy(200), differences(200), options(200)
    sisters = differ[birds.distances == 1]
    assert len(sisters) == 200 and set(sisters.tolist()) == {1, 2}
    assert differ[birds.distances > 1].min() >= 3
    for name in ("shape", "size", "bill_shape", "back_color", "wing_color", "belly_color", "tail_shape"):
        assert torch.equal(table[0::2, group_index(name)], table[1::2, group_index(name)])


@pytest.mark.parametrize("num_species", [20, 100, 200])
def test_the_nearer_the_more_alike(num_species: int) -> None:
    """Groups that differ, on average, grow from every level of kinship to the next by at least two."""
    birds, differ = taxonomy(num_species), differences(num_species).double()
    means = [differ[birds.distances == level].mean() for level in range(5)]
    assert all(b > a + 2 * (a > 0) for a, b in pairwise(means))


def test_attributes_tell_all_species_apart() -> None:
    """The nearest attribute vector is the species' own, and the second nearest its sister's."""
    attributes = taxonomy(200).attributes.float()
    order = torch.cdist(attributes, attributes, p=1).argsort(dim=1, stable=True)
    assert torch.equal(order[:, 0], torch.arange(200))
    assert torch.equal(order[:, 1], torch.arange(200) ^ 1)


def test_every_species_shows_its_attributes() -> None:
    """No pattern has the colour of what it lies on; every colour that is named can be painted."""
    names = [group.name for group in ATTRIBUTE_GROUPS]
    for row in options(200).tolist():
        choice = {name: group.options[k] for name, group, k in zip(names, ATTRIBUTE_GROUPS, row, strict=True)}
        assert readable(choice)
    painted = {option for group in ATTRIBUTE_GROUPS if group.name.endswith("_color") for option in group.options}
    assert painted - {"as_back"} == set(COLORS)


def test_separating_parts_are_those_of_differing_attributes() -> None:
    """Against loops over attribute names; symmetric; nothing separates a species from itself."""
    birds, parts = taxonomy(40), {group.name: group.part for group in ATTRIBUTE_GROUPS}
    first, second = torch.randint(40, (2, 60))
    found = separating_parts(first, second, 40)
    for i, j, row in zip(first.tolist(), second.tolist(), found.tolist(), strict=True):
        wanted = {
            parts[name.partition("::")[0]]
            for name, a, b in zip(ATTRIBUTES, birds.attributes[i], birds.attributes[j], strict=True)
            if a != b
        }
        assert {part for part, differs in zip(PARTS, row, strict=True) if differs} == wanted - {None}
    assert torch.equal(separating_parts(second, first, 40), found)
    assert not separating_parts(first, first, 40).any()
    everyone = torch.arange(200)
    counts = separating_parts(everyone, everyone ^ 1, 200).sum(-1)
    assert set(counts.tolist()) == {1, 2}
    assert separating_parts(first.view(3, 20), second.view(3, 20), 40).shape == (3, 20, len(PARTS))


@pytest.mark.parametrize(("first", "second"), [(0, 20), (-1, 3), (torch.tensor([1, 50]), torch.tensor([0, 0]))])
def test_separating_parts_need_species_of_the_tree(first: object, second: object) -> None:
    """A species beyond the tree is named."""
    with pytest.raises(ValueError, match=r"species must lie in 0\.\.19"):
        separating_parts(first, second, 20)


@pytest.mark.parametrize("num_species", [0, 19, 201])
def test_number_of_species_is_checked(num_species: int) -> None:
    """20 to 200."""
    with pytest.raises(ValueError, match=rf"num_species must lie in 20\.\.200, got {num_species}"):
        taxonomy(num_species)
