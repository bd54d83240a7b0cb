"""Pictures of what generated sets show: errors over the number of images, and what is taken for what."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd

from fgr.figures.runs import chosen, not_run
from fgr.figures.style import BLACK, CYCLE, Figure, panels, style
from fgr.results.statistics import interval

TRAITS = {  # what is read off faces: metric -> what to call it, the factor from the recorded unit, decimals
    "age_mae": ("error of age (years)", 1, 1),
    "error": ("wrong age group (%)", 100, 1),
    "gender_error": ("wrong gender (%)", 100, 1),
    "unit_correlation": ("correlation of action units", 1, 2),
}


def reader_name(reader: str, size: int) -> str:
    """Return what to call a reader of faces with so many pixels."""
    return f"{'linear' if reader == 'linear' else 'network'}, {size} pixels"


def face_curves(rows: pd.DataFrame) -> Figure:
    """Draw how well age, gender and action units are read over the number of training images, a line a reader."""
    with style():
        figure, axes = panels(4, width=2.9, height=3.0)
        if rows.empty:
            return _nothing(figure)
        for ax, (metric, (label, factor, _)) in zip(axes, TRAITS.items()):
            table = chosen(rows, metric, "test", "last").sort_values(["reader", "size"], ascending=[False, True])
            for color, ((reader, size), part) in zip(cycle(CYCLE), table.groupby(["reader", "size"], sort=False)):
                _line(ax, part, factor, reader_name(reader, size), color)
            ax.set(ylabel=label)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def bird_curves(rows: pd.DataFrame, num_species: int = 20) -> Figure:
    """Draw the network's error over the number of training images, a line a difficulty."""
    with style():
        figure, (axes,) = panels(1, width=5.2)
        if rows.empty:
            return _nothing(figure)
        table = chosen(rows, "error", "test", "last")
        table = table[(table.reader == "cnn") & (table.num_species == num_species)]
        for color, (difficulty, part) in zip(cycle(CYCLE), table.groupby("difficulty")):
            _line(axes, part, 100, f"difficulty {difficulty:g}", color)
        axes.axhline(100 * (1 - 1 / num_species), color=BLACK, linestyle=":", linewidth=0.9)
        axes.annotate("chance", (0.01, 100 * (1 - 1 / num_species)), xycoords=("axes fraction", "data"), va="bottom")
        axes.set(ylabel="test error (%)", ylim=(0, 104))
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def kinship(rows: pd.DataFrame, chance: Mapping[str, float], num_species: int = 20) -> Figure:
    """Draw of which kin the wrong answers are, at the most training images: bars a difficulty, and chance beside them.

    Args:
        rows: recorded rows of birds.
        chance: level of kinship -> share of wrong answers that are drawn by lot, nearest kin first.
        num_species: which tree.
    """
    levels = list(chance)
    with style():
        figure, (axes,) = panels(1, width=6.0)
        if rows.empty:
            return _nothing(figure)
        bars: dict[str, Sequence[float]] = {}
        tables = [chosen(rows, f"errors: {level}", "test", "last") for level in levels]
        for difficulty in sorted(tables[0].difficulty.unique()):
            bars[f"difficulty {difficulty:g}"] = [_largest(t, difficulty, num_species) for t in tables]
        bars["by chance"] = [chance[level] for level in levels]
        wide = 0.8 / len(bars)
        for number, (color, (label, shares)) in enumerate(zip([*CYCLE[: len(bars) - 1], BLACK], bars.items())):
            places = np.arange(len(levels)) + (number - (len(bars) - 1) / 2) * wide
            axes.bar(places, 100 * np.array(shares), wide, color=color, label=label)
        axes.set(xticks=range(len(levels)), ylabel="share of the errors (%)")
        axes.set_xticklabels(levels)
        axes.legend()
    return figure


def _largest(table: pd.DataFrame, difficulty: float, num_species: int) -> float:
    """Return the mean over the seeds at the most training images."""
    mine = table[(table.reader == "cnn") & (table.difficulty == difficulty) & (table.num_species == num_species)]
    return mine[mine.train == mine.train.max()]["value"].mean()


def _line(axes, part: pd.DataFrame, factor: float, label: str, color: str) -> None:
    """Draw every seed, their mean and its 95% interval over the number of training images."""
    axes.plot(part.train, factor * part["value"], ".", color=color, alpha=0.4, markersize=4)
    means = [(count, interval((factor * seeds["value"]).tolist())) for count, seeds in part.groupby("train")]
    x, y = [count for count, _ in means], [of.mean for _, of in means]
    half = [of.high - of.mean if of.n > 1 else 0.0 for _, of in means]
    axes.errorbar(x, y, half, color=color, marker="o", markersize=4, capsize=3, label=label)
    axes.set(xscale="log", xlabel="training images")
    axes.set_xticks(x)
    axes.set_xticklabels([f"{count:,}" for count in x])
    axes.minorticks_off()


def _nothing(figure: Figure) -> Figure:
    for axes in figure.axes[1:]:
        axes.remove()
    return not_run(figure)
