"""What chapter 4 runs and measures: cells behind each figure, choices on validation, looks, costs, one small study."""

import dataclasses
import itertools
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from fgr.config import ParameterError, as_json, resolve
from fgr.data import ImageSet
from fgr.data.synthetic.birds import separating_parts
from fgr.experiments.attend import costs, grids, kinds, looking, robustness, runs, tables, tuned
from fgr.experiments.attend.grids import Config
from fgr.experiments.attend.runs import Cell
from fgr.experiments.attend.study import Study
from fgr.paths import project_root
from fgr.results import rows as results
from fgr.results.claims import read_claims

NAME = "ch04_attend_and_rectify"
LAPTOP = resolve(Config, NAME, "laptop")
PAPER = resolve(Config, NAME, "paper")
TINY = Config(train=40, validation=20, test=20, epochs=1, batch_size=20, looked=4, bird_train=20, bird_test=20)
LRS = {"baseline": 0.1, "attention": 0.2, "stn": 0.3, "projection": 0.05, "AD 4": 0.2, "AW 2": 0.4}
LRS |= {f"AD {depth}": depth / 100 for depth in (1, 2, 3)}


def made_up(cell: Cell, seed: int, **errors: float) -> list[results.Row]:
    """Rows of a run that never was: its last error on each split."""
    run = results.Run(runs.EXPERIMENT, as_json(cell), cell.dataset, seed, "test", "cpu")
    return [run.row("error", value, "fraction", split, "last", cell.epochs) for split, value in errors.items()]


def differing(first: Cell, second: Cell) -> set[str]:
    """Names of the fields in which two cells differ."""
    return {name for name, value in asdict(first).items() if value != asdict(second)[name]}


# ---------------------------------------------------------------- cells


def test_depth_cells_differ_in_depth_and_rate_alone() -> None:
    """One head at one to four depths; each, and the network alone, has the learning rate that it chose itself."""
    alone, *deep = grids.depth_cells(LAPTOP, LRS, "released")
    assert (alone.attention_depth, alone.lr, alone.layout, alone.penalty) == (0, 0.1, "released", 0.0)
    assert [(cell.attention_depth, cell.heads, cell.lr) for cell in deep] == [
        (d, 1, LRS[f"AD {d}"]) for d in (1, 2, 3, 4)
    ]
    assert all(differing(deep[0], cell) == {"attention_depth", "lr"} for cell in deep[1:])


def test_width_and_parts_share_their_runs() -> None:
    """Four heads at four depths with all parts is one run; depth lends the one with one head."""
    width, parts = grids.width_cells(LAPTOP, LRS), grids.parts_cells(LAPTOP, LRS)
    assert [cell.heads for cell in width] == [1, 2, 4] and width[-1] == parts[0]
    assert width[0] == grids.depth_cells(LAPTOP, LRS, LAPTOP.layout)[-1]
    changed = [differing(parts[0], cell) for cell in parts[1:]]
    assert changed == [{"penalty"}, {"penalty"}, {"masks"}, {"gates"}, {"gates"}, {"gates", "lr"}]
    assert parts[0].penalty == 0.001


def test_each_kind_has_equally_many_tries_by_a_seed_of_their_own() -> None:
    """All learning rates for each of three kinds."""
    cells = grids.choice_cells(LAPTOP, "printed")
    table = kinds.with_kind(results.frame(row for cell in cells for row in made_up(cell, 0, test=0.1)))
    assert table["kind"].value_counts().to_dict() == dict.fromkeys(("baseline", "attention", "stn"), len(LAPTOP.lrs))
    for config, field in itertools.product((LAPTOP, PAPER), grids.MAY_BE_EMPTY):
        assert grids.CHOICE_SEED not in getattr(config, field)


