"""Pictures of chapter 3 show what they are given, in percent, and say so where nothing was run."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
import torch

from fgr.figures import glimpsing as draw
from fgr.figures.maps import CELL
from fgr.results import rows as results

EMPTY = results.frame([])


def row(value: float, seed: int, metric: str = "accuracy", split: str = "test", **config: object) -> results.Row:
    """A row of a run that never was."""
    run = results.Run("glimpses", json.dumps(config), "synthetic_faces", seed, "test", "cpu")
    return run.row(metric, value, "fraction", split, "last", 1)


def over_grids() -> pd.DataFrame:
    """Two grids with two and one numbers of cells, two views of the whole face, two seeds; validation is not drawn."""
    made = []
    for seed in (0, 1):
        for side, value in ((32, 0.3), (48, 0.35)):
            made.append(row(value + seed / 10, seed, network="low", low_size=side, grid=8, patches=5))
        for k, n, value in ((4, 1, 0.4), (4, 4, 0.5), (16, 1, 0.6)):
            made.append(row(value + seed / 10, seed, network="glimpse", low_size=32, grid=k, patches=n))
            made.append(row(0.99, seed, split="validation", network="glimpse", low_size=32, grid=k, patches=n))
    return results.frame(made)


def test_accuracy_over_cells_has_a_line_a_grid_and_its_share_of_the_image() -> None:
    """Means in percent; horizontal lines for single views; dashed shares on the second axis."""
    figure = draw.accuracy_over_cells(over_grids())
    axes, share = figure.axes
    lines = {container.get_label(): container.lines[0] for container in axes.containers}
    assert set(lines) == {"k = 4", "k = 16"}
    assert list(lines["k = 4"].get_xdata()) == pytest.approx([1, 4], abs=0.1)  # beside each other
    assert list(lines["k = 4"].get_ydata()) == pytest.approx([45, 55])
    assert list(lines["k = 16"].get_ydata()) == pytest.approx([65])
    flat = {line.get_label(): line.get_ydata()[0] for line in axes.lines if "alone" in str(line.get_label())}
    assert flat == pytest.approx({"small view alone, 32 pixels": 35, "small view alone, 48 pixels": 40})
    assert [list(line.get_ydata()) for line in share.lines] == [pytest.approx([6.25, 25]), pytest.approx([0.390625])]
    assert figure._repr_png_().startswith(b"\x89PNG")


def looks() -> pd.DataFrame:
    """The face has twice the weight that it would have by a uniform grid, for age; gender looks at everything alike."""
    made = []
    for seed, (labels, factor) in itertools.product((0, 1), (("age", 2.0), ("gender", 1.0))):
        for region, even in (("face", 0.2), ("hair", 0.1)):
            made.append(row(factor * even + seed / 100, seed, f"weight: {region}", labels=labels, part="looks"))
            made.append(row(even / 2, seed, f"read: {region}", labels=labels, part="looks"))
            made.append(row(even, seed, f"weight: {region}", labels=labels, part="uniform"))
            made.append(row(even * 1.5, seed, f"weight: {region}", labels=labels, part="start"))
        made.append(row(0.5, seed, "constancy", labels=labels, part="looks"))
    return results.frame(made)


def test_where_has_a_panel_a_task_and_four_marks_a_region() -> None:
    """In percent, the first region on top."""
    figure = draw.where(looks())
    assert [axes.get_title() for axes in figure.axes] == ["age", "gender"]
    for axes, factor in zip(figure.axes, (2.0, 1.0)):
        marks = {container.get_label(): container.lines[0] for container in axes.containers}
        assert list(marks["weight of the grid"].get_xdata()) == pytest.approx([20 * factor + 0.5, 10 * factor + 0.5])
        assert list(marks["cells read"].get_xdata()) == pytest.approx([10, 5])
        assert list(marks["weight before training"].get_xdata()) == pytest.approx([30, 15])
        assert list(marks["uniform grid"].get_xdata()) == pytest.approx([20, 10])
        assert axes.get_ylim()[0] > axes.get_ylim()[1] and axes.get_xlim()[0] == 0
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["face", "hair"]
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_without_rows_the_pictures_say_so() -> None:
    """Rather than show empty axes."""
    only = results.frame([row(0.5, 0, "constancy", labels="age", part="looks")])
    nothing = draw.confusion(np.zeros((2, 2)), ["a", "b"])
    for figure in (draw.accuracy_over_cells(EMPTY), draw.where(EMPTY), draw.where(only), nothing):
        assert [text.get_text() for text in figure.axes[0].texts] == ["not run yet"]
        assert figure._repr_png_().startswith(b"\x89PNG")


def test_confusion_shows_shares_in_percent() -> None:
    """A cell a pair of classes."""
    axes, _ = draw.confusion(np.array([[0.25, 0.75], [0.0, 1.0]]), ["a", "b"]).axes
    assert [text.get_text() for text in axes.texts] == ["25", "75", "0", "100"]


def test_some_images_may_be_none() -> None:
    """A sheet of those there are, or words."""
    images = torch.zeros(3, 3, 8, 8, dtype=torch.uint8)
    titles = ["a", "b", "c"]
    assert [axes.get_title() for axes in draw.some(images, titles).axes] == titles
    assert [text.get_text() for text in draw.some(images[:0], []).axes[0].texts] == ["none here"]


def test_overlays_share_one_scale_with_a_colour_bar() -> None:
    """Cells keep their edges, and lie where they belong."""
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    maps = torch.tensor([[[0.7, 0.1], [0.1, 0.1]], [[0.25, 0.25], [0.25, 0.25]]])
    figure = draw.overlays(images, maps)
    *pictures, bar = figure.axes
    assert bar.get_ylabel() == "attention weight" and len(pictures) == 2
    for axes in pictures:
        shown = axes.images[1]
        assert shown.get_clim() == pytest.approx((0, 0.7)) and shown.get_extent() == [0, 8, 8, 0]
        assert shown.get_array().shape == (2, 2)
    assert figure.get_size_inches()[1] == pytest.approx(CELL)


def test_mechanism_names_every_part() -> None:
    """Both streams, the grid, the patches and the classifier; as many cells are marked in both grids."""
    (axes,) = draw.mechanism().axes
    words = " ".join(text.get_text().replace("\n", " ") for text in axes.texts)
    for part in ("small view", "where network", "large image", "what network", "weight by G", "join, classify"):
        assert part in words
    marked = [patch for patch in axes.patches if patch.get_facecolor()[:2] == pytest.approx((0.902, 0.624), abs=0.01)]
    assert len(marked) == 2 * len(draw.EXAMPLE)
