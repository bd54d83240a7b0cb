"""Pictures of chapter 4: the mechanism, errors over depth and clutter, parts left out, accuracy over cost."""

from collections.abc import Sequence
from itertools import cycle

import pandas as pd
from matplotlib.patches import FancyBboxPatch

from fgr.figures.maps import maps_beside, overlays
from fgr.figures.runs import chosen, not_run
from fgr.figures.samples import sheet
from fgr.figures.style import BLACK, BLUE, CYCLE, GREEN, ORANGE, VERMILION, Figure, panels, style
from fgr.results.statistics import interval

__all__ = [
    "accuracy_over_macs",
    "error_over",
    "error_parts",
    "maps_beside",
    "mechanism",
    "overlays",
    "sheet",
]
SHAPES = ("o", "s", "^", "D", "v", "P", "X")


def mechanism(stages: int = 3, heads: int = 2) -> Figure:
    """Draw the network, a module on each stage, and the gates that weigh what they say (Fig. 4.1 and 4.2).

    Args:
        stages: of the network, each with a module.
        heads: of each module.
    """
    with style():
        figure = Figure(figsize=(7.4, 3.6))
        axes = figure.add_subplot()
        axes.set(xlim=(-0.1, stages + 3.1), ylim=(-0.55, 3.3))
        axes.set_axis_off()
        _box(axes, 0.35, 0.0, "image", BLACK)
        for stage in range(1, stages + 1):
            x = stage + 0.35
            _box(axes, x, 0.0, f"stage {stage}", BLUE)
            _arrow(axes, x - 0.65, 0.0, x - 0.35, 0.0)
            _box(axes, x, 1.25, f"module\n{heads} heads", ORANGE)
            _arrow(axes, x, 0.22, x, 1.0)
            _arrow(axes, x, 1.5, stages + 1.95, 2.45, faint=True)
            axes.text(x + 0.06, 0.6, r"$\mathbf{Z}$", fontsize=9)
            axes.text(x + 0.1, 1.72, r"$\mathbf{o}$", fontsize=9)
        _box(axes, stages + 1.35, 0.0, "classifier", BLUE)
        _arrow(axes, stages + 0.7, 0.0, stages + 1.0, 0.0)
        _box(axes, stages + 1.35, 1.25, "global\ngates", GREEN)
        _arrow(axes, stages + 0.85, 0.15, stages + 1.2, 1.0)
        _arrow(axes, stages + 1.5, 1.5, stages + 2.1, 2.35, faint=True)
        _arrow(axes, stages + 1.6, 0.22, stages + 2.25, 2.35, faint=True)
        _box(axes, stages + 2.35, 2.6, "weighted sum\nof log p", VERMILION)
    return figure


def _box(axes, x: float, y: float, words: str, color: str) -> None:
    width, height = 0.66, 0.42
    patch = FancyBboxPatch(
        (x - width / 2, y - height / 2), width, height, boxstyle="round,pad=0.03", fc="white", ec=color
    )
    axes.add_patch(patch)
    axes.text(x, y, words, ha="center", va="center", fontsize=7.5)


def _arrow(axes, x0: float, y0: float, x1: float, y1: float, faint: bool = False) -> None:
    look = {"arrowstyle": "-|>", "color": BLACK, "alpha": 0.35 if faint else 0.9, "linewidth": 1.0}
    axes.annotate("", (x1, y1), (x0, y0), arrowprops=look)


def error_over(rows: pd.DataFrame, x: str, by: str, xlabel: str, log: bool = False) -> Figure:
    """Draw the last test error in percent over `x`, a line a value of `by`: means over seeds with 95% intervals.

    Args:
        rows: recorded rows; `x` and `by` are columns or fields of their configuration.
        xlabel: what `x` is.
        log: logarithmic scale, base 2, for `x`.
    """
    table = chosen(rows, "error", "test", "last")
    with style():
        figure, (axes,) = panels(1, width=5.2, height=3.6)
        axes.set(xlabel=xlabel, ylabel="test error (%)")
        if table.empty:
            return not_run(figure)
        for color, mark, value in zip(cycle(CYCLE), cycle(SHAPES), sorted(table[by].unique())):
            over = table[table[by] == value].groupby(x)["value"]
            means = {place: interval((100 * values).tolist()) for place, values in over}
            half = [mean.high - mean.mean if mean.n > 1 else 0.0 for mean in means.values()]
            look = {"color": color, "marker": mark, "markersize": 5, "capsize": 3, "label": str(value)}
            axes.errorbar(list(means), [mean.mean for mean in means.values()], half, **look)
        if log:
            axes.set_xscale("log", base=2)
            axes.xaxis.set_major_formatter("{x:g}")
        else:
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    return figure


def error_parts(rows: pd.DataFrame, order: Sequence[str]) -> Figure:
    """Draw the last test error in percent of variants, one under the other: every seed, their mean and interval.

    Args:
        rows: recorded rows with a column `part`, the variant.
        order: of the variants, from the top; the first is marked as what the others are compared with.
    """
    table = chosen(rows, "error", "test", "last")
    with style():
        figure, (axes,) = panels(1, width=5.8, height=0.9 + 0.36 * len(order))
        axes.set(xlabel="test error (%)")
        if table.empty:
            return not_run(figure)
        for place, name in enumerate(order):
            values = 100 * table[table["part"] == name].groupby("seed")["value"].mean()
            if values.empty:
                axes.text(0.02, place, "not run yet", va="center", transform=axes.get_yaxis_transform())
                continue
            color = BLACK if place == 0 else BLUE
            axes.plot(values, [place] * len(values), "o", color=color, alpha=0.35, markersize=4)
            mean = interval(values.tolist())
            half = mean.high - mean.mean if mean.n > 1 else 0.0
            axes.errorbar(mean.mean, place, xerr=half, color=color, marker="D", markersize=5, capsize=3)
        axes.set(yticks=range(len(order)), ylim=(len(order) - 0.5, -0.5))
        axes.set_yticklabels(order)
    return figure


def accuracy_over_macs(table: pd.DataFrame) -> Figure:
    """Draw printed accuracy over cost, a panel a data set (Fig. 4.5).

    Args:
        table: columns network, dataset, accuracy (percent), gmac (giga multiply-accumulates an image).
    """
    with style():
        figure, every = panels(2, width=3.7, height=3.3)
        for axes, (dataset, part) in zip(every, table.groupby("dataset")):
            for color, mark, (name, point) in zip(cycle(CYCLE), cycle(SHAPES), part.groupby("network", sort=True)):
                axes.plot(point["gmac"], point["accuracy"], mark, color=color, markersize=7, label=name)
            axes.set(xlabel="multiply-accumulates (G)", ylabel="printed accuracy (%)", title=dataset)
        every[0].legend(fontsize=7)
    return figure
