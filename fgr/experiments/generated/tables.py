"""Tables of what was recorded of the generated sets, for the page of data sets."""

from collections.abc import Mapping, Sequence

import pandas as pd

from fgr.experiments.generated.birds import by_chance
from fgr.results.rows import with_config
from fgr.results.statistics import interval

SISTERS = "errors: sister species"
READER = {
    "linear": "linear, raw pixels",
    "cnn": "small network",
    "attributes": "true attributes of the parts that show",
}


def means(rows: pd.DataFrame, by: Sequence[str], metrics: Mapping[str, tuple[str, float, int]]) -> pd.DataFrame:
    """Return a line a cell: what it is, and of each metric the mean over the seeds ± half of its 95% interval.

    Args:
        rows: recorded rows.
        by: fields of their configuration.
        metrics: metric -> (heading, factor from the recorded unit, decimals). A metric that a cell lacks stays empty.
    """
    names = [*by, *(heading for heading, _, _ in metrics.values()), "seeds"]
    if rows.empty:
        return pd.DataFrame(columns=names)
    table = with_config(rows[(rows["split"] == "test") & (rows["selection"] == "last")])
    lines = []
    for key, cell in table.groupby(list(by), sort=False):
        line = dict(zip(by, key))
        for metric, (heading, factor, decimals) in metrics.items():
            values = cell[cell["metric"] == metric]["value"]
            line[heading] = _shown([factor * value for value in values], decimals)
        lines.append({**line, "seeds": cell["seed"].nunique()})
    return pd.DataFrame(lines, columns=names)


def _shown(values: Sequence[float], decimals: int) -> str:
    if not values:
        return ""
    of = interval(values)
    half = f" ± {of.high - of.mean:.{decimals}f}" if of.n > 1 else ""
    return f"{of.mean:.{decimals}f}{half}"


def bird_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the errors on birds, and how many of the wrong answers are the sister species, beside chance."""
    metrics = {"error": ("test error (%)", 100, 2), SISTERS: ("errors that are sisters (%)", 100, 1)}
    table = means(rows, ["reader", "num_species", "difficulty", "train"], metrics)
    table["by chance (%)"] = [f"{100 * by_chance(count)['sister species']:.1f}" for count in table["num_species"]]
    table["train"] = [
        "none" if reader == "attributes" else f"{count:,}" for reader, count in zip(table["reader"], table["train"])
    ]
    table["reader"] = table["reader"].map(READER)
    return table.rename(columns={"num_species": "species", "train": "training images"})


def face_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how well age, gender and action units are read, at the most training images that were tried."""
    metrics = {
        "age_mae": ("error of age (years)", 1, 1),
        "error": ("wrong age group (%)", 100, 1),
        "gender_error": ("wrong gender (%)", 100, 1),
        "unit_correlation": ("correlation of action units", 1, 2),
    }
    table = means(rows, ["reader", "size", "train"], metrics)
    table = table[table["train"] == table["train"].max()].copy()
    table["reader"] = table["reader"].map(READER)
    return table.rename(columns={"size": "pixels", "train": "training images"})


def people_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how often people are named wrongly on new photographs, beside chance."""
    table = means(rows, ["reader", "size", "people", "train"], {"error": ("test error (%)", 100, 1)})
    table["by chance (%)"] = [f"{100 - 100 / count:.1f}" for count in table["people"]]
    table["reader"] = table["reader"].map(READER)
    return table.rename(columns={"size": "pixels", "train": "training images"})
