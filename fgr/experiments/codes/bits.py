"""What the bits of a code mean: correlation with known attributes (Table 6.2), the path of bits (Fig. 6.8)."""

import json
from collections.abc import Iterator

import pandas as pd
import torch
from torch import Tensor

from fgr.data.synthetic.birds import ATTRIBUTES, LEVELS, taxonomy
from fgr.experiments.codes.runs import Cell, code_matrix
from fgr.results.rows import Row, Run

EXPERIMENT = "code_bits"
FIRST = 6  # bits that Table 6.2 shows


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
    """Return, for the first bits of a code, the attribute of highest and of lowest correlation (Table 6.2)."""
    attributes = taxonomy(cell.num_classes).attributes
    table = correlations(first_bits(cell, seed), attributes).nan_to_num(0.0)
    lines = []
    for bit, row in enumerate(table, start=1):
        up, down = int(row.argmax()), int(row.argmin())
        lines.append((bit, ATTRIBUTES[up], row[up].item(), ATTRIBUTES[down], row[down].item()))
    return pd.DataFrame(lines, columns=["bit", "highest", "r", "lowest", "r of lowest"])


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


def parting_table(codes: Tensor, distances: Tensor) -> pd.DataFrame:
    """Return how many bits have to be read until two classes part, mean over all pairs of each kinship."""
    first, pairs = parting_bits(codes), torch.ones_like(distances, dtype=torch.bool).triu(1)
    lines = []
    for distance, name in enumerate(LEVELS):
        chosen = pairs & (distances == distance)
        if chosen.any():
            lines.append((name, int(chosen.sum()), first[chosen].double().mean().item()))
    return pd.DataFrame(lines, columns=["pairs of", "pairs", "bits until they part"]).round(1)
