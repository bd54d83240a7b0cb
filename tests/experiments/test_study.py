"""What chapter 5 runs: the cells behind each table and figure, choices that never look at the test set, one study."""

import dataclasses
import itertools
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from fgr.config import ParameterError, as_json, resolve
from fgr.data import ImageSet
from fgr.experiments.orthoreg import grids, runs, study
from fgr.experiments.orthoreg.grids import Config
from fgr.experiments.orthoreg.runs import Cell
from fgr.results import rows as results
from fgr.results.published import beside, published

TINY = Config(
    train_size=100,
    hidden=16,
    epochs=2,
    strengths=(0.1, 1.0),
    localities=(1.0, 10.0),
    toy_seeds=(5, 6),
    toy_filters=6,
    toy_steps=20,
    architecture_steps=1,
)
PAPER = resolve(Config, "ch05_orthoreg", "paper")


def made_up(cell: Cell, seed: int, **errors: float) -> list[results.Row]:
    """Rows of a run that never was: its last error on each split."""
    run = results.Run("orthoreg", as_json(cell), cell.dataset, seed, "test", "cpu")
    return [run.row("error", value, "fraction", split, "last", cell.epochs) for split, value in errors.items()]


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize("name", ["seeds", "strengths", "localities", "toy_seeds", "architectures"])
def test_empty_list_is_refused_where_the_page_needs_one(name: str) -> None:
    with pytest.raises(ParameterError, match=f"{name} must hold one value at least"):
        resolve(Config, "ch05_orthoreg", "quick", {name: []})


def test_parts_that_are_left_out_are_empty_tables() -> None:
    empty = study.Study(TINY, "test")
    for table in (empty.table_5_1(), empty.cifar()):
        assert table.empty and tuple(table.columns) == results.COLUMNS
    assert empty.rows == []


# ---------------------------------------------------------------- cells


def test_strength_cells_are_none_and_local_alone() -> None:
    none, *local = grids.strength_cells(PAPER)
    assert (none.network, none.mode, none.strength, none.hidden, none.momentum) == ("mlp", "none", 0.0, 1024, 0.0)
    assert [replace(cell, mode="none", strength=0.0) for cell in local] == [none] * 4
    assert [cell.strength for cell in local] == [0.01, 0.1, 1.0, 10.0]


def test_long_cells_differ_in_the_rule_alone_and_last_as_long_as_the_thesis() -> None:
    laptop = resolve(grids.Config, "ch05_orthoreg", "laptop")
    none, *local = grids.long_cells(laptop)
    assert (none.mode, none.epochs, none.milestones) == ("none", 200, ())
    assert [replace(cell, mode="none", strength=0.0) for cell in local] == [none] * 2
    assert study.Study(grids.Config(), "test").long().empty


def test_locality_cells_share_their_baseline_with_the_strength_sweep() -> None:
    none, all_pairs, *local = grids.locality_cells(PAPER, 0.1)
    assert none == grids.strength_cells(PAPER)[0]
    assert (all_pairs.mode, all_pairs.strength) == ("global", 0.1)
    assert [cell.locality for cell in local] == [1.0, 3.0, 10.0, 30.0, 100.0]
    assert {cell.strength for cell in local} == {0.1}
    assert set(local) & set(grids.strength_cells(PAPER))  # lambda = 10 is not trained twice


def test_table_5_1_is_nine_cells_one_for_each_printed_number() -> None:
    cells = grids.table_5_1_cells(PAPER, 0.1)
    printed = published("T5.1")
    assert list(grids.TABLE_5_1) == printed.index.tolist() and len(set(cells)) == 9
    for cell, key in zip(cells, grids.TABLE_5_1, strict=True):
        row, column = printed.loc[key, ["row", "column"]]
        rule = {"OrthoReg: None": ("none", 0.0), "OrthoReg: Conv Layers": ("local", 0.1)}.get(row, ("local", 0.1))
        assert (cell.mode, cell.strength) == rule
        assert cell.layers == ("conv" if "Conv" in row else "all")
        assert cell.dropout == (0.5 if "Dropout" in column else 0.0)
        assert cell.lsuv == ("LSUV" in column)
        assert (cell.network, cell.dataset, cell.epochs) == ("digit_cnn", "mnist", 200)


