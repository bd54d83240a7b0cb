"""The ledger of a study: where rows are kept, what is found again, and what one part lends another."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from fgr.experiments import ledger as ledgers
from fgr.experiments.ledger import Ledger
from fgr.results import rows as results


@dataclass(frozen=True)
class Cell:
    """A training run but for its seed."""

    name: str


def made_up(name: str, value: float, seed: int = 0) -> results.Row:
    return results.Run("made_up", f'{{"name": "{name}"}}', "none", seed, "test", "cpu").row(
        "error", value, "fraction", "test", "last", 1
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(ledgers, "project_root", lambda: tmp_path)
    return tmp_path


def test_files_lie_in_the_project_or_nowhere(project: Path) -> None:
    assert Ledger("").file("toy") is None
    assert Ledger("results/r").file("toy") == project / "results" / "r" / "toy.csv"


def test_kept_rows_are_written_once_and_counted_by_this_study(project: Path) -> None:
    first, second = made_up("a", 0.25), made_up("b", 0.5)
    assert Ledger("r").keep("part", [first])["value"].tolist() == [0.25]
    ledger = Ledger("r")
    assert ledger.keep("part", [first, second])["value"].tolist() == [0.25, 0.5]
    assert results.read(project / "r" / "part.csv")["value"].tolist() == [0.25, 0.5]
    assert ledger.rows == [first, second]


def test_derived_rows_replace_what_has_become_stale(project: Path) -> None:
    file = project / "r" / "part.csv"
    before = Ledger("r").derive("part", [made_up("a", 0.25), made_up("b", 0.5)])
    text = file.read_text()
    assert Ledger("r").derive("part", [made_up("a", 0.25), made_up("b", 0.5)])["value"].tolist() == [0.25, 0.5]
    assert file.read_text() == text  # nothing changed, time and commit included
    Ledger("r").derive("part", [made_up("b", 0.75)])
    after = results.read(file)
    assert after["value"].tolist() == [0.25, 0.75] and after["run_id"].tolist() == before["run_id"].tolist()
    assert Ledger("").derive("part", [made_up("a", 1.0)])["value"].tolist() == [1.0]


def test_parts_lend_each_other_what_is_recorded(project: Path) -> None:
    """A part sees the rows of the others, of this process and of earlier ones, but not its own file."""
    mine, other, new = made_up("mine", 0.1), made_up("other", 0.2), made_up("new", 0.3)
    before = Ledger("r")
    before.keep("mine", [mine])
    before.keep("other", [other])
    ledger = Ledger("r")
    ledger.rows.append(new)
    assert ledger.of_other_parts("mine") == [new, other]
    assert ledger.of_other_parts("third") == [new, mine, other]
    assert Ledger("").of_other_parts("mine") == []


def test_a_sweep_takes_over_what_is_lent_and_collects_each_run_once(project: Path) -> None:
    """By default the study's own rows are lent; what is given instead hides them."""
    ran = []

    def run(cell: Cell, seed: int, _: Path | None) -> list[results.Row]:
        ran.append((cell.name, seed))
        return [made_up(cell.name, 0.5, seed)]

    cells = [Cell("a"), Cell("b")]
    ledger = Ledger("r")
    both = ledger.sweep("first", run, "made_up", cells, [0])
    assert ran == [("a", 0), ("b", 0)] and len(both) == len(ledger.rows) == 2
    again = ledger.sweep("second", run, "made_up", cells[:1], [0, 1])
    assert ran[2:] == [("a", 1)] and len(ledger.rows) == 3
    assert again["seed"].tolist() == [0, 1] and len(results.read(project / "r" / "second.csv")) == 2
    ledger.sweep("third", run, "made_up", cells[:1], [0], lent=[])
    assert ran[3:] == [("a", 0)] and len(ledger.rows) == 3
    pd.testing.assert_frame_equal(Ledger("r").sweep("first", run, "made_up", cells, [0]), both)
    assert len(ran) == 4
