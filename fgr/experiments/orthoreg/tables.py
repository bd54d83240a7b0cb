"""Chapter 5's tables and sentences from its rows: what ran, which strength was chosen, printed beside ours."""

from collections.abc import Iterable, Mapping

import pandas as pd

from fgr.experiments.benchmarks import renamed
from fgr.results import published
from fgr.results.published import as_text, measured
from fgr.results.rows import with_config

NAMES = {"mnist": "MNIST", "mnist_5k": "MNIST (5,000 digits)", "svhn": "SVHN"}
NAMES |= {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
TEN = 10.0  # the thesis's locality
FAILS = 50.0  # percent: a network with more test errors than that has hardly learnt its ten classes


def listed(words: Iterable[object]) -> str:
    """Return words as a list in a sentence.

    Example:
        >>> listed(["none", "global", "local"]), listed([0.1])
        ('none, global and local', '0.1')
    """
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last


def size(rows: pd.DataFrame) -> str:
    """Say in a sentence how large the runs of a sweep are: images trained on, data, epochs; all that occur."""
    if rows.empty:
        return "Not run yet."
    table = with_config(rows)
    last = table[table["selection"] == "last"]
    images = listed(f"{count:,}" if count else "all" for count in sorted(last["train_size"].unique()))
    data = listed(NAMES.get(name, name) for name in last["dataset"].unique())
    return f"Size of each run: {images} training images of {data}, {listed(sorted(last['epochs'].unique()))} epochs."


def choice(rows: pd.DataFrame, offered: pd.DataFrame) -> str:
    """Say in a sentence at which strength the runs of `rows` regularise, and which strengths `offered` had tried.

    Returns:
        The strength, what it was chosen from, and whether it is the smallest or largest of these, so that the best one
        may lie beyond.
    """
    if rows.empty or offered.empty:
        return "Not run yet."
    tried, used = (sorted(set(with_config(part)["strength"]) - {0.0}) for part in (offered, rows))
    ends = {tried[0]: ", the smallest offered", tried[-1]: ", the largest offered"}
    where = ends.get(used[0], "") if len(used) == 1 < len(tried) else ""
    return (
        f"Strength: $\\gamma$ = {listed(f'{value:g}' for value in used)}{where}, chosen from "
        f"{listed(f'{value:g}' for value in tried)}."
    )


def beside(source: str, rows: pd.DataFrame, cells: Mapping[str, Mapping[str, object]], printed: str) -> pd.DataFrame:
    """Set our test errors beside printed ones, each column headed by what it was measured on.

    Args:
        source, rows, cells: as in `fgr.results.published.beside`.
        printed: what the printed numbers were measured on.
    """
    table = published.beside(source, rows, cells)
    if table["column"].nunique() == 1:
        table = table.drop(columns="column")  # says the same as the head of the printed numbers
    if rows.empty:
        ours = "not run"
    else:
        config = with_config(rows)
        data = listed(NAMES.get(name, name) for name in config["dataset"].unique())
        networks = [name.upper() for name in config["network"].unique() if name.startswith(("wrn", "resnet"))]
        ours = ", ".join([data, *networks, f"after {config['epochs'].max()} epochs"])
    return table.rename(
        columns={
            "row": "network",
            "column": "trained with",
            "printed": f"printed error, {printed} (%)",
            "ours (last)": f"our test error, {ours} (%)",
            "ours (best-test)": "our test error at its best epoch (%)",
        }
    )


def svhn() -> pd.DataFrame:
    """Return the printed errors of Table 5.3; nothing of ours stands beside them."""
    table = published.published("T5.3")
    return table[["row", "value"]].set_axis(["network", "printed error, SVHN (%)"], axis=1)


def ten(rows: pd.DataFrame) -> str:
    """Say in a sentence what a locality of 10 owes its effect to: which others are as good, and which hardly learn."""
    if rows.empty:
        return "Not run yet."
    table = with_config(rows)
    found = {
        value: measured(rows, "error", "test", "last", mode="local", locality=value)
        for value in sorted(table[table["mode"] == "local"]["locality"].unique())
    }
    failing = [value for value, error in found.items() if error.mean > FAILS]
    learning = {value: error for value, error in found.items() if value not in failing}
    if TEN not in learning:
        return f"At $\\lambda$ = 10 the test error is {as_text(found.get(TEN))} %."
    errors = listed(f"{as_text(error)} % at {value:g}" for value, error in learning.items())
    best = min(learning, key=lambda value: learning[value].mean)
    words = f"Of the localities that learn, $\\lambda$ = {best:g} has the lowest mean error: {errors}."
    if not failing:
        return words
    lost = listed(f"{as_text(found[value])} % at {value:g}" for value in failing)
    return f"{words} The others hardly learn: {lost}. What $\\lambda$ = 10 gains in the table it gains over these."


def cost(benchmark: pd.DataFrame) -> pd.DataFrame:
    """Return what a training step costs with each regulariser, from benchmarks/orthoreg.py, under plain names."""
    named = {
        "network": "network",
        "batch": "batch",
        "variant": "regulariser",
        "seconds_a_step": "seconds a step",
        "ratio": "times the step without",
        "added_seconds": "seconds after the optimiser's step",
    }
    return renamed(benchmark, named)