def test_each_printed_number_of_table_5_1_meets_its_own_cell_only() -> None:
    rows = [
        row
        for number, cell in enumerate(grids.table_5_1_cells(PAPER, 0.1), start=1)
        for row in made_up(cell, 0, test=number / 100)
    ]
    table = beside("T5.1", results.frame(rows), grids.TABLE_5_1, selections=("last",))
    assert table["ours (last)"].tolist() == [f"{number}.00" for number in range(1, 10)]


@pytest.mark.parametrize(
    ("source", "cells"), [("F5.4", grids.FIGURE_5_4), ("T5.1", grids.TABLE_5_1), ("T5.2", grids.TABLE_5_2)]
)
def test_keys_of_printed_numbers_exist(source: str, cells: dict) -> None:
    fields = {field.name for field in dataclasses.fields(Cell)}
    assert set(cells) <= set(published(source).index)
    assert all(set(changes) <= fields for changes in cells.values())


def test_gamma_of_table_5_1_is_chosen_by_a_seed_that_is_not_reported() -> None:
    cells = grids.cnn_strength_cells(PAPER)
    assert [cell.strength for cell in cells] == list(PAPER.strengths)
    assert {(cell.mode, cell.layers, cell.dropout, cell.lsuv) for cell in cells} == {("local", "all", 0.0, False)}
    for profile in ("laptop", "paper"):
        assert study.CHOICE_SEED not in resolve(Config, "ch05_orthoreg", profile).cnn_seeds


def test_cifar_cells_are_the_wide_resnet_recipe() -> None:
    none, all_pairs, local = grids.cifar_cells(PAPER)
    assert (none.network, none.dataset, none.epochs, none.dropout) == ("wrn-28-10", "cifar10", 200, 0.3)
    assert (none.lr, none.momentum, none.weight_decay, none.batch_size) == (0.1, 0.9, 5e-4, 128)
    assert [fraction * none.epochs for fraction in none.milestones] == [60, 120, 160]
    assert none.augment and none.layers == "conv" and not none.lsuv
    assert [cell.mode for cell in (none, all_pairs, local)] == ["none", "global", "local"]
    assert {cell.strength for cell in (all_pairs, local)} == {0.1} and none.strength == 0.0
    svhn = grids.cifar_cells(replace(PAPER, cifar_dataset="svhn", cifar_network="wrn-28-4"))
    assert not any(cell.augment for cell in svhn)  # house numbers are not mirrored


