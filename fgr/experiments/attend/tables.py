"""Chapter 4's rows as the page shows them: by the part that differs, and by the rule that selected the epoch."""

from dataclasses import asdict

import pandas as pd

from fgr.experiments.attend.kinds import with_kind
from fgr.experiments.attend.runs import Cell
from fgr.results.rows import with_config


def named(rows: pd.DataFrame, names: dict[str, dict[str, object]]) -> pd.DataFrame:
    """Return the rows whose configuration is that of an entry of PARTS or CIFAR, with its name as column `part`."""
    if rows.empty:
        return rows.assign(part="")
    table = with_config(rows)
    table["network"] = table["network"].str.split("-").str[0]
    fields, default = sorted({field for changes in names.values() for field in changes}), asdict(Cell())
    found = []
    for name, changes in names.items():
        wanted = default | changes
        chosen = (table[fields] == [wanted[field] for field in fields]).all(axis=1)
        found.append(rows[chosen].assign(part=name))
    return pd.concat(found)


def selections(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the test error in percent by the rule that selects the epoch, one line a depth of attention.

    What picking the best epoch on the test set is worth, as in some printed numbers.
    """
    columns = ["layout", "attention depth", "last", "best on validation", "best on test"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    table = with_config(rows)
    table = table[(table.metric == "error") & (table.split == "test")]
    means = table.pivot_table(index=["layout", "attention_depth"], columns="selection", values="value") * 100
    return means[["last", "best-val", "best-test"]].round(2).reset_index().set_axis(columns, axis=1)


def rates(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the validation error in percent at the end by learning rate, of the runs that chose.

    One line a kind of network; "diverged" where the loss became NaN.
    """
    columns = ["network", "kind"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    table = with_config(with_kind(rows))
    diverged = table.loc[table.metric == "diverged", "run_id"]
    table = table[(table.metric == "error") & (table.split == "validation") & (table.selection == "last")]
    layout = table["layout"] if "layout" in table else pd.Series(dtype=str)
    of_digits = table["dataset"] == "cluttered_mnist"
    lines = table.assign(
        network=layout.reindex(table.index).where(of_digits, table["network"]),
        shown=(100 * table["value"]).map("{:.1f}".format).mask(table["run_id"].isin(diverged), "diverged"),
    )
    wide = lines.pivot_table(index=columns, columns="lr", values="shown", aggfunc="first", fill_value="")
    found = wide.reset_index().rename_axis(columns=None)
    return found.set_axis([*columns, *(f"rate {rate:g}" for rate in wide.columns)], axis=1)
