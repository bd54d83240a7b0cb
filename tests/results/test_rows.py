"""Result rows: the schema, files that several processes append to, and what a bad file is told."""

import math
import multiprocessing
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
import torch

from fgr.results import rows
from fgr.results.rows import COLUMNS, Run, append, frame, read, run_id, with_config


@pytest.fixture
def run() -> Run:
    return Run("demo", '{"lr": 0.1, "mode": "local"}', "digits", 7, "smoke", "cpu")


@pytest.fixture
def path(tmp_path: Path, make_rows) -> Path:
    append(tmp_path / "rows.csv", make_rows({0: 0.25, 1: 0.5}, mode="local"))
    return tmp_path / "rows.csv"


# ---------------------------------------------------------------- schema


def test_row_says_where_its_number_came_from(run: Run) -> None:
    row = run.row("error", torch.tensor(0.25), "fraction", "test", "last", 3, seconds=1.23456)
    assert tuple(asdict(row)) == COLUMNS
    assert (row.run_id, row.seed, row.dataset, row.config) == (run.id, 7, "digits", run.config)
    assert (row.value, type(row.value), row.epochs, row.seconds) == (0.25, float, 3, 1.235)
    assert row.torch == torch.__version__
    assert row.source_hash == rows.source_hash()
    assert row.time.endswith("+00:00")


def test_run_id_depends_on_what_was_asked_for_only(run: Run) -> None:
    assert run.id == Run("demo", run.config, "digits", 7, "paper", "cuda:0").id
    assert len({run_id("a", "{}", 0), run_id("b", "{}", 0), run_id("a", "[]", 0), run_id("a", "{}", 1)}) == 4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"split": "holdout"}, "'holdout' is not one of train, validation, test, none"),
        ({"selection": "best"}, "'best' is not one of last, best-val"),
        ({"unit": "percent"}, "'percent' is not one of fraction"),
        ({"value": math.nan}, "error of demo is nan; a row holds a finite number"),
        ({"value": math.inf}, "error of demo is inf; a row holds a finite number"),
    ],
)
def test_wrong_row_is_refused(wrong: dict, message: str, run: Run) -> None:
    right = {"value": 0.5, "unit": "fraction", "split": "test", "selection": "last", "epochs": 3}
    with pytest.raises(ValueError, match=message):
        run.row("error", **{**right, **wrong})


def test_source_hash_changes_with_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "PACKAGE", tmp_path)
    hashes = []
    for text in ("x = 1\n", "x = 2\n", "x = 1\n"):
        (tmp_path / "module.py").write_text(text)
        rows.source_hash.cache_clear()
        hashes.append(rows.source_hash())
    rows.source_hash.cache_clear()
    assert hashes[0] == hashes[2] != hashes[1]


# ---------------------------------------------------------------- files


def test_what_is_appended_is_read_back_exactly(tmp_path: Path, make_rows) -> None:
    values = (torch.rand(300, dtype=torch.float64) * torch.logspace(-12, 12, 300, dtype=torch.float64)).tolist()
    first = make_rows(dict(enumerate(values)), mode='quote " comma , end')
    second = make_rows({0: 0.1 + 0.2}, metric="NA", mode="None")  # words that pandas takes for a missing value
    append(tmp_path / "new" / "rows.csv", first)
    append(tmp_path / "new" / "rows.csv", second)
    table = read(tmp_path / "new" / "rows.csv")
    pd.testing.assert_frame_equal(table, frame(first + second), check_dtype=False, rtol=1e-15, atol=0)
    assert [str(table[name].dtype) for name in ("value", "seed", "dirty")] == ["float64", "int64", "bool"]


def test_several_files_and_none(path: Path) -> None:
    assert len(read(path, path)) == 4
    assert read().empty
    assert tuple(read().columns) == COLUMNS


def append_many(path: Path, seeds: range, make_rows) -> None:
    for seed in seeds:
        append(path, make_rows({seed: seed / 8}, mode="local"))


