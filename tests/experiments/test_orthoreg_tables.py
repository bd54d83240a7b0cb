"""Chapter 5's sentences and tables say what the rows hold."""

from dataclasses import replace

import pandas as pd

from fgr.config import as_json
from fgr.experiments import page
from fgr.experiments.orthoreg import grids, tables
from fgr.experiments.orthoreg.runs import Cell
from fgr.results import rows as results
from fgr.results.published import published

EMPTY = results.frame([])


def runs(errors: dict[Cell, float], seeds: tuple[int, ...] = (0, 1)) -> pd.DataFrame:
    """Rows of made-up runs: cell -> its test error at the last epoch, and as the best one."""
    return results.frame(
        results.Run("orthoreg", as_json(cell), cell.dataset, seed, "test", "cpu").row(
            "error", error, "fraction", "test", selection, cell.epochs
        )
        for cell, error in errors.items()
        for seed in seeds
        for selection in ("last", "best-test")
    )


def local(**changes: object) -> Cell:
    return Cell(mode="local", **changes)


def test_size_names_images_data_and_epochs() -> None:
    cell = Cell(train_size=10_000, epochs=12)
    assert tables.size(runs({cell: 0.1})) == "Size of each run: 10,000 training images of MNIST, 12 epochs."
    longer = replace(cell, train_size=0, epochs=200)
    both = tables.size(runs({cell: 0.1, longer: 0.1}))
    assert both == "Size of each run: all and 10,000 training images of MNIST, 12 and 200 epochs."
    assert tables.size(EMPTY) == "Not run yet."


def test_choice_says_where_among_the_offered_strengths_the_chosen_one_lies() -> None:
    offered = runs({Cell(): 0.1} | {local(strength=value): 0.1 for value in (0.01, 0.1, 1.0)})
    for value, word in ((0.01, "0.01, the smallest offered,"), (0.1, "0.1,"), (1.0, "1, the largest offered,")):
        used = runs({Cell(): 0.1, local(strength=value): 0.1})
        assert tables.choice(used, offered) == f"Strength: $\\gamma$ = {word} chosen from 0.01, 0.1 and 1."
    assert tables.choice(used, EMPTY) == tables.choice(EMPTY, offered) == "Not run yet."


def test_recorded_strengths_are_those_that_validation_chose() -> None:
    """What the page says of them is said of the rows that it shows."""
    for choices, shown in (("strength", "locality"), ("cnn_strength", "t5_1")):
        offered, used = (page.recorded("ch05_orthoreg", name) for name in (choices, shown))
        best = grids.best_by_validation(grids.local(offered), "strength")
        assert f"$\\gamma$ = {best:g}," in tables.choice(used, offered)


def test_ten_names_the_localities_that_fail_and_the_best_of_the_others() -> None:
    errors = {1.0: 0.8, 3.0: 0.9, 10.0: 0.04, 30.0: 0.03}
    text = tables.ten(runs({Cell(): 0.05} | {local(locality=value): error for value, error in errors.items()}))
    assert text.startswith(
        "Of the localities that learn, $\\lambda$ = 30 has the lowest mean error: 4.00 ± 0.00 % at 10 and"
    )
    assert "The others hardly learn: 80.00 ± 0.00 % at 1 and 90.00 ± 0.00 % at 3." in text
    all_learn = tables.ten(runs({local(locality=value): 0.02 * value / 10 for value in (10.0, 30.0)}))
    assert all_learn.startswith("Of the localities that learn, $\\lambda$ = 10") and "hardly" not in all_learn
    assert tables.ten(runs({local(locality=10.0): 0.9})) == "At $\\lambda$ = 10 the test error is 90.00 ± 0.00 %."
    assert tables.ten(EMPTY) == "Not run yet."


def test_beside_heads_each_column_by_its_data() -> None:
    rows = runs({Cell(epochs=12): 0.03, local(strength=1.0, epochs=12): 0.04})
    table = tables.beside("F5.4", rows, grids.FIGURE_5_4, "MNIST, validation")
    assert table.columns.tolist() == [
        "network",
        "printed error, MNIST, validation (%)",
        "our test error, MNIST, after 12 epochs (%)",
        "seeds",
        "our test error at its best epoch (%)",
    ]
    assert table.iloc[:, 1].tolist() == ["1.74", "1.45"]
    assert table.iloc[:, 2].tolist() == ["3.00 ± 0.00", "4.00 ± 0.00"]
    wide = replace(Cell(network="wrn-10-1", dataset="cifar10", epochs=8))
    table = tables.beside("T5.2", runs({wide: 0.3}), grids.TABLE_5_2, "CIFAR-10, WRN-28-10")
    assert "our test error, CIFAR-10, WRN-10-1, after 8 epochs (%)" in table.columns
    assert "our test error, not run (%)" in tables.beside("T5.1", EMPTY, grids.TABLE_5_1, "MNIST").columns


def test_errors_stand_beside_errors() -> None:
    """A table that set accuracies beside errors would show a collapse that there was not."""
    for source in ("F5.4", "T5.1", "T5.2", "T5.3"):
        assert set(published(source)["metric"]) == {"error"} and set(published(source)["unit"]) == {"percent"}
    assert tables.svhn().shape == (5, 2)


def test_cost_has_plain_names() -> None:
    table = tables.cost(page.benchmark("orthoreg"))
    assert table["regulariser"].iloc[0] == "none" and not any("_" in name for name in table.columns)
    assert tables.cost(pd.DataFrame()).empty
