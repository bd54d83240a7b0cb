"""The thesis's printed numbers, and ours beside them.

`results/published.csv` holds every number of the thesis's tables; `results/README.md` defines its columns.
"""

from collections.abc import Mapping

import pandas as pd

from fgr.paths import project_root
from fgr.results.rows import with_config
from fgr.results.statistics import Interval, interval

PERCENT = {"percent": 1.0, "fraction": 100.0}


def published(source: str | None = None) -> pd.DataFrame:
    """Return the printed numbers, all or those of one place such as "T5.1", indexed by key.

    Raises:
        ValueError: if nothing is printed at `source`; the message lists the places there are.
    """
    table = pd.read_csv(project_root() / "results" / "published.csv", dtype={"cites": str}, keep_default_na=False)
    table = table.set_index("key")
    for column in ("value", "deviation"):
        table[column] = pd.to_numeric(table[column])
    if source is None:
        return table
    chosen = table[table["source"] == source]
    if chosen.empty:
        raise ValueError(f"nothing is printed at {source!r}; there are {', '.join(table['source'].unique())}")
    return chosen


def measured(rows: pd.DataFrame, metric: str, split: str, selection: str, **config: object) -> Interval | None:
    """Return mean and interval over seeds of the rows with these configuration values; None if there are none.

    Rates measured as fractions are returned in percent, as the thesis prints them.
    """
    if rows.empty:
        return None
    rows = with_config(rows)
    chosen = (rows.metric == metric) & (rows.split == split) & (rows.selection == selection)
    for name, value in config.items():
        chosen &= rows[name] == value
    rows = rows[chosen]
    if rows.empty:
        return None
    scale = PERCENT.get(rows["unit"].iloc[0], 1.0)
    return interval((scale * rows.groupby("seed")["value"].mean()).tolist())


def beside(
    source: str,
    rows: pd.DataFrame,
    cells: Mapping[str, Mapping[str, object]],
    metric: str = "error",
    split: str = "test",
    selections: tuple[str, ...] = ("last", "best-test"),
) -> pd.DataFrame:
    """Set our numbers beside the printed ones of a table.

    Args:
        source: the thesis's table, e.g. "T5.1".
        rows: measured rows.
        cells: printed key -> the configuration values of our rows for it.
        metric, split: what is compared.
        selections: one column of ours for each, so that a best-epoch number meets one of the same rule.

    Returns:
        One line a printed number, with row, column, printed, and our mean with its 95% half-width and seeds.
    """
    printed = published(source)
    lines = []
    for key, config in cells.items():
        if key not in printed.index:
            raise ValueError(f"{source} has no number {key!r}; it has {', '.join(printed.index)}")
        number = printed.loc[key]
        spread = "" if pd.isna(number["deviation"]) else f" ± {number['deviation']:g}"
        line = {"row": number["row"], "column": number["column"], "printed": f"{number['value']:g}{spread}"}
        for selection in selections:
            ours = measured(rows, metric, split, selection, **config)
            line[f"ours ({selection})"] = as_text(ours)
            line["seeds"] = ours.n if ours else 0
        lines.append(line)
    return pd.DataFrame(lines)


def as_text(value: Interval | None, digits: int = 2) -> str:
    """Return "mean ± half-width", the mean alone for one seed, or "not run".

    Example:
        >>> as_text(interval([1.0, 2.0, 3.0])), as_text(interval([1.0])), as_text(None)
        ('2.00 ± 2.48', '1.00', 'not run')
    """
    if value is None:
        return "not run"
    if value.n == 1:
        return f"{value.mean:.{digits}f}"
    return f"{value.mean:.{digits}f} ± {value.high - value.mean:.{digits}f}"