def test_learning_rates_are_chosen_on_validation_alone() -> None:
    """A rate that is best on the test set is not taken."""
    rows = []
    for cell in grids.choice_cells(LAPTOP, "printed"):
        _, low, middle, high, _ = LAPTOP.lrs
        wanted = {"stn": low}.get(cell.network, high if cell.attention_depth else middle)
        rows += made_up(cell, 100, validation=0.1 if cell.lr == wanted else 0.2, test=cell.lr)
    assert kinds.chosen_lrs(results.frame(rows)) == {"baseline": middle, "attention": high, "stn": low}


def test_each_depth_chooses_between_the_rates_of_nothing_and_of_all_attention() -> None:
    """At few depths a network diverges at the rate of all of the attention."""
    _, low, middle, high, _ = LAPTOP.lrs
    tried = grids.depth_choice_cells(LAPTOP, {"baseline": low, "attention": high}, "printed")
    assert [(cell.lr, cell.attention_depth) for cell in tried] == list(
        itertools.product((low, middle, high), (1, 2, 3, 4))
    )
    assert {(cell.heads, cell.layout) for cell in tried} == {(1, "printed")}
    assert grids.depth_choice_cells(LAPTOP, {"baseline": high, "attention": low}, "printed") == tried
    rows = [
        row
        for cell in tried
        for row in made_up(cell, 100, validation=abs(cell.lr - (middle, low)[cell.attention_depth > 2]))
    ]
    assert kinds.chosen_lrs(results.frame(rows)) == {"AD 1": middle, "AD 2": middle, "AD 3": low, "AD 4": low}


def test_each_width_chooses_too_and_shares_the_tries_of_one_head() -> None:
    _, low, middle, high, _ = LAPTOP.lrs
    lrs = {"baseline": low, "attention": high}
    tried = grids.width_choice_cells(LAPTOP, lrs)
    assert [(cell.lr, cell.heads) for cell in tried] == list(itertools.product((low, middle, high), (1, 2)))
    assert {cell for cell in tried if cell.heads == 1} < set(grids.depth_choice_cells(LAPTOP, lrs, LAPTOP.layout))
    assert [cell.lr for cell in grids.width_cells(LAPTOP, LRS)] == [LRS["AD 4"], LRS["AW 2"], LRS["attention"]]


def test_a_projection_chooses_a_rate_of_its_own() -> None:
    """From the same list, by as many runs, and it is no kind of those that are compared."""
    tried = grids.projection_cells(LAPTOP)
    assert [cell.lr for cell in tried] == list(LAPTOP.lrs) and {cell.gates for cell in tried} == {"projection"}
    rows = [row for cell in tried for row in made_up(cell, 100, validation=abs(cell.lr - LAPTOP.lrs[1]))]
    assert kinds.chosen_lrs(results.frame(rows)) == {"projection": LAPTOP.lrs[1]}
    *_, projected = grids.parts_cells(LAPTOP, LRS)
    assert (projected.gates, projected.lr) == ("projection", LRS["projection"])


def test_both_networks_at_the_rate_of_the_network_alone() -> None:
    """They differ in their attention, and the first is the one of Fig. 4.4 e, so that it is not trained again."""
    alone, attending = grids.same_rate_cells(LAPTOP, LRS)
    assert alone == grids.baseline(LAPTOP, LRS["baseline"])
    assert differing(alone, attending) == {"attention_depth", "heads", "penalty"}


def test_clutter_cells_are_three_networks_at_every_number_of_distractors() -> None:
    """All trained with eight."""
    cells = grids.clutter_cells(LAPTOP, LRS)
    assert {cell.distractors for cell in cells} == {8} and len(cells) == 15
    networks = {(cell.network, cell.attention_depth, cell.lr) for cell in cells}
    assert networks == {("cluttered_cnn", 0, 0.1), ("cluttered_cnn", 4, 0.2), ("stn", 0, 0.3)}
    assert {cell.test_distractors for cell in cells} == {4, 8, 16, 32, 64}


