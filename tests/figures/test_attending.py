"""Pictures of chapter 4 show what they are given, in percent, and say so where nothing was run."""

import itertools
import json

import pandas as pd
import pytest

from fgr.figures import attending as draw
from fgr.results import rows as results


def rows() -> pd.DataFrame:
    """Made-up runs: error grows with clutter, and attention halves it."""
    made = []
    for kind, count, seed in itertools.product(("attention", "baseline"), (4, 16), (0, 1)):
        config = json.dumps({"kind": kind, "test_distractors": count})
        run = results.Run("attend_clutter", config, "cluttered_mnist", seed, "test", "cpu")
        error = count / 100 * (1 if kind == "attention" else 2) + seed / 100
        made += [run.row("error", error, "fraction", "test", "last", 1)]
        made += [
            run.row("error", 0.9, "fraction", "test", "epoch", 1),
            run.row("error", 0.9, "fraction", "train", "last", 1),
        ]
    return results.frame(made)


def test_error_over_has_a_line_a_kind_in_percent() -> None:
    """Means over the seeds of the last test error; the scale may be logarithmic."""
    figure = draw.error_over(rows(), "test_distractors", "kind", "distractors", log=True)
    (axes,) = figure.axes
    lines = {container.get_label(): container.lines[0] for container in axes.containers}
    assert set(lines) == {"attention", "baseline"} and axes.get_xscale() == "log"
    assert list(lines["baseline"].get_xdata()) == [4, 16]
    assert list(lines["baseline"].get_ydata()) == pytest.approx([8.5, 32.5])
    assert list(lines["attention"].get_ydata()) == pytest.approx([4.5, 16.5])
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_error_parts_are_one_under_the_other_in_the_order_given() -> None:
    """The first on top; a part without rows keeps its line and says so."""
    table = rows()
    kinds = table["config"].map(lambda text: json.loads(text)["kind"])
    (axes,) = draw.error_parts(table.assign(part=kinds), ["baseline", "other", "attention"]).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["baseline", "other", "attention"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    means = {int(c.lines[0].get_ydata()[0]): float(c.lines[0].get_xdata()[0]) for c in axes.containers}
    assert means == pytest.approx({0: 20.5, 2: 10.5})
    assert [(text.get_text(), text.get_position()[1]) for text in axes.texts] == [("not run yet", 1)]


def test_without_rows_the_pictures_say_so() -> None:
    """Rather than show empty axes."""
    empty = results.frame([])
    for figure in (draw.error_over(empty, "x", "by", "x"), draw.error_parts(empty.assign(part=""), ["all"])):
        assert [text.get_text() for text in figure.axes[0].texts] == ["not run yet"]


def test_accuracy_over_macs_has_a_panel_a_data_set_and_a_mark_a_network() -> None:
    """At its cost and its accuracy."""
    table = pd.DataFrame(
        [(name, dataset, 90.0 + n, 5.0 + n) for dataset in ("a", "b") for n, name in enumerate(("wrn", "warn"))],
        columns=["network", "dataset", "accuracy", "gmac"],
    )
    figure = draw.accuracy_over_macs(table)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    marks = {line.get_label(): (line.get_xdata()[0], line.get_ydata()[0]) for line in figure.axes[0].lines}
    assert marks == {"wrn": (5.0, 90.0), "warn": (6.0, 91.0)}


def test_mechanism_has_a_module_a_stage() -> None:
    """And says how many heads each has."""
    words = [text.get_text() for text in draw.mechanism(stages=4, heads=3).axes[0].texts]
    assert words.count("module\n3 heads") == 4 and "stage 4" in words and "global\ngates" in words
