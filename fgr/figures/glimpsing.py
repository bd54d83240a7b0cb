"""Pictures of chapter 3: the model, accuracy over how many cells are read, and where the weight of the grid lies."""

from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.patches import FancyBboxPatch, Rectangle
from torch import Tensor

from fgr.figures import maps
from fgr.figures.faces import in_a_row
from fgr.figures.maps import overlays
from fgr.figures.runs import chosen, not_run
from fgr.figures.samples import sheet
from fgr.figures.style import BLACK, BLUE, CYCLE, GREEN, ORANGE, VERMILION, Figure, panels, style
from fgr.results.rows import with_config
from fgr.results.statistics import Interval, interval

__all__ = ["accuracy_over_cells", "confusion", "in_a_row", "mechanism", "overlays", "some", "where"]
WORDS = 11  # points of the labels in the drawing of the model
SHAPES = ("o", "s", "^", "D", "v")
KINDS = {  # part and metric of rows -> words, colour, mark
    ("looks", "weight"): ("weight of the grid", BLUE, "o"),
    ("looks", "read"): ("cells read", VERMILION, "s"),
    ("start", "weight"): ("weight before training", GREEN, "D"),
    ("uniform", "weight"): ("uniform grid", BLACK, "|"),
}
EXAMPLE = (5, 6, 10)  # cells of a 4 x 4 grid that the drawing of the model reads


def mechanism() -> Figure:
    """Draw the model (Fig. 3.1): the small view says where to look, patches of the large one say what is there."""
    with style():
        figure = Figure(figsize=(7.4, 3.2))
        axes = figure.add_subplot()
        axes.set(xlim=(-0.6, 8.2), ylim=(-1.1, 3.3), aspect="equal")
        axes.set_axis_off()
        _box(axes, 0.15, 2.3, 0.75, 0.6, "small\nview", BLACK)
        _box(axes, 1.8, 2.3, 1.0, 0.6, "where\nnetwork", BLUE)
        _grid(axes, 3.4, 1.9, 0.8, filled=True)
        axes.text(3.8, 2.8, r"grid $\mathbf{G}$", fontsize=WORDS, ha="center")
        _grid(axes, -0.4, -0.6, 1.3, filled=False)
        axes.text(0.25, -0.92, "large image", fontsize=WORDS, ha="center")
        _box(axes, 3.8, 0.1, 1.0, 0.6, "what\nnetwork", ORANGE)
        axes.text(2.1, 0.22, "n patches", fontsize=WORDS, ha="center")
        _box(axes, 5.6, 0.1, 1.0, 0.6, "weight\nby G", GREEN)
        _box(axes, 7.4, 1.3, 1.0, 0.8, "join,\nclassify", VERMILION)
        for start, end in (
            *(((0.6, 2.3), (1.25, 2.3)), ((2.35, 2.3), (3.35, 2.3)), ((0.95, 0.1), (3.25, 0.1))),
            *(((4.35, 0.1), (5.05, 0.1)), ((3.8, 1.85), (2.3, 0.55)), ((4.25, 2.1), (5.5, 0.5))),
            *(((7.4, 3.1), (7.4, 1.73)), ((6.15, 0.2), (6.95, 1.0))),
        ):
            axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": BLACK, "linewidth": 1.0})
        axes.plot([1.8, 1.8, 7.4], [2.64, 3.1, 3.1], color=BLACK, linewidth=1.0)  # its features go straight to the end
    return figure


def _box(axes, x: float, y: float, width: float, height: float, words: str, color: str) -> None:
    corner = (x - width / 2, y - height / 2)
    axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle="round,pad=0.03", fc="white", ec=color))
    axes.text(x, y, words, ha="center", va="center", fontsize=WORDS)


def _grid(axes, x: float, y: float, side: float, filled: bool) -> None:
    step = side / 4
    for cell in range(16):
        row, column = divmod(cell, 4)
        look = {"fc": ORANGE if cell in EXAMPLE else "white", "ec": BLACK, "linewidth": 0.6}
        look["alpha"] = 0.9 if filled or cell in EXAMPLE else 0.5
        axes.add_patch(Rectangle((x + column * step, y + side - (row + 1) * step), step, step, **look))


