"""Kinds of network that are compared in chapter 4: each chooses a learning rate of its own, on validation."""

from typing import Any

import pandas as pd

from fgr.results.rows import with_config

WIDE = 4  # the best AW of the thesis


def kind_of(cell: Any) -> str:
    """Return which kind of network a cell, or a row with the fields of one, is: each kind has a rate of its own."""
    if cell.network == "stn" or not cell.attention_depth:
        return "stn" if cell.network == "stn" else "baseline"
    if cell.network == "cluttered_cnn" and cell.heads != WIDE:  # what Fig. 4.4 b and c compare
        return f"AD {cell.attention_depth}" if cell.heads == 1 else f"AW {cell.heads}"
    return "projection" if getattr(cell, "gates", "") == "projection" else "attention"


def with_kind(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of cluttered digits with the kind of their network, see `kinds`, as a further column."""
    if rows.empty:
        return rows.assign(kind="")
    return rows.assign(kind=[kind_of(row) for row in with_config(rows).itertuples()])


def chosen_lrs(rows: pd.DataFrame) -> dict[str, float]:
    """Return kind -> the learning rate with the lowest validation error at the last epoch."""
    table = with_config(with_kind(rows))
    table = table[(table.metric == "error") & (table.split == "validation") & (table.selection == "last")]
    means = table.groupby(["kind", "lr"])["value"].mean()
    return {str(kind): float(part.idxmin()[1]) for kind, part in means.groupby("kind")}
