"""Pictures of output codes show what they are given, labelled, and say so where nothing was run."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import torch

from fgr.figures import codes as draw
from fgr.results import rows as results


def rows() -> pd.DataFrame:
    """Made-up runs: spectral codes have half the error of one-hot ones; more bits and epochs help."""
    made = []
    for code, length, size, seed in itertools.product(("one_hot", "spectral"), (5, 20), (16, 64), (0, 1)):
        config = json.dumps({"batch_size": size, "code": code, "length": length, "num_classes": 20}, sort_keys=True)
        run = results.Run("codes", config, "synthetic_birds", seed, "test", "cpu")
        error = (0.4 if code == "one_hot" else 0.2) * 5 / length + 0.01 * seed
        made += [run.row("error", error * (3 - epoch), "fraction", "test", "epoch", epoch) for epoch in (1, 2)]
        made.append(run.row("error", error, "fraction", "test", "last", 2))
    return results.frame(made)


def drawable(figure) -> bool:
    return figure._repr_png_().startswith(b"\x89PNG")


def test_accuracy_over_bits_has_a_line_a_code_over_shares_of_the_classes() -> None:
    axes = draw.accuracy_over_bits(rows()).axes[0]
    lines = {container.get_label(): container.lines[0] for container in axes.containers}
    assert set(lines) == {"one-hot", "data-based"}
    assert list(lines["one-hot"].get_xdata()) == [25.0, 100.0]
    assert list(lines["data-based"].get_ydata()) == pytest.approx([79.5, 94.5])


def test_convergence_has_a_panel_a_batch_size() -> None:
    figure = draw.convergence(rows())
    assert [axes.get_title() for axes in figure.axes] == ["batches of 16", "batches of 64"]
    assert all(axes.get_xlabel() == "epoch" for axes in figure.axes)
    assert drawable(figure)


@pytest.mark.parametrize("make", [draw.accuracy_over_bits, draw.convergence])
def test_without_rows_the_picture_says_so(make) -> None:
    assert [text.get_text() for text in make(results.frame([])).axes[0].texts] == ["not run yet"]


def test_code_matrices_show_the_first_bits() -> None:
    figure = draw.code_matrices({"one_hot": torch.eye(4), "gaussian": torch.randn(4, 30)}, bits=3)
    assert [axes.images[0].get_array().shape for axes in figure.axes] == [(4, 3), (4, 3)]
    assert drawable(figure)


def test_scheme_has_a_word_of_signs_for_every_class() -> None:
    (axes,) = draw.scheme(bits=3).axes
    said = [text.get_text() for text in axes.texts]
    assert [f"class {number}" for number in range(1, 9)] == [word for word in said if word.startswith("class")]
    signs = [word for word in said if word in ("+", "−")]
    words = {tuple(signs[start : start + 3]) for start in range(0, len(signs), 3)}
    assert len(signs) == 24 and len(words) == 8
    assert len(axes.lines) == 2 * (1 + 2 + 4)  # two branches at every fork of the tree
    assert drawable(draw.scheme())


def test_embeddings_name_their_separation_and_their_families() -> None:
    families = [f"{number // 4 + 1}.{number % 4 + 1}" for number in range(9)]
    figure = draw.embeddings({"spectral": np.zeros((9, 2))}, families, {"spectral": 0.25})
    assert figure.axes[0].get_title() == "data-based, silhouette 0.25"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == sorted(families)
    looks = {(line.get_color(), line.get_marker()) for line in figure.axes[0].lines}
    assert len(looks) == 9  # more families than colours, and all are told apart


def test_path_of_bits_starts_with_all_classes_and_shows_lines_that_run_together() -> None:
    pairs = {"a and b": [(1, 8), (2, 2)], "a and c": [(1, 8), (2, 4), (3, 2)]}
    figure = draw.path_of_bits({"one_hot": pairs, "spectral": pairs}, 20)
    assert [axes.get_title() for axes in figure.axes] == ["one-hot", "data-based"]
    for axes in figure.axes:
        first, _, second, _ = axes.lines
        assert list(first.get_xdata()) == [0, 1, 2] and list(first.get_ydata()) == [20, 8, 2]
        assert list(second.get_ydata()) == [20, 8, 4, 2] and second.get_linewidth() < first.get_linewidth()
        assert axes.get_xlabel() == "bits read"
    assert figure.axes[0].get_ylabel() == "classes with the same bits"
    assert [text.get_text() for text in figure.legends[0].texts] == list(pairs)
    assert drawable(figure)