@pytest.mark.parametrize(("dataset", "classes", "network"), [("cifar100", 100, "wrn-10-1"), ("svhn", 10, "wrn-28-4")])
def test_cifar_cells_read_the_other_colour_sets_of_the_thesis(
    dataset: str, classes: int, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The official files are not at hand here; their readers have tests of their own."""

    def load(name: str, split: str) -> ImageSet:
        images = torch.randint(256, (2 * classes, 3, 32, 32), generator=torch.Generator().manual_seed(0)).byte()
        return ImageSet(name, split, images, torch.arange(2 * classes) % classes, tuple(map(str, range(classes))))

    monkeypatch.setattr(runs.data, "load", load)
    runs.tensors.cache_clear()
    cell = grids.cifar_cells(replace(PAPER, cifar_dataset=dataset, cifar_network=network))[0]
    parts, found = runs.tensors(cell.dataset, cell.train_size)
    runs.tensors.cache_clear()
    assert found == classes and parts["train"][0].shape == (2 * classes, 3, 32, 32)
    assert runs.build_network(cell, found, (3, 32, 32))(parts["test"][0][:2]).shape == (2, classes)


# ---------------------------------------------------------------- choices


def test_best_by_validation_never_looks_at_test_rows() -> None:
    errors = {0.1: (0.30, 0.01), 1.0: (0.10, 0.50), 10.0: (0.20, 0.02)}  # strength -> validation, test
    rows = [
        row
        for (strength, (validation, test)), seed in itertools.product(errors.items(), (0, 1))
        for row in made_up(Cell(mode="local", strength=strength), seed, train=test, validation=validation, test=test)
    ]
    table = results.frame(rows)
    assert grids.best_by_validation(table, "strength") == 1.0
    table.loc[table.split != "validation", "value"] = float("nan")
    assert grids.best_by_validation(table, "strength") == 1.0


def test_best_by_validation_is_of_the_last_epoch_and_the_mean_over_seeds() -> None:
    rows = []
    for strength, by_seed in {0.1: (0.1, 0.6), 1.0: (0.3, 0.3)}.items():
        for seed, error in enumerate(by_seed):
            cell = Cell(mode="local", strength=strength)
            rows += made_up(cell, seed, validation=error)
            run = results.Run("orthoreg", as_json(cell), "mnist", seed, "test", "cpu")
            rows.append(run.row("error", 1.0 - error, "fraction", "validation", "epoch", 1))
            rows.append(run.row("overfitting", 1.0 - error, "fraction", "validation", "last", 1))
    assert grids.best_by_validation(results.frame(rows), "strength") == 1.0


def test_local_and_at_locality_select_rows() -> None:
    cells = [Cell(), Cell(mode="global", locality=3.0), Cell(mode="local"), Cell(mode="local", locality=3.0)]
    table = results.frame(row for n, cell in enumerate(cells) for row in made_up(cell, n, test=0.1))
    assert grids.local(table)["seed"].tolist() == [2, 3]
    assert grids.at_locality(table, 10.0)["seed"].tolist() == [0, 1, 2]
    empty = results.frame([])
    assert grids.local(empty).empty and grids.at_locality(empty, 10.0).empty


# ---------------------------------------------------------------- headline


def test_headline_of_a_made_up_table() -> None:
    def run(cell: Cell, seed: int, test: float, angle: float) -> list[results.Row]:
        shared = results.Run("orthoreg", as_json(cell), "mnist", seed, "test", "cpu")
        rows = made_up(cell, seed, train=test / 2, validation=0.9, test=test)
        rows.append(shared.row("nearest_angle", angle, "degrees", "none", "last", 1))
        rows.append(shared.row("error", 0.77, "fraction", "test", "epoch", 1))
        return rows

    toy = [
        results.Run(experiment, f'{{"mode": "{mode}"}}', "none", 0, "test", "cpu").row(
            "gap_deviation", value, "degrees", "none", "last", 9
        )
        for experiment, mode, value in (("toy", "global", 20.0), ("toy", "local", 2.0), ("toy_crowding", "local", 99.0))
    ]
    rows = [*run(Cell(), 0, 0.2, 70.0), *run(Cell(), 1, 0.4, 72.0)]
    rows += run(Cell(mode="local", strength=1.0), 0, 0.1, 80.0)
    rows += run(Cell(mode="local", strength=0.1), 0, 0.6, 50.0)  # not the largest strength
    rows += run(Cell(mode="local", strength=1.0, locality=3.0), 0, 0.6, 50.0)  # another locality
    rows += run(Cell(mode="global", strength=1.0), 0, 0.6, 50.0)
    rows += run(Cell(network="digit_cnn", mode="local", strength=10.0), 0, 0.6, 50.0)
    assert grids.headline(results.frame(rows + toy)) == pytest.approx(
        {
            "test_error_none": 0.3,
            "train_error_none": 0.15,
            "filter_angle_none": 71.0,
            "test_error_local": 0.1,
            "train_error_local": 0.05,
            "filter_angle_local": 80.0,
            "toy_unevenness_global": 20.0,
            "toy_unevenness_local": 2.0,
        }
    )


# ---------------------------------------------------------------- a whole study, small


@pytest.fixture(scope="module")
def whole() -> tuple[study.Study, dict[str, pd.DataFrame]]:
    made = study.Study(TINY, "test")
    tables = {"toy": made.toy(), "strength": made.strength(), "locality": made.locality()}
    return made, tables


def test_study_collects_every_run_once(whole: tuple) -> None:
    made, tables = whole
    table = results.frame(made.rows)
    assert table["run_id"].nunique() == 4 + 3 + 2  # toy; none and two strengths; global and local at another locality
    assert not table.duplicated(["run_id", "metric", "split", "selection", "epochs"]).any()
    assert set(table["run_id"]) == {run for part in tables.values() for run in part["run_id"]}
    shared = set(tables["strength"]["run_id"]) & set(tables["locality"]["run_id"])
    assert len(shared) == 2  # no rule, and the local rule at lambda = 10


def test_study_trains_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []
    once = runs.run_cell
    monkeypatch.setattr(runs, "run_cell", lambda cell, *rest: trained.append(cell) or once(cell, *rest))
    made = study.Study(TINY, "test")
    made.strength()
    made.locality()
    assert len(trained) == len(set(trained)) == 5


def test_study_chooses_gamma_on_validation(whole: tuple) -> None:
    _, tables = whole
    gamma = grids.best_by_validation(grids.local(tables["strength"]), "strength")
    chosen = results.with_config(tables["locality"])
    assert set(chosen[chosen["mode"] != "none"]["strength"]) == {gamma}


def test_study_with_a_record_folder_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(TINY, record=str(tmp_path / "rec"))
    first = study.Study(config, "test")
    toy, strength = first.toy(), first.strength()
    assert {path.name for path in (tmp_path / "rec").glob("*.csv")} == {"toy.csv", "strength.csv"}
    monkeypatch.setattr(runs, "run_cell", None)
    again = study.Study(config, "test")
    pd.testing.assert_frame_equal(again.strength(), strength)
    again.toy()
    recorded = results.read(tmp_path / "rec" / "toy.csv")
    assert recorded["value"].tolist() == toy["value"].tolist()  # measured again, recorded once


def test_toy_paths_start_at_one_place_and_go_both_ways() -> None:
    paths = study.Study(TINY, "test").toy_paths()
    assert list(paths) == ["global rule, descent", "local rule, descent", "global rule, ascent", "local rule, ascent"]
    first = next(iter(paths.values()))[0]
    for path in paths.values():
        assert path.shape == (21, 6, 2) and (path[0] == first).all() and not (path[-1] == first).all()


def test_angles_are_of_the_first_seed_and_trained_weights_have_one(tmp_path: Path) -> None:
    config = replace(TINY, architectures=("alexnet", "efficientnet_lite0"), architecture_seeds=(7, 8))
    made = study.Study(replace(config, architecture_steps=0), "test")
    histograms = made.angles()
    assert list(histograms) == ["alexnet", "efficientnet_lite0"] and list(histograms["alexnet"]) == [
        "none",
        "global",
        "local",
    ]
    table = results.with_config(results.frame(made.rows))
    assert set(table[table.architecture == "alexnet"]["seed"]) == {7, 8}
    assert set(table[table.architecture == "efficientnet_lite0"]["seed"]) == {7}


def test_angles_are_kept_one_network_at_a_time_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(TINY, architectures=("alexnet",), architecture_seeds=(0, 1), record=str(tmp_path / "rec"))
    first = study.Study(config, "test").angles()
    recorded = results.read(tmp_path / "rec" / "angles.csv")
    assert set(recorded["seed"]) == {0, 1}
    computed = []
    real = study.geometry.angle_rows
    monkeypatch.setattr(study.geometry, "angle_rows", lambda *args: computed.append(args[2]) or real(*args))
    again = study.Study(config, "test").angles()
    assert computed == [0]  # the first seed is drawn, the second is recorded
    assert again["alexnet"]["local"].equal(first["alexnet"]["local"])
    assert results.read(tmp_path / "rec" / "angles.csv").equals(recorded)
