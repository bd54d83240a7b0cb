"""Tables of what was recorded of the generated sets, for the page of data sets."""

import itertools
from collections.abc import Mapping, Sequence

import pandas as pd

from fgr.experiments.generated.birds import by_chance
from fgr.experiments.generated.grids import FACES
from fgr.figures.generated import TRAITS, reader_name
from fgr.results.claims import Comparison, paired_effect, verdict_of
from fgr.results.rows import with_config
from fgr.results.statistics import interval

SISTERS = "errors: sister species"
ORDER = (("linear", 32), ("cnn", 32), ("cnn", 128))  # readers of faces and their pixels, from the worst to the best
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
    """Judge the order of readers as claims are judged, on the most training images: a line a trait and step."""
    lines = []
    for metric, (heading, factor, decimals) in TRAITS.items():
        for worse, better in itertools.pairwise(ORDER if len(rows) else ()):
            sides = [{"reader": reader, "size": size, "train": max(FACES)} for reader, size in (better, worse)]
            direction = "higher" if metric == "unit_correlation" else "lower"  # the others are errors
            effect = paired_effect(rows, Comparison(metric, "test", "last", direction, *sides))
            judged = ["not run", "", "undecided"]
            if effect:
                gain, low, high = (f"{factor * value:+.{decimals}f}" for value in effect[:3])
                judged = [gain, f"{low} to {high}", verdict_of(effect, smallest=0.0)[0]]
            lines.append([heading, reader_name(*worse), reader_name(*better), *judged])
    return pd.DataFrame(lines, columns=["read", "from", "to", "gain", "95% interval", "verdict"])


def people_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how often people are named wrongly on new photographs, beside chance."""
    table = means(rows, ["reader", "size", "people", "train"], {"error": ("test error (%)", 100, 1)})
    table["by chance (%)"] = [f"{100 - 100 / count:.1f}" for count in table["people"]]
    table["reader"] = table["reader"].map(READER)
    return table.rename(columns={"size": "pixels", "train": "training images"})
