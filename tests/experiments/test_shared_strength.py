"""Section 5.3.2: what one strength for all networks costs, on results whose answer is known."""

import dataclasses

import pytest

from fgr.config import as_json, resolve
from fgr.experiments.orthoreg import shared_strength, study
from fgr.experiments.orthoreg.grids import Config
from fgr.figures import decorrelation
from fgr.results import rows as results

LAPTOP = resolve(Config, "ch05_orthoreg", "laptop")


def table(best: dict[tuple[bool, int], float], seeds: tuple[int, ...] = (0, 1)):
    """Rows of runs that never were: 5 % error at a network's best strength, a point more a step of the grid away."""
    rows = []
    grid = shared_strength.STRENGTHS
    for cell in shared_strength.cells(LAPTOP):
        network = 0 if cell.network == "digit_cnn" else cell.hidden
        away = abs(grid.index(cell.strength) - grid.index(best[cell.normalize_gradients, network]))
        for seed in seeds:
            run = results.Run("orthoreg", as_json(cell), cell.dataset, seed, "test", "cpu")
            for split in ("validation", "test"):
                error = 0.05 + 0.01 * away + (0.001 * seed if split == "test" else 0.0)
                rows.append(run.row("error", error, "fraction", split, "last", cell.epochs))
    return results.frame(rows)


APART = {(False, 64): 0.01, (False, 512): 1.0, (False, 0): 0.1} | {(True, n): 0.1 for n in (64, 512, 0)}


def test_cells_are_the_same_grid_for_both_ways() -> None:
    cells = shared_strength.cells(LAPTOP)
    assert len(set(cells)) == 3 * 2 * len(shared_strength.STRENGTHS)
    raw, normalized = ([c for c in cells if c.normalize_gradients is way] for way in (False, True))
    assert [dataclasses.replace(cell, normalize_gradients=True) for cell in raw] == normalized


def test_regret_is_what_the_shared_strength_costs() -> None:
    found = shared_strength.regret(table(APART)).set_index(["normalize_gradients", "seed"])
    assert found["shared"].unique().tolist() == [0.1]
    # two networks of three are one step of the grid away from their best, in every seed
    assert found.loc[False, "regret"].tolist() == pytest.approx([0.02 / 3] * 2)
    assert found.loc[True, "regret"].tolist() == pytest.approx([0.0] * 2)


def test_choice_is_by_validation_not_test() -> None:
    rows = table(APART)
    rows.loc[rows.split == "test", "value"] = 0.5
    assert shared_strength.regret(rows)["regret"].tolist() == [0.0] * 4
    assert shared_strength.regret(rows)["shared"].tolist() == [0.1] * 4


def test_rows_carry_what_the_claim_selects_by() -> None:
    made = results.frame(shared_strength.regret_rows(table(APART), LAPTOP, "test"))
    columns = results.with_config(made)
    assert sorted(columns["normalize_gradients"]) == [False, False, True, True]
    assert set(made["metric"]) == {"regret"} and made["run_id"].nunique() == 4


def test_study_leaves_it_out_without_seeds() -> None:
    assert study.Study(Config(), "test").shared_strength().empty


def test_figure_shows_every_network_both_ways() -> None:
    figure = decorrelation.error_over_strength(table(APART))
    assert [len(axes.containers) for axes in figure.axes] == [3, 3]
    assert "not run yet" in decorrelation.error_over_strength(results.frame([])).axes[0].texts[0].get_text()
