"""Tables of what was recorded of the generated sets, for the page of data sets."""

import itertools
from collections.abc import Mapping, Sequence

import pandas as pd

from fgr.experiments.generated.birds import by_chance
from fgr.results.rows import with_config
from fgr.results.statistics import interval

SISTERS = "errors: sister species"
TRAITS = {  # what is read off faces: metric -> heading, factor from the recorded unit, decimals
    "age_mae": ("error of age (years)", 1, 1),
    "error": ("wrong age group (%)", 100, 1),
    "gender_error": ("wrong gender (%)", 100, 1),
    "unit_correlation": ("correlation of action units", 1, 2),
}
READERS = {("linear", 32): "linear, 32 pixels", ("cnn", 32): "network, 32 pixels", ("cnn", 128): "network, 128 pixels"}
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
    table = means(rows, ["reader", "size", "train"], TRAITS)
    table = table[table["train"] == table["train"].max()].copy()
    table["reader"] = table["reader"].map(READER)
    return table.rename(columns={"size": "pixels", "train": "training images"})


def order_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Judge the order of readers, worse before better, on the most training images: a line a trait and step.

    A gain is the mean over seeds of paired differences, positive where the later reader is better; a step holds where
    its 95% interval lies above 0, fails where it lies below, and is open between.
    """
    names = ["read", "from", "to", "gain", "interval", "seeds", "verdict"]
    if rows.empty:
        return pd.DataFrame(columns=names)
    table = with_config(rows[(rows["split"] == "test") & (rows["selection"] == "last")])
    wide = table[table["train"] == table["train"].max()].pivot_table(
        index=["metric", "seed"], columns=["reader", "size"], values="value"
    )
    lines = []
    for metric, (heading, factor, decimals) in TRAITS.items():
        better = 1 if metric == "unit_correlation" else -1  # the others are errors
        for (first, name), (then, after) in itertools.pairwise(READERS.items()):
            pair = wide.reindex(columns=[first, then]).reindex([metric], level="metric").dropna()
            if pair.empty:
                lines.append([heading, name, after, "not run", "", 0, "open"])
                continue
            gain = interval((better * factor * (pair[then] - pair[first])).tolist())
            word = "holds" if gain.low > 0 else "fails" if gain.high < 0 else "open"
            mean, low, high = (f"{value:.{decimals}f}" for value in (gain.mean, gain.low, gain.high))
            lines.append([heading, name, after, mean, f"{low} to {high}", gain.n, word])
    return pd.DataFrame(lines, columns=names)


def people_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how often people are named wrongly on new photographs, beside chance."""
    table = means(rows, ["reader", "size", "people", "train"], {"error": ("test error (%)", 100, 1)})
    table["by chance (%)"] = [f"{100 - 100 / count:.1f}" for count in table["people"]]
    table["reader"] = table["reader"].map(READER)
    return table.rename(columns={"size": "pixels", "train": "training images"})
