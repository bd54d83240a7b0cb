"""The tree of generated birds: orders, families, genera and species that inherit their attributes.

A family changes some attributes of its order, a genus some of its family, and the two species of a genus, the
sisters, differ in one or two attributes of small parts. Nothing is random at run time: the same 200 species come out
everywhere, and a smaller number takes the first of them.
"""

import functools
from typing import NamedTuple

import torch
from torch import Tensor

from fgr.data.synthetic.birds.attributes import ATTRIBUTE_GROUPS, GROUP_NAMES, PARTS, readable
from fgr.data.synthetic.hashing import integers

MIN_SPECIES, MAX_SPECIES = 20, 200
LEVELS = ("same species", "sister species", "same family", "same order", "other order")  # what `distances` counts

# What an order looks like before its families diverge: an option of every group, in the order of `ATTRIBUTE_GROUPS`.
_ORDERS = (
    "perching small cone black black none none plain as_back white yellow plain white olive plain brown two_bars "
    "forked plain black",
    "climbing medium dagger grey red none none cheek_patch as_back white white plain white black plain black patch "
    "pointed plain grey",
    "raptor large hooked yellow grey none yellow plain as_back white buff banded white brown plain brown plain "
    "square barred yellow",
    "plump medium curved red blue raised none plain white buff rufous plain grey grey plain grey one_bar fan plain red",
    "wading large dagger yellow rufous none none eyebrow as_back white grey streaked white brown streaked grey plain "
    "square white_tip yellow",
)
_FAMILIES_OF_AN_ORDER = 4
# What each level may change, and in how many groups it does.
_FAMILY = ("bill_shape", "breast_color", "belly_color", "back_color", "wing_color", "tail_shape", "crown_color", "size")
_GENUS = ("bill_color", "crown_color", "face_pattern", "throat_color", "breast_color", "breast_pattern")
_GENUS += ("belly_color", "back_pattern", "wing_pattern", "tail_pattern", "leg_color", "wing_color")
_SISTER = ("bill_color", "crown_color", "crest", "eye_ring", "face_pattern", "nape_color", "throat_color")
_SISTER += ("breast_pattern", "wing_pattern", "tail_pattern")
_FAMILY_CHANGES, _GENUS_CHANGES = 5, 4
_SEED = 8  # of the one tree there is; under it every attribute occurs
_APART = 3  # groups in which species of different genera differ at least: sisters differ in at most 2

Choice = dict[str, str]


class Taxonomy(NamedTuple):
    """L species and how they are related.

    order, family, genus: (L,) int64; families and genera are numbered through all orders.
    attributes: (L, A) bool, see `ATTRIBUTES`; in every group exactly one is true.
    distances: (L, L) int64, 0 to 4, see `LEVELS`.
    names: of the species: order, family and genus counted within each other from 1, and a letter, e.g. "3.1.2b".
    """

    order: Tensor
    family: Tensor
    genus: Tensor
    attributes: Tensor
    distances: Tensor
    names: tuple[str, ...]


def taxonomy(num_species: int = 100) -> Taxonomy:
    """Return the first species of the tree of 200 and their attributes.

    Species 2k and 2k + 1 are sisters; an odd number leaves the last species without its sister. Twenty species have
    3 orders and 5 families, forty 5 and 10, eighty all 20 families. Nested: what is said of species k is the same
    under any number of species.

    Args:
        num_species: L, 20 to 200.

    Raises:
        ValueError: if the number is out of range.

    Example:
        >>> birds = taxonomy(20)
        >>> birds.attributes.shape, birds.names[:3], birds.distances[0, :6].tolist()
        (torch.Size([20, 85]), ('1.1.1a', '1.1.1b', '1.1.2a'), [0, 1, 2, 2, 3, 3])
    """
    check_num_species(num_species)
    lineage, choices, names = _species()
    order, family, genus = lineage[:num_species].T.contiguous()  # (L,) each
    attributes = _one_hot(choices[:num_species])
    levels = [torch.arange(num_species), genus, family, order]
    distances = torch.stack([level[:, None] != level for level in levels]).sum(0)  # (L, L)
    return Taxonomy(order, family, genus, attributes, distances, names[:num_species])


def check_num_species(num_species: int) -> None:
    """Raise ValueError unless the tree can be cut to this number of species."""
    if not MIN_SPECIES <= num_species <= MAX_SPECIES:
        raise ValueError(f"num_species must lie in {MIN_SPECIES}..{MAX_SPECIES}, got {num_species}")


def options(num_species: int) -> Tensor:
    """Return which option of every group holds: (L, G) int64, indices into `ATTRIBUTE_GROUPS[g].options`."""
    check_num_species(num_species)
    return _species()[1][:num_species].clone()


