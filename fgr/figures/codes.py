"""Pictures of output codes: what a code matrix looks like, what is learned with it, how few bits suffice."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from fgr.figures.runs import chosen, not_run
from fgr.figures.style import BLACK, BLUE, CYCLE, GREEN, ORANGE, PURPLE, VERMILION, Figure, panels, style
from fgr.results.statistics import interval

CODES = {"one_hot": BLACK, "gaussian": VERMILION, "dense_random": PURPLE, "hadamard": GREEN, "spectral": BLUE}
NAMES = {"one_hot": "one-hot", "dense_random": "dense random", "spectral": "data-based"}


def code_name(code: str) -> str:
    """Return what a code is called on the page."""
    return NAMES.get(code, code)


def scheme(bits: int = 3) -> Figure:
    """Draw how a network predicts words: outputs, decoder and softmax, below them the words and the tree they spell.

    The words are those of cuts in the simplest case: bit 1 halves the classes, bit 2 the halves (Fig. 6.1).

    Args:
        bits: k; there are 2^k classes.
    """
    classes = 2**bits
    words = 1 - 2 * ((np.arange(classes)[:, None] >> np.arange(bits)[::-1]) & 1)  # (n, k) of 1 and -1
    with style():
        figure = Figure(figsize=(7.6, 4.6))
        axes = figure.add_subplot()
        axes.set(xlim=(0.2, 9.8), ylim=(-0.3, 5.9))
        axes.set_axis_off()
        chain = [
            ("image", BLACK),
            ("network", BLUE),
            (f"k = {bits}\noutputs", ORANGE),
            ("distances\nto words", VERMILION),
        ]
        for place, (text, color) in enumerate([*chain, (f"softmax:\n{classes} classes", GREEN)]):
            x = 1 + 2 * place
            _box(axes, x, 5.4, text, color)
            if place:
                _arrow(axes, x - 1.25, 5.4, x - 0.76, 5.4)
        cell, top = 0.5, 4.0  # of the matrix, which stands below the distances
        left, height = 7 - cell * bits / 2, top / classes
        for row, word in enumerate(words):
            y = top - height * (row + 0.5)
            axes.text(left - 0.12, y, f"class {row + 1}", ha="right", va="center")
            for bit, value in enumerate(word):
                x, dark = left + cell * bit, 0.6 if value > 0 else 0.12
                axes.fill_between([x, x + cell], y - height / 2, y + height / 2, color=BLUE, alpha=dark)
                axes.text(x + cell / 2, y, "+" if value > 0 else "−", ha="center", va="center")
        for bit in range(bits):
            axes.text(left + cell * (bit + 0.5), -0.08, f"bit {bit + 1}", ha="center", va="top", fontsize=9)
        _arrow(axes, 7, top + 0.08, 7, 4.96)
        _tree(axes, left - 1.1, top, height, bits)
    return figure


def _tree(axes, x: float, top: float, height: float, bits: int) -> None:
    """Draw a tree whose leaves end at `x`, one a row of the matrix; name the bit that parts each branch."""
    step = 0.9
    for depth in range(bits):
        here, rows = x - step * (bits - depth), 2 ** (bits - depth)  # leaves below a branch of this depth
        for branch in range(2**depth):
            middle = top - height * rows * (branch + 0.5)
            for half in (-1, 1):
                leaf = middle + half * height * rows / 4
                axes.plot([here, here, here + step], [middle, leaf, leaf], color=BLACK, linewidth=1.2)
        axes.text(here + step / 2, -0.08, f"bit {depth + 1}", ha="center", va="top", fontsize=9)


def _box(axes, x: float, y: float, words: str, color: str) -> None:
    width, height = 1.4, 0.8
    look = {"boxstyle": "round,pad=0.03", "fc": "white", "ec": color, "linewidth": 1.4}
    axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, **look))
    axes.text(x, y, words, ha="center", va="center")


def _arrow(axes, x0: float, y0: float, x1: float, y1: float) -> None:
    axes.annotate("", (x1, y1), (x0, y0), arrowprops={"arrowstyle": "-|>", "color": BLACK, "linewidth": 1.2})


def code_matrices(codes: Mapping[str, Tensor], bits: int = 24) -> Figure:
    """Draw the first bits of code matrices side by side: a row a class, a column a bit."""
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


def embeddings(points: Mapping[str, np.ndarray], groups: Sequence[str], scores: Mapping[str, float]) -> Figure:
    """Draw embedded outputs of several codes, coloured by family, with their separation in the title (Fig. 6.4).

    Args:
        points: code -> (B, 2).
        groups: the family of each of the B samples, which the legend names; more of them than colours repeat these with
            another mark.
        scores: code -> mean silhouette.
    """
    names, family = sorted(set(groups)), np.array(groups)
    with style():
        figure, axes = panels(len(points), width=3.3)
        for ax, (code, values) in zip(axes, points.items()):
            for number, name in enumerate(names):
                mark = "o^sDv"[number // len(CYCLE) % 5]
                look = {"color": CYCLE[number % len(CYCLE)], "markersize": 3.5, "alpha": 0.7, "label": name}
                ax.plot(*values[family == name].T, mark, **look)
            ax.set(title=f"{code_name(code)}, silhouette {scores[code]:.2f}", xticks=[], yticks=[], xlabel="t-SNE 1")
        axes[0].set_ylabel("t-SNE 2")
        columns = min(len(names), 10)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=columns, title="family")
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


def path_of_bits(paths: Mapping[str, Mapping[str, Sequence[tuple[int, int]]]], num_classes: int) -> Figure:
    """Draw how many classes are left after each bit that two classes share, until one parts them (Fig. 6.8).

    Args:
        paths: code -> name of a pair -> (bit, classes left); a panel a code, a line a pair. Later lines are thinner, so
            that all are seen where they run together.
        num_classes: that there are at the start.
    """
    with style():
        figure, axes = panels(len(paths), width=3.3, height=3.6)
        for ax, (code, pairs) in zip(axes, paths.items()):
            for number, steps in enumerate(pairs.values()):
                color, more = CYCLE[number % len(CYCLE)], len(pairs) - 1 - number
                bits, left = [0, *(bit for bit, _ in steps)], [num_classes, *(left for _, left in steps)]
                ax.plot(bits, left, color=color, linewidth=1.6 + 1.4 * more, solid_capstyle="butt")
                size = 5 + 2 * more
                ax.plot(bits[-1:], left[-1:], "os^Dv"[number % 5], color=color, markersize=size, clip_on=False)
            ax.set(title=code_name(code), xlabel="bits read", yscale="log", ylim=(1.7, 1.2 * num_classes))
            ax.yaxis.set_major_formatter("{x:g}")
            ax.yaxis.set_minor_formatter("")
            ax.set_yticks([count for count in (2, 5, 10, 20, 50, 100, 200) if count <= 1.2 * num_classes], minor=False)
            ax.set_xlim(left=0)
            ax.xaxis.get_major_locator().set_params(integer=True)
        axes[0].set_ylabel("classes with the same bits")
        lines = axes[0].get_lines()
        for line, pair in zip(lines[1::2], next(iter(paths.values()))):
            line.set_label(pair)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
