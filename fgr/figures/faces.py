"""Pictures of chapter 2: stages of preparation, predicted and true pain over time, saliency beside the mean face."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from torch import Tensor

from fgr.checks import check_shape
from fgr.figures.maps import CELL, SCALE
from fgr.figures.runs import chosen, not_run
from fgr.figures.samples import sheet
from fgr.figures.style import BLACK, BLUE, CYCLE, VERMILION, Figure, panels, style
from fgr.results.statistics import interval

READABLE = 13  # points of labels in a figure so wide that the page shows it at little more than half its size


def stages(shown: Mapping[str, Tensor]) -> Figure:
    """Draw the same frames at every stage, a row a stage.

    Args:
        shown: title -> (B, 3, S, S) uint8, as many frames at every stage, of any size.

    Raises:
        ValueError: if the numbers of frames differ.
    """
    count = len(next(iter(shown.values())))
    with style():
        figure = Figure(figsize=(CELL * count + 2.2, CELL * len(shown)))
        axes = figure.subplots(len(shown), count, squeeze=False)
        for row, (title, images) in zip(axes, shown.items()):
            check_shape(images, f"{count} C H W", title)
            for ax, image in zip(row, images):
                ax.imshow(image.permute(1, 2, 0).numpy())
                _picture(ax)
            words = title.replace(", ", ",\n")
            row[0].set_ylabel(words, rotation=0, ha="right", va="center", fontsize=READABLE)
    return figure


def in_a_row(images: Tensor, titles: Sequence[str]) -> Figure:
    """Draw a few images side by side, a title above each that is readable at the width of a page.

    Args:
        images: (B, C, H, W) uint8.
        titles: one an image.
    """
    figure = sheet(images, titles, columns=len(images))
    figure.set_figheight(figure.get_figheight() + 0.1)
    for axes in figure.axes:
        axes.title.set_fontsize(READABLE)
    return figure


def traces(levels: Mapping[str, Tensor]) -> Figure:
    """Draw pain levels over the frames of one video: "true" as an area, predictions as lines (Fig. 2.2).

    Args:
        levels: name -> (T,); one of them "true".
    """
    with style():
        figure, (axes,) = panels(1, width=6.4, height=2.6)
        true = levels["true"].numpy()
        axes.fill_between(range(len(true)), true, step="mid", color=BLACK, alpha=0.15, linewidth=0, label="true")
        predictions = [(name, values) for name, values in levels.items() if name != "true"]
        for color, (name, values) in zip(CYCLE, predictions):
            axes.plot(values.numpy(), color=color, label=name)
        axes.axhline(1.0, color=BLACK, linewidth=0.8, linestyle=":")  # from here on it is pain
        axes.set(xlabel="frame", ylabel="pain level")
        axes.legend(ncols=3, loc="upper left", bbox_to_anchor=(0, 1.18))
    return figure


def saliency(average: Tensor | None, face: Tensor | None) -> Figure:
    """Draw the average saliency map and the mean face side by side (Fig. 2.5); without a map, say so.

    Args:
        average: (S, S), 0 or above; None if none was measured.
        face: (3, S, S) in [0, 1].
    """
    if average is None or face is None:
        with style():
            return not_run(panels(1, width=2.6, height=2.4)[0])
    check_shape(average, "H W", "average")
    with style():
        figure, (left, right) = panels(2, width=2.6, height=2.4)
        shown = left.imshow((average / average.max()).numpy(), cmap=SCALE, vmin=0, vmax=1)
        right.imshow(face.permute(1, 2, 0).clamp(0, 1).numpy())
        for ax, title in ((left, "mean saliency"), (right, "mean face")):
            _picture(ax)
            ax.set_title(title)
        figure.colorbar(shown, ax=left, shrink=0.8, label="share of the maximum")
    return figure


def rate_over(rows: pd.DataFrame, by: str, names: Mapping[str, str], metric: str, label: str) -> Figure:
    """Draw a rate in percent for variants, one under the other: every seed, their mean and interval.

    Args:
        rows: recorded rows.
        by: field of their configuration.
        names: its values, from the top, and what to call each.
        metric: e.g. "auc".
        label: of the axis.
    """
    table = chosen(rows, metric, "test", "last")
    with style():
        figure, (axes,) = panels(1, width=5.8, height=0.9 + 0.36 * len(names))
        axes.set(xlabel=label)
        if table.empty:
            return not_run(figure)
        for place, name in enumerate(names):
            values = 100 * table[table[by] == name].groupby("seed")["value"].mean()
            if values.empty:
                continue
            axes.plot(values, [place] * len(values), "o", color=BLUE, alpha=0.35, markersize=4)
            mean = interval(values.tolist())
            half = mean.high - mean.mean if mean.n > 1 else 0.0
            axes.errorbar(mean.mean, place, xerr=half, color=BLUE, marker="D", markersize=5, capsize=3)
        axes.axvline(50, color=VERMILION, linewidth=0.9, linestyle=":")  # chance
        axes.set(yticks=range(len(names)), ylim=(len(names) - 0.5, -0.5))
        axes.set_yticklabels(names.values())
    return figure


def _picture(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
