"""What the bits of a code mean: correlation with known attributes (Table 6.2), the path of bits (Fig. 6.8)."""

import json
from collections.abc import Iterator, Mapping

import pandas as pd
import torch
from torch import Tensor

from fgr.data.synthetic.birds import ATTRIBUTES, LEVELS, taxonomy
from fgr.experiments.codes.runs import Cell, code_matrix
from fgr.results.published import published
from fgr.results.rows import Row, Run

EXPERIMENT = "code_bits"
FIRST = 6  # bits that Table 6.2 shows
PRINTED = {"gaussian": "random", "spectral": "data-dependent"}  # our code -> the thesis's in Table 6.2


def correlations(codes: Tensor, attributes: Tensor) -> Tensor:
    """Return Pearson's correlation over the classes of every bit with every attribute, (k, A).

    An attribute or bit with the same value in all classes has none: NaN.

    Example:
        >>> correlations(torch.tensor([[1.0], [0.0], [-1.0]]), torch.tensor([[True], [False], [False]])).shape
        torch.Size([1, 1])
    """
    bits, values = (table.double() - table.double().mean(0) for table in (codes, attributes))
    return (bits.T @ values) / (bits.norm(dim=0)[:, None] * values.norm(dim=0))


def strongest(codes: Tensor, attributes: Tensor) -> Tensor:
    """Return the largest absolute correlation of each bit with any attribute, (k,)."""
    return correlations(codes, attributes).abs().nan_to_num(0.0).amax(1)


def permutation_test(codes: Tensor, attributes: Tensor, permutations: int, seed: int = 0) -> tuple[float, float, float]:
    """Say whether bits follow attributes: their mean strongest correlation, against codes given to other classes.

    With many attributes some correlation is always strong, so the bits are compared with themselves after the classes
    were shuffled.

    Returns:
        The mean over the bits of `strongest`; its mean over the permutations; and the p-value, the share of
        permutations (this one counted) that are as high.
    """
    generator = torch.Generator().manual_seed(seed)
    found = strongest(codes, attributes).mean().item()
    null = [
        strongest(codes[torch.randperm(len(codes), generator=generator)], attributes).mean().item()
        for _ in range(permutations)
    ]
    as_high = sum(value >= found for value in null)
    return found, sum(null) / len(null), (1 + as_high) / (1 + permutations)


def first_bits(cell: Cell, seed: int) -> Tensor:
    """Return the first bits of a cell's code, (n, FIRST)."""
    return code_matrix(cell.code, cell.threshold, cell.length, cell.source, seed)[:, :FIRST]


def table_6_2(cell: Cell, seed: int) -> pd.DataFrame:
    """Return, for the first bits of a code, the attributes of highest and of lowest correlation, ours and printed.

    Table 6.2. The printed ones are of CUB-200's birds, whose attributes are others.
    """
    attributes = taxonomy(cell.num_classes).attributes
    table = correlations(first_bits(cell, seed), attributes).nan_to_num(0.0)
    numbers = published("T6.2")
    lines = []
    for bit, row in enumerate(table, start=1):
        ours = [f"{ATTRIBUTES[place]} {row[place].item():+.2f}" for place in (int(row.argmax()), int(row.argmin()))]
        places = [f"t6.2/{PRINTED[cell.code]}/{bit}/{sign}" for sign in ("positive", "negative")]
        theirs = [
            f"{name.split(' / ')[1]} {value:+.2f}" for name, value in numbers.loc[places, ["row", "value"]].to_numpy()
        ]
        lines.append((bit, *ours, *theirs))
    heads = [f"{where}: {end}" for where in ("ours, birds", "printed, CUB-200") for end in ("highest", "lowest")]
    return pd.DataFrame(lines, columns=["bit", *heads])


def printed_strength(code: str) -> float:
    """Return the mean over the first bits of the strongest correlation that Table 6.2 prints for a code."""
    numbers = published("T6.2")
    bits = [
        numbers.loc[[f"t6.2/{PRINTED[code]}/{bit}/{sign}" for sign in ("positive", "negative")]]
        for bit in range(1, FIRST + 1)
    ]
    return sum(pair["value"].abs().max() for pair in bits) / FIRST


