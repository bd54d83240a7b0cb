"""What a study has measured: all rows, and the files in which finished runs are kept and found again."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fgr.experiments.sweep import Cell, Runner, sweep
from fgr.paths import project_root
from fgr.results.rows import Row, append, frame, read


class Ledger:
    """Collect the rows of a study; what is recorded goes into one file a part, and is not run again.

    Args:
        record: folder under the repository, or "" to keep nothing on disk.

    Example:
        >>> ledger = Ledger(record="")
        >>> ledger.keep("toy", []).empty, ledger.file("toy")
        (True, None)
    """

    def __init__(self, record: str) -> None:
        self.folder = project_root() / record if record else None
        self.rows: list[Row] = []

    def file(self, part: str) -> Path | None:
        """Return where the finished runs of a part are kept; None if nothing is."""
        return self.folder / f"{part}.csv" if self.folder else None

    def sweep(
        self,
        part: str,
        run: Runner,
        experiment: str,
        cells: Iterable[Cell],
        seeds: Iterable[int],
        lent: Iterable[Row] | None = None,
    ) -> pd.DataFrame:
        """Run what has not been run, see `fgr.experiments.sweep`, and return the rows of all cells and seeds.

        Runs are taken over from `lent`, by default from all rows of the study so far.
        """
        rows = sweep(run, experiment, cells, seeds, self.file(part), self.rows if lent is None else lent)
        known = {row.run_id for row in self.rows}
        self.rows += [row for row in rows if row.run_id not in known]
        return frame(rows)

    def keep(self, part: str, rows: list[Row]) -> pd.DataFrame:
        """Take over rows that no sweep made; runs that a part's file holds already are not written again."""
        file = self.file(part)
        if file is not None:
            known = set(read(file)["run_id"]) if file.exists() else set()
            append(file, [row for row in rows if row.run_id not in known])
        self.rows += rows
        return frame(rows)

    def derive(self, part: str, rows: list[Row]) -> pd.DataFrame:
        """Take over rows that are computed from other rows; in the part's file they replace what has become stale."""
        file = self.file(part)
        if file is not None:
            before = read(file).to_dict("records") if file.exists() else []
            known = {_measured(Row(**values)) for values in before}
            changed = {row.run_id for row in rows if _measured(row) not in known}
            append(file, [row for row in rows if row.run_id in changed], replace=True)
        self.rows += rows
        return frame(rows)

    def of_other_parts(self, part: str) -> list[Row]:
        """Return all rows of the study but those in the file of this part: this process's, and recorded ones."""
        if self.folder is None:
            return list(self.rows)
        others = [file for file in sorted(self.folder.glob("*.csv")) if file != self.file(part)]
        return [*self.rows, *(Row(**values) for values in read(*others).to_dict("records"))]


def _measured(row: Row) -> tuple[object, ...]:
    return row.run_id, row.metric, row.split, row.selection, row.epochs, row.value