def test_no_row_is_lost_between_processes(tmp_path: Path, make_rows) -> None:
    path, fork = tmp_path / "rows.csv", multiprocessing.get_context("fork")
    shares = [range(start, start + 10) for start in range(0, 40, 10)]
    processes = [fork.Process(target=append_many, args=(path, share, make_rows)) for share in shares]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    table = read(path)
    assert sorted(table["seed"]) == list(range(40))
    assert (table["value"] == table["seed"] / 8).all()


def test_replacing_takes_out_the_same_runs_only(tmp_path: Path, make_rows) -> None:
    path = tmp_path / "rows.csv"
    append(path, make_rows({0: 0.1, 1: 0.2}, mode="local"))
    append(path, make_rows({1: 0.5}, mode="local"), replace=True)
    table = read(path)
    assert table["value"].tolist() == [0.1, 0.5] and table["seed"].tolist() == [0, 1]


def test_failing_append_changes_nothing(path: Path, make_rows) -> None:
    def failing():
        yield from make_rows({5: 0.5})
        raise RuntimeError

    before = path.read_bytes()
    with pytest.raises(RuntimeError):
        append(path, failing())
    assert path.read_bytes() == before


def test_last_line_without_an_end_stays_a_line_of_its_own(path: Path, make_rows) -> None:
    path.write_text(path.read_text().rstrip("\n"))
    append(path, make_rows({2: 0.75}))
    assert read(path)["value"].tolist() == [0.25, 0.5, 0.75]


def test_empty_file_is_given_a_header(tmp_path: Path, make_rows) -> None:
    path = tmp_path / "rows.csv"
    path.touch()
    append(path, make_rows({0: 0.5}))
    assert len(read(path)) == 1


def test_rows_are_not_appended_to_another_table(tmp_path: Path, make_rows) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("epoch,loss\n1,0.5\n")
    with pytest.raises(ValueError, match=r"rows\.csv: columns differ from the schema; see results/README\.md"):
        append(path, make_rows({0: 0.5}))
    assert path.read_text() == "epoch,loss\n1,0.5\n"


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("split", "holdout", r"column split holds \['holdout'\], known are train, validation, test, none"),
        ("selection", "", r"column selection holds \[''\]"),
        ("unit", "percent", r"column unit holds \['percent'\]"),
        ("value", "", "column value holds .* in line 3, not a finite number"),
        ("value", "nan", "column value holds .* in line 3, not a finite number"),
        ("value", "inf", "column value holds 'inf' in line 3, not a finite number"),
        ("value", "0,5", "column value holds '0,5' in line 3, not a finite number"),
        ("seconds", "soon", "column seconds holds 'soon' in line 3, not a finite number"),
        ("epochs", "2.5", "column epochs holds '2.5' in line 3, not a whole number"),
        ("seed", "", "column seed holds .* in line 3, not a whole number"),
        ("dirty", "maybe", "column dirty holds 'maybe' in line 3, not True or False"),
    ],
)
def test_bad_cell_is_named(column: str, cell: str, message: str, path: Path) -> None:
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[1, column] = cell
    table.to_csv(path, index=False)
    with pytest.raises(ValueError, match=rf"rows\.csv: {message}"):
        read(path)


def test_missing_surplus_and_reordered_columns_are_named(path: Path) -> None:
    table = pd.read_csv(path)
    for changed, message in (
        (table.drop(columns="seed"), r"differ from the schema in \['seed'\]"),
        (table.assign(extra=1), r"differ from the schema in \['extra'\]"),
        (table[list(COLUMNS[::-1])], "differ from the schema in their order"),
    ):
        changed.to_csv(path, index=False)
        with pytest.raises(ValueError, match=rf"rows\.csv: columns {message}; see results/README\.md"):
            read(path)


def test_with_config_adds_the_fields_of_the_configuration(make_rows) -> None:
    table = frame(make_rows({0: 0.5}, mode="local", seed="hidden") + make_rows({1: 0.25}, lr=0.1))
    wide = with_config(table[::-1])
    assert wide["mode"].tolist()[1] == "local"
    assert wide["lr"].tolist()[0] == 0.1
    assert wide["seed"].tolist() == [1, 0]  # a column of the row is never replaced