def bit_rows(cell: Cell, seed: int, permutations: int, profile: str) -> list[Row]:
    """Return how strongly the first bits of a code follow attributes, and what chance would give, as rows."""
    attributes = taxonomy(cell.num_classes).attributes
    found, chance, p = permutation_test(first_bits(cell, seed), attributes, permutations)
    settings = {
        "code": cell.code,
        "bits": FIRST,
        "permutations": permutations,
        **{name: getattr(cell, name) for name in ("num_classes", "size", "difficulty", "train", "feature_epochs")},
    }
    run = Run(EXPERIMENT, json.dumps(settings, sort_keys=True), "synthetic_birds", seed, profile, "cpu")
    values = {"correlation": found, "chance_correlation": chance, "p_value": p}
    return [run.row(name, value, "none", "none", "none", 0) for name, value in values.items()]


def path(codes: Tensor, first: int, second: int) -> Iterator[tuple[int, int]]:
    """Yield (bit, classes left) on the way down the signs of the bits that two classes share, until one parts them.

    Fig. 6.8: every bit halves what is left; the last line is the first bit on which the two classes differ.

    Raises:
        ValueError: if no bit parts them.
    """
    left = torch.ones(len(codes), dtype=torch.bool)
    for bit, column in enumerate((codes > 0).T, start=1):
        if column[first] != column[second]:
            yield bit, 2
            return
        left &= column == column[first]
        yield bit, int(left.sum())
    raise ValueError(f"classes {first} and {second} have the same sign in all {codes.shape[1]} bits")


def parting_bits(codes: Tensor) -> Tensor:
    """Return the first bit whose sign tells two classes apart, counted from 1, for every pair (n, n).

    Classes with the same sign in all k bits, and a class beside itself, get k + 1.

    Example:
        >>> parting_bits(torch.tensor([[1.0, 1.0], [1.0, -1.0]]))
        tensor([[3, 2],
                [2, 3]])
    """
    signs = codes > 0
    differ = signs[:, None] != signs  # (n, n, k)
    return torch.where(differ.any(2), differ.float().argmax(2) + 1, codes.shape[1] + 1)


def parting_table(codes: Mapping[str, Tensor], distances: Tensor) -> pd.DataFrame:
    """Return how many bits of each code have to be read until two classes part, mean over all pairs of each kinship."""
    first, pairs = {name: parting_bits(code) for name, code in codes.items()}, torch.ones_like(distances).triu(1).bool()
    lines = []
    for distance, kinship in enumerate(LEVELS):
        chosen = pairs & (distances == distance)
        if chosen.any():
            lines.append((kinship, int(chosen.sum()), *(of[chosen].double().mean().item() for of in first.values())))
    return pd.DataFrame(lines, columns=["pairs of", "pairs", *codes]).round(1)


def parting_words(table: pd.DataFrame, code: str) -> str:
    """Say in a sentence whether strangers part sooner than relatives of one order, by a `parting_table`."""
    bits = table.set_index("pairs of")[code]
    if bits["other order"] < bits["same order"]:
        return "Strangers part sooner than relatives of one order."
    return "Signs alone are coarse: strangers do not part sooner than relatives of one order."


def typical_pairs(codes: Tensor, distances: Tensor) -> dict[str, tuple[int, int]]:
    """Return kinship -> a pair of classes of that kinship that parts at the median bit of those that part at all.

    Example:
        >>> codes = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]])
        >>> typical_pairs(codes, torch.tensor([[0, 1, 4], [1, 0, 4], [4, 4, 0]]))
        {'sister species': (0, 1), 'other order': (0, 2)}
    """
    first, found = parting_bits(codes), {}
    for distance, kinship in enumerate(LEVELS):
        pairs = ((distances == distance).triu(1) & (first <= codes.shape[1])).nonzero()  # (P, 2)
        if len(pairs):
            order = first[pairs[:, 0], pairs[:, 1]].sort(stable=True).indices
            a, b = pairs[order[(len(order) - 1) // 2]].tolist()
            found[kinship] = (a, b)
    return found


def paths(codes: Mapping[str, Tensor], pairs: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, list]]:
    """Return code -> name of a pair -> its `path` as a list: what Fig. 6.8 draws."""
    return {code: {name: list(path(matrix, *pair)) for name, pair in pairs.items()} for code, matrix in codes.items()}
