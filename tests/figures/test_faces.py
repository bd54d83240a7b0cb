"""Pictures of chapter 2 show the frames, levels and rates that they are given, and say so where nothing was run."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from fgr.figures import faces as draw
from fgr.results import rows as results

NAMES = {"crop": "aligned crop", "raw": "whole frame", "frontal": "frontal"}


def rows() -> pd.DataFrame:
    """Made-up runs: two seeds of one preparation, one of another."""
    made = []
    for variant, seed, auc in (("frontal", 0, 0.8), ("frontal", 1, 0.9), ("crop", 0, 0.7)):
        run = results.Run("pain", json.dumps({"variant": variant}), "synthetic_pain", seed, "test", "cpu")
        made += [run.row("auc", auc, "fraction", "test", "last", 1), run.row("mae", 9, "none", "test", "last", 1)]
    return results.frame(made)


def test_stages_are_rows_of_the_same_frames_at_any_size() -> None:
    small = torch.arange(2 * 3 * 16, dtype=torch.uint8).view(2, 3, 4, 4)
    figure = draw.stages({"frame": small, "seen, by whom": torch.zeros(2, 3, 2, 2, dtype=torch.uint8)})
    axes = np.array(figure.axes).reshape(2, 2)
    assert [row[0].get_ylabel() for row in axes] == ["frame", "seen,\nby whom"]
    assert np.array_equal(axes[0, 1].images[0].get_array(), small[1].permute(1, 2, 0))
    assert axes[1, 0].images[0].get_array().shape == (2, 2, 3)
    with pytest.raises(ValueError, match="seen"):
        draw.stages({"frame": small, "seen": small[:1]})


def test_pictures_in_a_row_have_titles_that_a_shrunk_figure_shows() -> None:
    """The page shows a figure that is wider than its column smaller than it is."""
    figure = draw.in_a_row(torch.zeros(7, 3, 8, 8, dtype=torch.uint8), list("abcdefg"))
    assert [axes.get_title() for axes in figure.axes] == list("abcdefg")
    assert {axes.title.get_fontsize() for axes in figure.axes} == {draw.READABLE}
    assert len({axes.get_subplotspec().rowspan.start for axes in figure.axes}) == 1


def test_traces_are_lines_over_the_true_area() -> None:
    """And a dotted line where pain begins."""
    levels = {"true": torch.tensor([0.0, 2.0, 0.0]), "CNN": torch.tensor([0.5, 1.5, 0.2]), "LSTM": torch.zeros(3)}
    (axes,) = draw.traces(levels).axes
    lines = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert lines["CNN"] == pytest.approx([0.5, 1.5, 0.2]) and lines["LSTM"] == [0, 0, 0]
    assert [list(line.get_ydata()) for line in axes.lines if line.get_linestyle() == ":"] == [[1.0, 1.0]]
    assert len(axes.collections) == 1 and axes.get_legend().get_texts()[0].get_text() == "true"


def test_saliency_is_a_share_of_its_maximum_beside_the_mean_face() -> None:
    face = torch.rand(3, 4, 4)
    left, right, *_ = draw.saliency(torch.arange(16.0).view(4, 4), face).axes
    assert left.images[0].get_array().max() == 1 and left.images[0].get_array()[0, 0] == 0
    np.testing.assert_allclose(right.images[0].get_array(), face.permute(1, 2, 0))
    with pytest.raises(ValueError, match="average"):
        draw.saliency(torch.zeros(1, 4, 4), face)
    assert draw.saliency(None, None).axes[0].texts[0].get_text() == "not run yet"


def test_rates_are_means_of_seeds_in_percent_in_the_order_given() -> None:
    """A variant without rows keeps its line; half the frames right by chance is marked."""
    (axes,) = draw.rate_over(rows(), "variant", NAMES, "auc", "AUC (%)").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES.values())
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    means = {int(c.lines[0].get_ydata()[0]): float(c.lines[0].get_xdata()[0]) for c in axes.containers}
    assert means == pytest.approx({0: 70.0, 2: 85.0})
    seeds = [sorted(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert seeds == [[pytest.approx(70)], [pytest.approx(80), pytest.approx(90)]]
    assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [50]


def test_without_rows_the_picture_says_so() -> None:
    figure = draw.rate_over(results.frame([]), "variant", NAMES, "auc", "AUC (%)")
    assert [text.get_text() for text in figure.axes[0].texts] == ["not run yet"]
