"""Chapter 6's tables set like beside like, and say what the rows and the thesis hold."""

import pandas as pd
import pytest
import torch

from fgr.config import as_json
from fgr.experiments import page
from fgr.experiments.codes import bits, grids, tables
from fgr.experiments.codes.runs import Cell
from fgr.results import rows as results
from fgr.results.published import published

EMPTY = results.frame([])


def runs(errors: dict[Cell, float]) -> pd.DataFrame:
    """Rows of made-up runs of two seeds: cell -> its test error at the last epoch; a tenth less at the best."""
    made = []
    for cell, error in errors.items():
        for seed in (0, 1):
            run = results.Run("codes", as_json(cell), cell.dataset, seed, "test", "cpu")
            made.append(run.row("error", error, "fraction", "test", "last", cell.epochs))
            made.append(run.row("error", 0.9 * error, "fraction", "test", "best-test", cell.epochs))
            made.append(run.row("mean_error", 0.77, "fraction", "test", "none", cell.epochs))
    return results.frame(made)


def test_table_6_1_sets_accuracies_beside_accuracies() -> None:
    assert set(published("T6.1")["metric"]) == {"accuracy"}
    cells = grids.table_6_1(100)
    rows = runs({Cell(**fields): number / 100 for number, fields in enumerate(cells.values(), start=1)})
    table = tables.accuracy_table(rows)
    assert table.columns.tolist() == [
        *("code", "threshold", "bits", "printed accuracy, CIFAR-100 (%)", "our accuracy, birds (%)", "seeds"),
        "our accuracy at the best epoch by test (%)",
    ]
    assert table["our accuracy, birds (%)"].tolist() == [f"{100 - n:.2f} ± 0.00" for n in range(1, len(cells) + 1)]
    assert table.iloc[-1, -1] == f"{100 - 0.9 * len(cells):.2f} ± 0.00"
    line = table[(table.code == "spectral") & (table.threshold == "none") & (table.bits == 99)]
    assert line["printed accuracy, CIFAR-100 (%)"].tolist() == ["50"]
    assert set(tables.accuracy_table(EMPTY)["our accuracy, birds (%)"]) == {"not run"}


def test_recorded_accuracies_are_those_of_the_recorded_errors() -> None:
    rows = page.recorded("ch06_output_codes", "t6_1")
    table = tables.accuracy_table(rows).set_index(["code", "threshold", "bits"])
    errors = grids.last_errors(rows, ["code", "threshold", "length"]).mean(axis=1)
    for place, text in table["our accuracy, birds (%)"].items():
        assert float(text.split(" ± ")[0]) == pytest.approx(100 - 100 * errors[place], abs=0.006)


def test_quarter_of_the_bits_is_said_in_accuracies() -> None:
    cells = {Cell(code="spectral", length=25): 0.2, Cell(code="gaussian", length=25): 0.3, Cell(length=100): 0.1}
    text = tables.quarter(runs(cells))
    assert "one-hot with 25 % of the bits." in text and "an accuracy of 80.00 ± 0.00 % with 25 data-based bits" in text
    assert "70.00 ± 0.00 % with 25 random ones, and 90.00 ± 0.00 % with all 100 of one-hot." in text
    assert tables.quarter(EMPTY).endswith("Ours: not run yet.")


def test_table_6_2_names_printed_attributes_of_the_same_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bits, "first_bits", lambda cell, seed: torch.randn(20, 6, generator=torch.manual_seed(0)))
    table = bits.table_6_2(Cell(code="spectral", num_classes=20), 0)
    assert table["bit"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["printed, CUB-200: highest"].iloc[0] == "shape perching-like +0.79"
    assert table["printed, CUB-200: lowest"].iloc[0] == "size:medium -0.73"
    random = bits.table_6_2(Cell(code="gaussian", num_classes=20), 0)
    assert random["printed, CUB-200: highest"].iloc[5] == "crown-color yellow +0.14"


def test_printed_strength_is_the_mean_of_the_strongest() -> None:
    strongest = (0.79, 0.64, 0.58, 0.44, 0.53, 0.55)
    assert bits.printed_strength("spectral") == pytest.approx(sum(strongest) / 6)
    table = tables.meaning_table(page.recorded("ch06_output_codes", "bits_meaning"))
    assert table.set_index("code").loc["spectral", "printed, CUB-200"] == pytest.approx(0.59, abs=0.005)
    assert tables.meaning_table(EMPTY).empty


def test_typical_pairs_part_at_the_median_and_paths_end_there() -> None:
    codes = torch.randn(12, 8, generator=torch.Generator().manual_seed(0))
    codes[1] = codes[0].abs() * codes[0].sign()  # never parts from class 0
    distances = torch.full((12, 12), 4)
    distances[:4, :4] = 1
    distances[range(12), range(12)] = 0
    first, pairs = bits.parting_bits(codes), bits.typical_pairs(codes, distances)
    assert list(pairs) == ["sister species", "other order"]
    for kinship, distance in (("sister species", 1), ("other order", 4)):
        of = [int(first[a, b]) for a in range(12) for b in range(a) if distances[a, b] == distance and first[a, b] <= 8]
        assert int(first[pairs[kinship]]) == sorted(of)[(len(of) - 1) // 2]
    drawn = bits.paths({"ours": codes}, pairs)["ours"]
    assert {name: steps[-1] for name, steps in drawn.items()} == {
        name: (int(first[pair]), 2) for name, pair in pairs.items()
    }


@pytest.mark.parametrize(("strangers", "word"), [(2.0, "Signs alone are coarse"), (1.0, "Strangers part sooner")])
def test_what_is_said_of_strangers_is_what_the_table_says(strangers: float, word: str) -> None:
    table = pd.DataFrame({"pairs of": ["same order", "other order"], "pairs": [2, 2], "ours": [1.4, strangers]})
    assert bits.parting_words(table, "ours").startswith(word)


def test_benchmark_is_shown_in_parts_under_plain_names() -> None:
    measured = page.benchmark("output_codes")
    layers, making, zero = (
        made(measured) for made in (tables.layers_table, tables.making_table, tables.near_zero_table)
    )
    assert len(layers) + len(making) == len(measured) and set(layers["task"]) == {"step", "predict"}
    assert not any("_" in name for table in (layers, making, zero) for name in table.columns)
    assert (zero["one-hot"] > 70).all() and (zero["code"] < 20).all()  # what the page says of sparse gradients
    spectral, joined = (making[making["code"] == name].iloc[:, -1] for name in ("spectral", "spectral + random"))
    assert (spectral == 0).all() and (joined > 0).all()  # and of words that classes share
    assert all(
        made(pd.DataFrame()).empty for made in (tables.layers_table, tables.making_table, tables.near_zero_table)
    )