def accuracy_over_cells(rows: pd.DataFrame) -> Figure:
    """Draw the last test accuracy in percent over n, a line a k, with the share of pixels read (Fig. 3.3).

    Args:
        rows: recorded rows with `network`, `grid`, `patches` and `low_size` in their configuration. The networks that
            read one view of the whole face become horizontal lines.
    """
    table = chosen(rows, "accuracy", "test", "last")
    with style():
        figure, (axes,) = panels(1, width=5.6, height=3.6)
        axes.set(xlabel="patches read, n", ylabel="test accuracy (%)")
        if table.empty:
            return not_run(figure)
        share = axes.twinx()
        share.set(ylabel="share of the large image (%), dashed", yscale="log")
        share.grid(visible=False)
        for place, (side, part) in enumerate(table[table["network"] == "low"].groupby("low_size")):
            look = {"color": BLACK, "linewidth": 1.0, "linestyle": (":", "-.")[place % 2]}
            axes.axhline(_mean(part).mean, label=f"small view alone, {side} pixels", **look)
        grids = table[table["network"] == "glimpse"].groupby("grid")
        for place, (color, mark, (k, part)) in enumerate(zip(cycle(CYCLE), cycle(SHAPES), grids)):
            aside = 0.12 * (place - (len(grids) - 1) / 2)  # so that intervals do not hide each other
            means = {n: _mean(same) for n, same in part.groupby("patches")}
            half = [mean.high - mean.mean if mean.n > 1 else 0.0 for mean in means.values()]
            look = {"color": color, "marker": mark, "markersize": 5, "capsize": 3, "label": f"k = {k}"}
            axes.errorbar([n + aside for n in means], [mean.mean for mean in means.values()], half, **look)
            share.plot(list(means), [100 * n / k**2 for n in means], "--", color=color, linewidth=1.0)
        share.yaxis.set_major_formatter("{x:g}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def confusion(shares: np.ndarray, names: list[str]) -> Figure:
    """Draw which classes are taken for which (Table 3.7), or say that nothing was run.

    Args:
        shares: (L, L) of each true class; a row of zeros for a class that was not there.
    """
    if shares.any():
        return maps.confusion(shares, names)
    with style():
        return not_run(panels(1, width=4.0)[0])


def _mean(part: pd.DataFrame) -> Interval:
    return interval((100 * part.groupby("seed")["value"].mean()).tolist())


def where(rows: pd.DataFrame) -> Figure:
    """Draw which share of a grid lies on each region of a face: its weight and what is read, before, and if uniform.

    Args:
        rows: with metrics "weight: ..." and "read: ..." of regions, and `part` and `labels` in their configuration; for
            each value of the latter there is a panel.
    """
    shares = rows[rows["metric"].str.startswith(("weight: ", "read: "))] if len(rows) else rows
    if shares.empty:
        with style():
            return not_run(panels(1, width=4.0)[0])
    table = with_config(shares)
    table[["kind", "region"]] = table["metric"].str.split(": ", expand=True)
    regions, tasks = list(dict.fromkeys(table["region"])), list(dict.fromkeys(table["labels"]))
    with style():
        figure, every = panels(len(tasks), width=4.0, height=0.8 + 0.4 * len(regions))
        for axes, task in zip(every, tasks):
            for offset, (kind, look) in zip(np.linspace(-0.24, 0.24, len(KINDS)), KINDS.items()):
                mine = table[(table["labels"] == task) & (table["part"] == kind[0]) & (table["kind"] == kind[1])]
                means = [_mean(mine[mine["region"] == region]) for region in regions]
                half = [mean.high - mean.mean if mean.n > 1 else 0.0 for mean in means]
                words, color, mark = look
                marks = {"color": color, "marker": mark, "markersize": 6, "capsize": 3, "linestyle": "none"}
                axes.errorbar(
                    [mean.mean for mean in means], np.arange(len(regions)) + offset, xerr=half, label=words, **marks
                )
            axes.set(yticks=range(len(regions)), ylim=(len(regions) - 0.5, -0.5), xlim=(0, None), title=task)
            axes.set(xlabel="share in the region (%)")
            axes.set_yticklabels(regions if axes is every[0] else [""] * len(regions))
        figure.legend(*every[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(KINDS))
    return figure


def some(images: Tensor, titles: list[str], columns: int = 4) -> Figure:
    """Draw images with their titles, or say that there are none."""
    if len(images):
        return sheet(images, titles, columns)
    with style():
        figure, (axes,) = panels(1, width=3.0, height=0.8)
        axes.set_axis_off()
        axes.text(0.5, 0.5, "none here", ha="center", va="center")
    return figure
