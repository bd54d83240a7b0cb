"""Pictures of output codes: what a code matrix looks like, what is learned with it, how few bits suffice."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from fgr.figures.runs import chosen, not_run
from fgr.figures.style import BLACK, BLUE, CYCLE, GREEN, PURPLE, VERMILION, Figure, panels, style
from fgr.results.statistics import interval

CODES = {"one_hot": BLACK, "gaussian": VERMILION, "dense_random": PURPLE, "hadamard": GREEN, "spectral": BLUE}
NAMES = {"one_hot": "one-hot", "dense_random": "dense random", "spectral": "data-based"}


def code_name(code: str) -> str:
    """Return what a code is called on the page."""
    return NAMES.get(code, code)


def code_matrices(codes: Mapping[str, Tensor], bits: int = 24) -> Figure:
    """Draw the first bits of code matrices side by side: a row a class, a column a bit (Fig. 6.1)."""
    with style():
        figure, axes = panels(len(codes), width=2.9, height=3.4)
        for ax, (code, matrix) in zip(axes, codes.items()):
            shown = matrix[:, :bits].numpy()
            top = np.abs(shown).max()
            ax.imshow(shown, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto", interpolation="nearest")
            ax.grid(visible=False)
            ax.set(title=code_name(code), xlabel="bit")
        axes[0].set_ylabel("class, relatives beside each other")
    return figure


def embeddings(points: Mapping[str, np.ndarray], groups: Tensor, scores: Mapping[str, float]) -> Figure:
    """Draw embedded outputs of several codes, coloured by family, with their separation in the title (Fig. 6.4).

    Args:
        points: code -> (B, 2).
        groups: (B,) int64, which colour; more groups than colours repeat them with another mark.
        scores: code -> mean silhouette.
    """
    with style():
        figure, axes = panels(len(points), width=3.3)
        for ax, (code, values) in zip(axes, points.items()):
            for group in groups.unique().tolist():
                mine = (groups == group).numpy()
                mark = "o^sDv"[group // len(CYCLE) % 5]
                ax.plot(*values[mine].T, mark, color=CYCLE[group % len(CYCLE)], markersize=3, alpha=0.7)
            ax.set(title=f"{code_name(code)}, silhouette {scores[code]:.2f}", xticks=[], yticks=[], xlabel="t-SNE 1")
        axes[0].set_ylabel("t-SNE 2")
    return figure


def accuracy_over_bits(rows: pd.DataFrame) -> Figure:
    """Draw test accuracy over the length of each code as a share of the number of classes (Fig. 6.3)."""
    table = chosen(rows, "error", "test", "last")
    with style():
        figure, (axes,) = panels(1, width=5.6, height=3.6)
        axes.set(xlabel="bits (share of the number of classes, %)", ylabel="test accuracy (%)")
        if table.empty:
            return not_run(figure)
        for code, part in table.groupby("code"):
            found = [(100 * length / part["num_classes"].iloc[0], of) for length, of in part.groupby("length")["value"]]
            means = [interval((100 - 100 * values).tolist()) for _, values in found]
            half = [0.0 if mean.n < 2 else mean.high - mean.mean for mean in means]
            color = CODES.get(code, CYCLE[5])
            places = [place for place, _ in found]
            heights = [mean.mean for mean in means]
            axes.errorbar(
                places, heights, half, color=color, marker="o", markersize=4, capsize=3, label=code_name(code)
            )
        axes.legend()
    return figure


def convergence(rows: pd.DataFrame) -> Figure:
    """Draw test error over the epochs, a panel a batch size, a line a code; mean and range over seeds (Fig. 6.2)."""
    table = chosen(rows, "error", "test", "epoch")
    with style():
        if table.empty:
            figure, (axes,) = panels(1, width=5.2)
            axes.set(xlabel="epoch", ylabel="test error (%)")
            return not_run(figure)
        sizes = sorted(table["batch_size"].unique())
        figure, axes = panels(len(sizes), width=3.2)
        for ax, size in zip(axes, sizes):
            for code, part in table[table.batch_size == size].groupby("code"):
                over = 100 * part.groupby("epochs")["value"].agg(["mean", "min", "max"])
                color = CODES.get(code, CYCLE[5])
                ax.plot(over.index, over["mean"], color=color, label=code_name(code))
                ax.fill_between(over.index, over["min"], over["max"], color=color, alpha=0.15, linewidth=0)
            ax.set(title=f"batches of {size}", xlabel="epoch")
            ax.xaxis.get_major_locator().set_params(integer=True)
            ax.sharey(axes[0])
        axes[0].set_ylabel("test error (%)")
        axes[-1].legend()
    return figure


def path_of_bits(paths: Mapping[str, Sequence[tuple[int, int]]], num_classes: int) -> Figure:
    """Draw how many classes are left after each bit that two classes share, until one parts them (Fig. 6.8)."""
    with style():
        figure, (axes,) = panels(1, width=5.6)
        for color, (pair, steps) in zip(CYCLE, paths.items()):
            bits = [0, *(bit for bit, _ in steps)]
            axes.plot(bits, [num_classes, *(left for _, left in steps)], "o-", color=color, markersize=4, label=pair)
        axes.set(xlabel="bits read", ylabel="classes with the same bits", yscale="log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("")
        axes.set_yticks([2, 5, 10, 20, 50, 100, 200], minor=False)
        axes.set_ylim(1.7, 1.2 * num_classes)
        axes.xaxis.get_major_locator().set_params(integer=True)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=1)
    return figure