def test_cifar_cells_are_the_released_recipe() -> None:
    """WARN-28-10 with AD 3 and AW 4 for 200 epochs; every variant differs from it in its own part only."""
    cells = dict(zip(grids.CIFAR, grids.cifar_cells(PAPER), strict=True))
    warn = cells["WARN"]
    assert (warn.network, warn.attention_depth, warn.heads, warn.penalty) == ("wrn-28-10", 3, 4, 0.001)
    assert (warn.lr, warn.momentum, warn.weight_decay, warn.batch_size) == (0.1, 0.9, 5e-4, 128)
    assert [share * warn.epochs for share in warn.milestones] == [60, 120, 160] and warn.train == 0
    assert differing(warn, cells["WARN, gradients blocked"]) == {"block_gradients"}
    assert differing(warn, cells["WARN, no gates"]) == {"gates"}
    assert differing(warn, cells["WRN"]) == {"attention_depth", "heads", "penalty"}
    assert differing(cells["att2"], cells["att2, gradients blocked"]) == {"block_gradients"}
    assert len(set(cells.values())) == 8


@pytest.mark.parametrize(
    ("names", "cells"),
    [(grids.PARTS, grids.parts_cells(LAPTOP, LRS)), (grids.CIFAR, grids.cifar_cells(LAPTOP))],
)
def test_recorded_rows_are_named_by_their_configuration(names: dict, cells: list[Cell]) -> None:
    """Each cell gets its own name; no rows get an empty column."""
    rows = [row for number, cell in enumerate(cells) for row in made_up(cell, number, test=0.1)]
    named = tables.named(results.frame(rows), names)
    assert dict(zip(named["seed"], named["part"])) == dict(enumerate(names))
    assert tables.named(results.frame([]), names).empty


def test_claims_select_what_the_study_records(sides: Callable) -> None:
    """Fields and values of every claim are those of some cell of its file."""
    recorded = {
        "depth": [cell for layout in LAPTOP.depth_layouts for cell in grids.depth_cells(LAPTOP, LRS, layout)],
        "width": grids.width_cells(LAPTOP, LRS),
        "same_rate": grids.same_rate_cells(LAPTOP, LRS),
        "parts": grids.parts_cells(LAPTOP, LRS),
        "clutter": grids.clutter_cells(LAPTOP, LRS),
        "cifar": grids.cifar_cells(LAPTOP),
        "finetune": tuned.cells(LAPTOP, LRS),
        "looking": [
            cell
            for base in (grids.attention(LAPTOP, 0.1), grids.birds(LAPTOP))
            for cell in grids.look_cells(LAPTOP, base)
        ],
    }
    claims = [claim for claim in read_claims(project_root() / "results" / "claims.yaml") if claim.chapter == 4]
    assert len(claims) > 15
    for claim in claims:
        for side, chosen in zip((claim.ours, claim.other), sides(claim, recorded[Path(claim.rows).stem])):
            assert len(chosen) == max(len(value) if isinstance(value, list) else 1 for value in side.values()), claim.id


# ---------------------------------------------------------------- parameters


def test_empty_lists_leave_out_parts_and_are_refused_where_the_page_needs_one() -> None:
    """Smoke and quick train nothing of what is recorded."""
    study = Study(Config(), "test")
    for part in (study.depth, study.width, study.parts, study.clutter, study.cifar, study.looking, study.finetune):
        table = part()
        assert table.empty and tuple(table.columns) == results.COLUMNS
    assert study.rows == []
    for name in ("seeds", "lrs", "tune_lrs", "test_distractors", "depth_layouts"):
        with pytest.raises(ParameterError, match=f"{name} must hold one value at least"):
            resolve(Config, NAME, "quick", {name: []})


# ---------------------------------------------------------------- looking


@pytest.fixture(scope="module")
def live() -> tuple[Study, dict[str, pd.DataFrame]]:
    """A whole live page, tiny."""
    study = Study(TINY, "test")
    return study, {"live": study.live(), "gates": study.gates(), "looks": study.live_looks()}


