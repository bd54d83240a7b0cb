"""Every figure is returned, labelled and of the project's colours, with rows and without; pages need nobody else."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from fgr.figures import decorrelation as draw
from fgr.figures import runs as over_runs
from fgr.figures.browser import step_browser
from fgr.figures.style import BLACK, CYCLE, RULES
from fgr.results import rows as results


@pytest.fixture(autouse=True)
def nothing_global() -> Iterator[None]:
    """No figure leaves pyplot with a figure or matplotlib with other settings."""
    before = dict(mpl.rcParams)
    yield
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def path(title_seed: int = 0, steps: int = 10) -> torch.Tensor:
    return torch.randn(steps + 1, 6, 2, generator=torch.Generator().manual_seed(title_seed), dtype=torch.float64)


PATHS = {
    f"{mode} rule, {way}": path(n)
    for n, (way, mode) in enumerate(itertools.product(("descent", "ascent"), ("global", "local")))
}


def table(modes: tuple[str, ...] = ("none", "global", "local"), seeds: int = 3, strengths: int = 1) -> pd.DataFrame:
    """Rows of made-up runs: mode n has an error of (n + 1) percent at the last of three epochs, plus the seed / 10."""
    rows = []
    for (n, mode), seed, strength in itertools.product(enumerate(modes), range(seeds), range(strengths)):
        config = json.dumps({"mode": mode, "strength": float(strength)}, sort_keys=True)
        run = results.Run("orthoreg", config, "mnist", seed, "test", "cpu")
        last = (n + 1 + seed / 10) / 100
        rows += [run.row("error", last * (4 - epoch), "fraction", "test", "epoch", epoch) for epoch in (1, 2, 3)]
        rows += [run.row(name, last, "fraction", "test", "last", 3) for name in ("error", "overfitting")]
    return results.frame(rows)


def crowded() -> pd.DataFrame:
    """Rows of a made-up crowding experiment: three rules, two numbers of filters, two starts."""
    rows = []
    for (mode, locality), filters, seed in itertools.product((("global", 10.0), ("local", 10.0)), (6, 12), (0, 1)):
        config = json.dumps({"filters": filters, "locality": locality, "mode": mode}, sort_keys=True)
        run = results.Run("toy_crowding", config, "none", seed, "test", "cpu")
        rows.append(run.row("nearest_angle", 180 / filters, "degrees", "none", "last", 9))
    return results.frame(rows)


def shared_strengths() -> pd.DataFrame:
    """Rows of made-up runs: two networks at two strengths, with normalised gradients and without, two seeds."""
    rows = []
    networks = ({"network": "mlp", "hidden": 64}, {"network": "digit_cnn", "hidden": 512})
    for network, strength, normalized, seed in itertools.product(networks, (0.1, 1.0), (False, True), (0, 1)):
        config = json.dumps({**network, "strength": strength, "normalize_gradients": normalized}, sort_keys=True)
        run = results.Run("orthoreg", config, "mnist_5k", seed, "test", "cpu")
        rows.append(run.row("error", 0.05 * strength + 0.001 * seed, "fraction", "validation", "last", 3))
    return results.frame(rows)


def curves(rows: pd.DataFrame) -> Figure:
    return over_runs.curves(rows, "mode", label="rule:")


def over_rules(rows: pd.DataFrame) -> Figure:
    return over_runs.metric_over(rows, by="mode", metric="error", label="test error (%)", xlabel="rule")


FIGURES: dict[str, Callable[[], Figure]] = {
    "losses_over_angle": lambda: draw.losses_over_angle([1.0, 10.0]),
    "push_directions": lambda: draw.push_directions([0, 25, 60, 200], locality=10.0),
    "toy_panels": lambda: draw.toy_panels(PATHS),
    "angle_over_steps": lambda: draw.angle_over_steps({"global": [1.0, 2.0], "local": [1.0, 3.0]}, even_spacing=30.0),
    "angle_histograms": lambda: draw.angle_histograms(
        {name: {rule: 60 + 20 * torch.rand(50) for rule in RULES} for name in ("alexnet", "vgg16")}
    ),
    "crowding": lambda: draw.crowding(crowded(), {10.0: 20.0}),
    "curves": lambda: curves(table()),
    "curves, not run": lambda: curves(results.frame([])),
    "error_over_strength": lambda: draw.error_over_strength(shared_strengths()),
    "error_over_strength, not run": lambda: draw.error_over_strength(results.frame([])),
    "rules_over_epochs": lambda: draw.rules_over_epochs(table()),
    "rules_over_epochs, not run": lambda: draw.rules_over_epochs(results.frame([])),
    "metric_over": lambda: over_rules(table()),
    "metric_over, not run": lambda: over_rules(results.frame([])),
}
WITH_UNITS = re.compile(r"angle|error|density")


def shown(figure: Figure) -> list[Axes]:
    return [axes for axes in figure.axes if axes.get_visible()]


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_returned_labelled_and_drawable(name: str) -> None:
    figure = FIGURES[name]()
    assert isinstance(figure, Figure)
    assert all(axes.get_xlabel() for axes in shown(figure)) and shown(figure)[0].get_ylabel()
    for label in [axes.get_xlabel() for axes in figure.axes] + [axes.get_ylabel() for axes in figure.axes]:
        if WITH_UNITS.search(label):
            assert re.search(r"\((degrees|%|points|per degree|share of even spacing)\)$", label), label
    png = figure._repr_png_()
    assert png.startswith(b"\x89PNG") and len(png) > 5000


def test_crowding_shows_the_share_of_even_spacing_and_where_it_stops_being_stable() -> None:
    axes = draw.crowding(crowded(), {10.0: 20.0}).axes[0]
    shares = {line.get_label(): list(line.get_ydata()) for line in axes.get_lines() if len(line.get_xdata()) == 2}
    assert shares["global"] == shares["local, λ = 10"] == pytest.approx([0.5, 0.5])
    assert any(list(line.get_xdata()) == [18.0, 18.0] for line in axes.get_lines())
    assert [text.get_text() for text in axes.texts] == ["λ = 10"]


def test_legends_that_would_hide_data_stand_outside() -> None:
    for figure in (draw.crowding(crowded(), {10.0: 20.0}), draw.error_over_strength(shared_strengths())):
        assert len(figure.legends) == 1 and all(axes.get_legend() is None for axes in figure.axes)


def test_errors_over_strength_have_few_ticks_and_end_at_all_wrong() -> None:
    for axes in draw.error_over_strength(shared_strengths().assign(value=0.05)).axes:
        assert axes.get_yticks().tolist() == [1, 2, 5, 10, 20, 50, 100] and axes.get_ylim() == (1, 100)
        assert not axes.get_yticks(minor=True).size
    small = shared_strengths().assign(value=0.002)
    assert draw.error_over_strength(small).axes[0].get_ylim() == (0.1, 100)


def test_rules_over_epochs_are_linear_and_say_so_if_nothing_was_run() -> None:
    assert draw.rules_over_epochs(table()).axes[0].get_yscale() == "linear"
    axes = draw.rules_over_epochs(results.frame([])).axes[0]
    assert [text.get_text() for text in axes.texts] == ["not run yet"] and len(axes.get_yticks()) == 0


def test_every_public_figure_is_tested() -> None:
    modules = (draw, over_runs)
    public = {(m, name) for m in modules for name in vars(m) if getattr(vars(m)[name], "__module__", "") == m.__name__}
    functions = {name for m, name in public if not name.startswith("_") and callable(vars(m)[name])}
    assert functions - {"chosen", "not_run"} == {name.split(",")[0] for name in FIGURES}


@pytest.mark.parametrize("make", [curves, over_rules])
def test_without_rows_the_picture_says_so(make: Callable) -> None:
    for rows in (results.frame([]), table()[lambda rows: rows["split"] == "train"]):
        figure = make(rows)
        assert [text.get_text() for text in figure.axes[0].texts] == ["not run yet"]
        assert not figure.axes[0].lines and len(figure.axes[0].get_xticks()) == 0


# ---------------------------------------------------------------- colours


def test_rules_have_colours_of_their_own() -> None:
    assert len(set(RULES.values())) == 3 and set(RULES.values()) <= set(CYCLE)


def legend_colors(axes: Axes) -> dict[str, str]:
    handles, labels = axes.get_legend_handles_labels()
    drawn = [h.get_color() if hasattr(h, "get_color") else h[0].get_edgecolor() for h in handles]
    return {label: to_hex(color).upper() for label, color in zip(labels, drawn)}


def test_legends_follow_the_rules() -> None:
    expected = {f"rule: {rule}": color for rule, color in RULES.items()}
    assert legend_colors(curves(table()).axes[0]) == expected
    angles = FIGURES["angle_over_steps"]().axes[0]
    assert legend_colors(angles) == {"evenly spaced": BLACK, "global": RULES["global"], "local": RULES["local"]}
    histograms = FIGURES["angle_histograms"]().axes[0]
    drawn = [to_hex(patch.get_edgecolor()).upper() for patch in histograms.patches]
    labels = [patch.get_label() for patch in histograms.patches]
    assert dict(zip(labels, drawn)) == {
        "as it is": RULES["none"],
        "global rule": RULES["global"],
        "local rule": RULES["local"],
    }


def test_points_of_a_rule_have_its_colour() -> None:
    axes = over_rules(table()).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["none", "global", "local"]
    marks = {(round(line.get_xdata()[0]), line.get_color()) for line in axes.lines if len(line.get_xdata())}
    assert marks == {(n, RULES[rule]) for n, rule in enumerate(("none", "global", "local"))}


def test_a_line_for_every_value_however_many() -> None:
    values = len(CYCLE) + 2
    figure = over_runs.curves(table(("local",), strengths=values), "strength", label="γ")
    assert len(figure.axes[0].lines) == values
    assert len(draw.losses_over_angle([float(n + 1) for n in range(values)]).axes[1].get_legend().texts) == values


# ---------------------------------------------------------------- what is drawn


def test_curves_are_means_over_seeds_in_percent() -> None:
    lines = {line.get_label(): line for line in curves(table()).axes[0].lines}
    none = lines["rule: none"]
    assert none.get_xdata().tolist() == [1, 2, 3]
    assert none.get_ydata().tolist() == pytest.approx([3.3, 2.2, 1.1])  # seeds 1.0, 1.1, 1.2 percent at the last epoch


def test_metric_over_shows_seeds_mean_and_interval() -> None:
    axes = over_rules(table(("none",))).axes[0]
    seeds = next(line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata()) == 3)
    assert sorted(seeds.get_ydata()) == pytest.approx([1.0, 1.1, 1.2])
    (bar,) = axes.collections
    low, high = bar.get_segments()[0][:, 1]
    assert (low + high) / 2 == pytest.approx(1.1)
    assert high - low == pytest.approx(2 * 4.3027 * 0.1 / 3**0.5, rel=1e-3)  # Student's t, two degrees of freedom
    (bar,) = over_rules(table(("none",), seeds=1)).axes[0].collections
    low, high = bar.get_segments()[0][:, 1]
    assert low == high == pytest.approx(1.0)  # of one seed there is no interval


def test_losses_are_those_of_the_thesis_at_known_angles() -> None:
    left, right = draw.losses_over_angle([10.0]).axes
    degrees, loss = left.lines[0].get_data()
    assert dict(zip(degrees, loss))[0] == pytest.approx(1) and dict(zip(degrees, loss))[90] == pytest.approx(0)
    assert loss[0] == pytest.approx(loss[-1])  # opposite filters cost as much as equal ones
    degrees, loss = right.lines[0].get_data()
    assert loss[0] == pytest.approx(2 * torch.tensor(2.0).log().item()) and (loss[1:] < loss[:-1]).all()


# ---------------------------------------------------------------- the browser of steps


class Tags(HTMLParser):
    """Collects (tag, attributes) in order, and the text of the script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.script = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags[-1][0] == "script":
            self.script += data


