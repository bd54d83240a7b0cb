"""Many runs of one experiment, each recorded once: an interrupted sweep goes on where it stopped."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from fgr.config import as_json
from fgr.results import rows as results

Cell = TypeVar("Cell")  # a frozen dataclass: one training run but for its seed
Runner = Callable[[Cell, int, Path | None], list[results.Row]]  # (cell, seed, checkpoint) -> its rows


def sweep(
    run: Runner,
    experiment: str,
    cells: Iterable[Cell],
    seeds: Iterable[int],
    record: Path | None = None,
    lent: Iterable[results.Row] = (),
) -> list[results.Row]:
    """Run every cell with every seed and return all rows; with `record`, finished runs are kept and found again.

    A recorded run is recognised by its configuration and seed. Its rows say which commit and source made them, and
    `fgr results rerun` repeats one to see that it still holds.

    Args:
        run: trains one cell with one seed, resuming from the checkpoint it is given, and returns its rows.
        experiment: the name that those rows carry.
        cells, seeds: what to run; seeds are the outer loop, so that an interrupted sweep holds whole pairs.
        record: CSV file to keep finished runs in; a run under way resumes from a checkpoint beside it, if the library
            is still the same.
        lent: rows of other sweeps, whose runs are taken over instead of run again.
    """
    cells = list(dict.fromkeys(cells))
    known, borrowed = _recorded(record), _by_run(lent)
    rows: list[results.Row] = []
    for seed in seeds:
        for cell in cells:
            name = results.run_id(experiment, as_json(cell), seed)
            if name not in known:
                known[name] = borrowed.get(name) or _run_once(run, cell, seed, record, name)
                if record is not None:
                    results.append(record, known[name])
            rows += known[name]
    return rows


def _run_once(run: Runner, cell: Cell, seed: int, record: Path | None, name: str) -> list[results.Row]:
    # its rows will name the source of today, so a run that other source began is not gone on with
    checkpoint = record.parent / ".checkpoints" / f"{name}-{results.source_hash()}.pt" if record is not None else None
    made = run(cell, seed, checkpoint)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return made


def _recorded(record: Path | None) -> dict[str, list[results.Row]]:
    if record is None or not record.exists():
        return {}
    return _by_run(results.Row(**values) for values in results.read(record).to_dict("records"))


def _by_run(rows: Iterable[results.Row]) -> dict[str, list[results.Row]]:
    runs: dict[str, dict[tuple[str, str, str, int], results.Row]] = {}  # a run that is lent twice counts once
    for row in rows:
        runs.setdefault(row.run_id, {})[row.metric, row.split, row.selection, row.epochs] = row
    return {name: list(numbers.values()) for name, numbers in runs.items()}