def test_attention_map_with_loops(live: tuple) -> None:
    """Masks enlarged, made to sum to one, averaged by head gates and then by global gates, image by image."""
    study, _ = live
    model, (_, inputs) = study.attending(), study.shown(2)
    maps = looking.attention_map(model, inputs)
    with torch.no_grad():
        observed = model.observe(inputs)
        gates = model(inputs).gates
        for b, found in enumerate(maps):
            total = torch.zeros(40, 40)
            for j, (module, tap) in enumerate(zip(model.rectifier.attention, observed.taps)):
                said = module(tap)
                for k in range(kinds.WIDE):
                    large = F.interpolate(said.masks[b : b + 1, k : k + 1], (40, 40), mode="bilinear")[0, 0]
                    total += gates[b, j] * said.gates[b, k] * large / large.sum()
            torch.testing.assert_close(found, total / total.sum(), rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(maps.sum((1, 2)), torch.ones(2))


def test_every_method_gives_a_map_of_the_image(live: tuple) -> None:
    """And leaves the gradients of the network as they were, in evaluation mode."""
    study, _ = live
    model, (_, inputs) = study.attending(), study.shown(2)
    before = [p.grad.clone() for p in model.parameters()]
    for method, maps in study.maps(inputs, model).items():
        assert maps.shape == (2, 40, 40) and maps.min() >= 0, method
    assert not model.training and all(map(torch.equal, before, (p.grad for p in model.parameters())))
    with pytest.raises(ValueError, match="method must be one of"):
        looking.maps_of("guess", model, inputs)


def test_heads_are_scaled_to_one_and_titled(live: tuple) -> None:
    """AD times AW masks, with the tap and the gate of each module."""
    study, _ = live
    heads, titles = looking.heads_of(study.attending(), study.shown(1)[1])
    assert heads.shape == (16, 40, 40) and torch.equal(heads.amax((1, 2)), torch.ones(16))
    assert titles[0].startswith("stage5, gate 0.") and titles[-1].startswith("stage2, gate 0.")


def test_looks_measure_what_the_functions_do(live: tuple) -> None:
    """Means over images; the centre prior and the area by hand."""
    study, tables = live
    table = results.with_config(tables["looks"])
    value = {(row.method, row.metric): row.value for row in table.itertuples()}
    shown, inputs = study.shown(TINY.looked)
    masks, model = shown.annotations["mask"], study.attending()
    prior = looking.centre_prior(40, 40)
    inside = [(prior * mask).sum() / prior.sum() for mask in masks]
    assert value["centre prior", "mass_inside"] == pytest.approx(float(sum(inside)) / 4, rel=1e-5)
    assert value["attention", "area"] == pytest.approx(masks.double().mean().item())
    maps = looking.attention_map(model, inputs)
    assert value["attention", "mass_inside"] == pytest.approx((maps * masks).sum((1, 2)).mean().item(), rel=1e-5)
    summary = looking.summary(tables["looks"], "cluttered_mnist")
    methods = [method.replace("_", " ") for method in looking.METHODS]
    assert summary["looked with"].tolist() == [*methods, "an even map"]
    assert looking.summary(results.frame([]), "cluttered_mnist").empty


def test_separating_parts_are_what_tells_a_bird_from_its_sister() -> None:
    """By hand, pixel by pixel."""
    labels = torch.randint(0, 13, (3, 4, 4), dtype=torch.uint8)
    targets = torch.tensor([0, 1, 6])
    birds = ImageSet(
        "b", "test", torch.zeros(3, 3, 4, 4, dtype=torch.uint8), targets, tuple("0123456"), {"part_labels": labels}
    )
    found = looking.regions(birds, 20)
    assert torch.equal(found["object"], labels > 0)
    for b, sister in enumerate((1, 0, 7)):
        parts = separating_parts(int(targets[b]), sister, 20)
        for y, x in itertools.product(range(4), range(4)):
            label = int(labels[b, y, x])
            assert bool(found["part"][b, y, x]) == (label > 0 and bool(parts[label - 1]))


# ---------------------------------------------------------------- a study, small


def test_live_page_measures_each_thing_once(live: tuple) -> None:
    """Two networks, gates, six looks; and the headline is read off them."""
    study, tables = live
    table = results.frame(study.rows)
    assert not table.duplicated(["run_id", "metric", "split", "selection", "epochs", "experiment"]).any()
    assert tables["live"]["run_id"].nunique() == 2 and tables["looks"]["run_id"].nunique() == len(looking.METHODS)
    headline = grids.headline(table)
    errors = results.with_config(tables["live"])
    errors = errors[(errors.metric == "error") & (errors.split == "test") & (errors.selection == "last")]
    by_depth = dict(zip(errors["attention_depth"], errors["value"]))
    assert headline["test_error_baseline"] == by_depth[0] and headline["test_error_attention"] == by_depth[4]
    gates = dict(zip(tables["gates"]["metric"], tables["gates"]["value"]))
    assert headline["own_gate"] == gates["own_gate"] and headline["gate_deviation"] == gates["gate_deviation"]
    assert 0.043 < headline["own_gate"] < 0.711 and len(headline) == 9


def test_gates_that_are_equal_do_not_deviate(live: tuple) -> None:
    """Without gates every hypothesis counts a fifth."""
    cell = grids.attention(TINY, 0.03, gates="none")
    rows = looking.gate_rows(cell, 4, 0, "test", runs.build(cell, 0))
    assert {row.metric: row.value for row in rows} == pytest.approx({"own_gate": 0.2, "gate_deviation": 0.0}, abs=1e-6)


def test_parts_of_a_recorded_study_share_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Depth lends width its run with one head, also to another process; looks and crowds train a network once."""
    few = {"depth_seeds": (0,), "width_seeds": (0,), "clutter_seeds": (0,), "depth_layouts": ("released",)}
    config = replace(TINY, **few, test_distractors=(0, 4), record=str(tmp_path / "rec"))
    monkeypatch.setattr(grids, "DEPTHS", (0, 4))
    monkeypatch.setattr(grids, "WIDTHS", (1, 4))
    trained = []
    once = runs.run_cell
    monkeypatch.setattr(runs, "run_cell", lambda cell, *rest: trained.append(cell) or once(cell, *rest))
    Study(config, "test").depth()
    again = Study(config, "test")
    assert again.width()["run_id"].nunique() == 2
    assert [(cell.attention_depth, cell.heads) for cell in trained] == [(0, 1), (4, 1), (4, 4)]
    table = results.with_config(again.clutter())
    assert len(trained) == 6 and len(table) == 6
    assert set(table["test_distractors"]) == {0, 4} and set(table["experiment"]) == {robustness.EXPERIMENT}
    files = {path.name for path in (tmp_path / "rec").glob("*.csv")}
    assert files == {"depth.csv", "width.csv", "clutter.csv", "networks.csv"}
    networks = results.with_config(results.read(tmp_path / "rec" / "networks.csv"))  # what was measured on, for others
    assert networks["run_id"].nunique() == 3 and set(networks["experiment"]) == {runs.EXPERIMENT}
    monkeypatch.setattr(runs, "run_cell", None)
    assert Study(config, "test").depth()["run_id"].nunique() == 2  # found again, nothing is trained


def test_selections_are_means_by_rule() -> None:
    """In percent, one line a depth."""
    rows = []
    for depth, seed in itertools.product((0, 4), (0, 1)):
        cell = Cell(attention_depth=depth)
        run = results.Run(runs.EXPERIMENT, as_json(cell), "cluttered_mnist", seed, "test", "cpu")
        for rule, value in (("last", 0.2), ("best-val", 0.15), ("best-test", 0.1)):
            rows.append(run.row("error", value + seed / 100, "fraction", "test", rule, 3))
    table = tables.selections(results.frame(rows))
    assert table.iloc[:, 2:].to_numpy().tolist() == [[20.5, 15.5, 10.5]] * 2
    assert tables.selections(results.frame([])).empty


def test_rates_are_shown_by_kind_and_a_diverged_run_says_so() -> None:
    """Errors of the test set, and of epochs before the last, do not count."""
    base = Cell(lr=0.1)
    attending, moved = (
        replace(base, attention_depth=4, heads=4),
        replace(base, network="stn", layout="released", lr=0.2),
    )
    rows = made_up(base, 100, validation=0.25, test=0.5) + made_up(attending, 100, validation=0.125, test=0.5)
    rows += made_up(moved, 100, validation=0.9, test=0.5)
    run = results.Run(runs.EXPERIMENT, as_json(moved), moved.dataset, 100, "test", "cpu")
    rows.append(run.row("diverged", 1.0, "fraction", "train", "last", 4))
    assert tables.rates(results.frame(rows)).values.tolist() == [
        ["printed", "attention", "12.5", ""],
        ["printed", "baseline", "25.0", ""],
        ["released", "stn", "", "diverged"],
    ]
    assert list(tables.rates(results.frame(rows)).columns) == ["network", "kind", "rate 0.1", "rate 0.2"]
    assert tables.rates(results.frame([])).empty


# ---------------------------------------------------------------- costs


def test_costs_are_those_of_the_tables() -> None:
    """To the last parameter; with ten classes WARN adds little, with a thousand more than there was."""
    assert costs.cost("warn-28-ad3-aw4", 10).parameters == 36_965_634
    assert costs.cost("warn-28-ad3-aw4", 10).macs == pytest.approx(5.3672e9, rel=1e-5)
    assert costs.cost("warn-28-ad3-aw4", 100).macs == pytest.approx(6.2962e9, rel=1e-5)
    few, many = costs.overheads((10, 1000)).to_dict("records")
    assert few["multiply-accumulates (%)"] < 3 < 100 < many["multiply-accumulates (%)"]
    assert many["parameters (%)"] > 100
    assert few["looking first (%)"] < many["looking first (%)"] < 2  # the order decides, not the classes


def test_no_printed_time_is_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each lies below what the card needs at its peak, even with fast convolutions."""
    monkeypatch.setattr(costs, "cost", lambda name, classes: costs.Costs(1, int(5.24e9)))  # of the smallest network
    table = costs.table_4_2()
    assert len(table) == 6 and (table["printed time (s)"] < table["least time at peak (s)"]).sum() == 6
    assert set(costs.table_4_1().columns) >= {"network", "printed GFlop", "GMAC, 10 classes", "GMAC, 100 classes"}
    assert costs.accuracy_over_macs()["accuracy"].between(80, 97).all() and len(costs.accuracy_over_macs()) == 12
    assert costs.flagged("T4.3")["note"].str.len().max() > 20


def test_names_of_networks_are_those_of_the_printed_numbers() -> None:
    """Every row of both tables is counted."""
    fields = {field.name for field in dataclasses.fields(Cell)}
    assert set().union(*grids.PARTS.values(), *grids.CIFAR.values()) <= fields
    named = {costs.IN_TABLE_4_2.get(name, name) for name in ("resnext-29", "densenet-190", "wrn-40", "warn-28")}
    assert named <= set(costs.NETWORKS)


def test_what_the_page_says_of_depth_and_rate_holds_on_the_recorded_rows() -> None:
    """Every module more lowers the error, the fourth by the least; the larger part of the gain goes with the rate."""
    found = {}
    for part, by in (("depth", "attention_depth"), ("clutter", "attention_depth"), ("same_rate", "attention_depth")):
        table = results.with_config(results.read(project_root() / "results" / "recorded" / NAME / f"{part}.csv"))
        table = table[(table.metric == "error") & (table.split == "test") & (table.selection == "last")]
        if part == "clutter":
            table = table[(table.network == "cluttered_cnn") & (table.test_distractors == table.distractors)]
        found[part] = table.groupby(by)["value"].mean()
    steps = -found["depth"].loc[[0, 1, 2, 3, 4]].diff().dropna()
    assert (steps > 0).all() and steps.idxmin() == 4
    own, same = (found[part][0] - found[part][4] for part in ("clutter", "same_rate"))
    assert 0 < same < own - same
