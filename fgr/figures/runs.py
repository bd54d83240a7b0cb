"""Pictures of recorded runs, for any chapter: a metric over the epochs, and over whatever the runs differ in."""

from collections.abc import Sequence
from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from fgr.figures.style import CYCLE, MARKERS, RULES, Figure, panels, style
from fgr.results.rows import with_config
from fgr.results.statistics import interval

EPOCH_MARK = {"marker": ".", "markersize": 4}


def curves(rows: pd.DataFrame, by: str, label: str, split: str = "test") -> Figure:
    """Draw the error over the epochs, mean over seeds with the range of the seeds, one line a value of `by`."""
    table = chosen(rows, "error", split, "epoch")
    with style():
        figure, (axes,) = panels(1, width=5.2, height=3.6)
        axes.set(xlabel="epoch", ylabel=f"{split} error (%)", yscale="log")
        if table.empty:
            return not_run(figure)
        for color, value in zip(cycle(CYCLE), _in_order(table[by].unique())):
            over = table[table[by] == value].groupby("epochs")["value"]
            color = RULES.get(value, color)
            axes.plot(over.mean().index, 100 * over.mean(), color=color, label=f"{label} {value}", **EPOCH_MARK)
            axes.fill_between(
                over.mean().index, 100 * over.min(), 100 * over.max(), color=color, alpha=0.15, linewidth=0
            )
        _few_ticks(axes)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
    return figure


def metric_over(
    rows: pd.DataFrame, by: str, metric: str, label: str, xlabel: str, split: str = "test", log: bool = False
) -> Figure:
    """Draw a last-epoch metric in percent over a parameter: every seed, their mean and interval.

    With `log` the axis is logarithmic: for rates of which some are many times others.
    """
    table = chosen(rows, metric, split, "last")
    with style():
        figure, (axes,) = panels(1, width=5.2)
        axes.set(xlabel=xlabel, ylabel=label)
        if table.empty:
            return not_run(figure)
        names = []
        for position, value in enumerate(_in_order(table[by].unique())):
            group = table[table[by] == value]
            values = 100 * group.groupby("seed")["value"].mean()
            color = RULES.get(value, CYCLE[0])
            axes.plot([position] * len(values), values, "o", color=color, alpha=0.35, markersize=4)
            mean = interval(values.tolist())
            half = mean.high - mean.mean if mean.n > 1 else 0.0
            mark = MARKERS.get(value, "D")
            axes.errorbar(position, mean.mean, half, color=color, marker=mark, markersize=6, capsize=4)
            names.append(f"{value:g}" if isinstance(value, float) else str(value))
        if log:
            axes.set_yscale("log")
            _few_ticks(axes)
        axes.set(xticks=range(len(names)), xlim=(-0.5, len(names) - 0.5))
        axes.set_xticklabels(names)
    return figure


def chosen(rows: pd.DataFrame, metric: str, split: str, selection: str) -> pd.DataFrame:
    """Return the rows of one metric, split and selection, with their configurations as columns."""
    chosen = rows[(rows["metric"] == metric) & (rows["split"] == split) & (rows["selection"] == selection)]
    return with_config(chosen) if len(chosen) else chosen


def not_run(figure: Figure) -> Figure:
    """Say in the picture that no rows were recorded, rather than draw nothing."""
    figure.axes[0].set_yscale("linear")  # before the ticks: changing the scale brings them back
    figure.axes[0].set(xticks=[], yticks=[])
    figure.axes[0].text(0.5, 0.5, "not run yet", ha="center", va="center", transform=figure.axes[0].transAxes)
    return figure


def _few_ticks(axes: Axes) -> None:
    """Label a logarithmic axis at 1, 2, 3, 5 and 10 times a power of ten, in plain numbers."""
    axes.yaxis.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")


def _in_order(values: Sequence[object]) -> list[object]:
    """Sort numbers by size, and rules as none, global, local."""
    return sorted(values, key=lambda value: list(RULES).index(value) if value in RULES else value)