def test_step_browser_stands_alone() -> None:
    html = step_browser(PATHS, every=5, name="toy")
    tags = Tags(html).tags
    assert "http" not in html and "//" not in html and not any("src" in attrs or "href" in attrs for _, attrs in tags)
    assert {tag for tag, _ in tags} <= {"div", "label", "output", "input", "figure", "svg", "circle", "line"} | {
        "figcaption",
        "script",
    }
    assert len(html) < 20_000


def test_step_browser_has_one_slider_and_a_line_a_filter() -> None:
    html = step_browser(PATHS, every=5, name="toy")
    tags = Tags(html).tags
    (slider,) = [attrs for tag, attrs in tags if tag == "input"]
    assert (slider["type"], slider["min"], slider["max"], slider["value"]) == ("range", "0", "2", "0")
    assert slider["aria-label"]
    lines = [attrs for tag, attrs in tags if tag == "line"]
    assert len(lines) == 4 * 6
    assert [line["stroke"] for line in lines[::6]] == [RULES[rule] for rule in ("global", "local", "global", "local")]
    panels = [attrs for tag, attrs in tags if tag == "svg"]
    assert [panel["aria-label"] for panel in panels] == list(PATHS)
    assert html.count('id="toy"') == html.count('getElementById("toy")') == 1


def test_step_browser_holds_the_points_of_every_fifth_step() -> None:
    script = Tags(step_browser(PATHS, every=5, name="toy")).script
    frames = json.loads(re.search(r"paths = (\[.*\]), every = 5;", script)[1])
    expected = torch.stack(list(PATHS.values()))[:, ::5]
    torch.testing.assert_close(torch.tensor(frames, dtype=torch.float64), expected, atol=5e-4, rtol=0)
    assert script.count("{") == script.count("}") and script.count("(") == script.count(")")