def separating_parts(first: Tensor | int, second: Tensor | int, num_species: int = 100) -> Tensor:
    """Say on which parts two species differ: where a network that tells them apart ought to look.

    Shape and size belong to no part; species that differ in them differ in parts as well.

    Args:
        first, second: species, numbers or tensors (...) of the same shape.
        num_species: of which tree.

    Returns:
        (..., P) bool, see `PARTS`.

    Raises:
        ValueError: if a species is not in the tree.

    Example:
        >>> [part for part, differs in zip(PARTS, separating_parts(0, 1, num_species=20)) if differs]
        ['breast']
    """
    table = options(num_species)
    first, second = torch.as_tensor(first), torch.as_tensor(second)
    for species in (first, second):
        if species.numel() and (int(species.min()) < 0 or int(species.max()) >= num_species):
            raise ValueError(f"species must lie in 0..{num_species - 1}, got {species.min()} to {species.max()}")
    differs = table[first.cpu()] != table[second.cpu()]  # (..., G)
    of_part = torch.tensor([[group.part == part for part in PARTS] for group in ATTRIBUTE_GROUPS])  # (G, P)
    return (differs[..., None] & of_part).any(-2).to(first.device)


def _one_hot(choices: Tensor) -> Tensor:
    """Return attributes (L, A) of options (L, G)."""
    columns = [
        choices[:, g, None] == torch.arange(len(group.options)) for g, group in enumerate(ATTRIBUTE_GROUPS)
    ]  # (L, options of the group) each
    return torch.cat(columns, 1)


def _draw(high: int, *key: object) -> int:
    """Return a number below `high` that depends on the key alone."""
    return int(integers(_SEED, torch.zeros(1, dtype=torch.int64), "/".join(map(str, key)), high))


def _changed(choice: Choice, groups: tuple[str, ...], count: int, *key: object) -> Choice:
    """Return a description with another option in `count` of these groups."""
    choice, left = dict(choice), list(groups)
    for step in range(count):
        name = left.pop(_draw(len(left), *key, "group", step))
        (group,) = (group for group in ATTRIBUTE_GROUPS if group.name == name)
        others = [option for option in group.options if option != choice[name]]
        choice[name] = others[_draw(len(others), *key, "option", step)]
    return choice


def _family(order: int, family: int) -> Choice:
    """Return what the genera of a family start from; the first family of an order is the order's own kind."""
    root = dict(zip(GROUP_NAMES, _ORDERS[order].split(), strict=True))
    for attempt in range(1000):
        changes = _FAMILY_CHANGES if family else 0
        found = _changed(root, _FAMILY, changes, "family", order, family, attempt)
        if readable(found):
            return found
    raise AssertionError(f"no readable family {family} of order {order}")


def _difference(first: Choice, second: Choice) -> int:
    return sum(first[name] != second[name] for name in GROUP_NAMES)


def _genus(family: Choice, before: list[Choice], *key: object) -> list[Choice]:
    """Return two sisters that are readable and far enough from all species before them."""
    for attempt in range(1000):
        first = _changed(family, _GENUS, _GENUS_CHANGES, "genus", *key, attempt)
        changes = 1 + _draw(2, "sisters", *key, attempt)
        pair = [first, _changed(first, _SISTER, changes, "sister", *key, attempt)]
        if all(map(readable, pair)) and all(_difference(a, b) >= _APART for a in pair for b in before):
            return pair
    raise AssertionError(f"no room for another genus in family {key}")


def _places() -> list[tuple[int, int]]:
    """Return order and family of every pair of genera, so that any first few hold every level of kinship."""
    orders = range(len(_ORDERS))
    early = [(order, family) for order in orders for family in (0, 1)]
    late = [(order, family) for family in range(2, _FAMILIES_OF_AN_ORDER) for order in orders]
    return ((early + late) * 3)[: MAX_SPECIES // 4]


@functools.cache
def _species() -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Return lineage (200, 3: order, family, genus), options (200, G) and names of all species."""
    lineage, choices, names = [], [], []
    genera: dict[tuple[int, int], int] = {}
    families: dict[tuple[int, int], int] = {}  # numbered as they come up
    for place in _places():
        family = _family(*place)
        families.setdefault(place, len(families))
        for _ in range(2):
            genera[place] = genera.get(place, 0) + 1
            choices += _genus(family, choices, *place, genera[place])
            for letter in "ab":
                lineage.append((place[0], families[place], len(names) // 2))
                names.append(f"{place[0] + 1}.{place[1] + 1}.{genera[place]}{letter}")
    table = [[group.options.index(choice[group.name]) for group in ATTRIBUTE_GROUPS] for choice in choices]
    return torch.tensor(lineage), torch.tensor(table), tuple(names)
