"""Tidy rows: one measured number a row, with everything needed to know where it came from.

`results/README.md` defines each column. Rows are only ever appended, under a lock and by replacing the file, so that
a crash or a second process cannot leave half a row.
"""

import datetime
import functools
import hashlib
import json
import math
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd
import torch

from fgr.paths import PACKAGE, atomic_path, locked

SELECTIONS = ("last", "best-val", "best-test", "epoch", "none")
SPLITS = ("train", "validation", "test", "none")
UNITS = ("fraction", "degrees", "seconds", "count", "nats", "years", "none")


@dataclass(frozen=True)
class Row:
    """One number that a run measured; see results/README.md."""

    run_id: str
    time: str
    commit: str
    dirty: bool
    source_hash: str
    experiment: str
    config: str
    dataset: str
    split: str
    metric: str
    value: float
    unit: str
    selection: str
    epochs: int
    seed: int
    profile: str
    torch: str
    device: str
    seconds: float


COLUMNS = tuple(field.name for field in fields(Row))
TEXT = tuple(field.name for field in fields(Row) if field.type is str)


@functools.cache
def source_hash() -> str:
    """Return a hash of the library's source: equal hashes mean equal code."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(PACKAGE)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _git(*command: str) -> str:
    try:
        done = subprocess.run(["git", *command], cwd=PACKAGE.parent, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@functools.cache
def provenance() -> dict[str, object]:
    """Return what is true of every row of this process: commit, dirty flag, source hash, torch version."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    return {
        "commit": commit or "unknown",
        "dirty": bool(_git("status", "--porcelain", "--", "fgr", "notebooks")) if commit else True,
        "source_hash": source_hash(),
        "torch": torch.__version__,
    }


def run_id(experiment: str, config: str, seed: int) -> str:
    """Return the name of a run: a hash of what was asked for, so that the same request is recognised again."""
    return hashlib.sha256(json.dumps([experiment, config, seed]).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Run:
    """What the rows of one run share; `row` adds a number."""

    experiment: str
    config: str
    dataset: str
    seed: int
    profile: str
    device: str

    @property
    def id(self) -> str:
        return run_id(self.experiment, self.config, self.seed)

    def row(
        self, metric: str, value: float, unit: str, split: str, selection: str, epochs: int, seconds: float = 0.0
    ) -> Row:
        """Return the row of one measured number, stamped with time and provenance.

        Raises:
            ValueError: on an unknown split, selection or unit, or a value that is not a finite number.
        """
        for given, known in ((split, SPLITS), (selection, SELECTIONS), (unit, UNITS)):
            if given not in known:
                raise ValueError(f"{given!r} is not one of {', '.join(known)}")
        if not math.isfinite(value):
            raise ValueError(f"{metric} of {self.experiment} is {value}; a row holds a finite number")
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        return Row(
            run_id=self.id,
            time=now,
            metric=metric,
            value=float(value),
            unit=unit,
            split=split,
            selection=selection,
            epochs=epochs,
            seconds=round(seconds, 3),
            **asdict(self),
            **provenance(),
        )


def frame(rows: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a table with the columns of the schema."""
    return pd.DataFrame([asdict(row) for row in rows], columns=list(COLUMNS))


def append(path: Path, rows: Iterable[Row], replace: bool = False) -> None:
    """Append rows to a CSV file, whole or not at all, safe against other processes doing the same.

    Args:
        replace: take out what the file holds of the same runs.

    Raises:
        ValueError: if the file has other columns.
    """
    rows = list(rows)
    text = frame(rows).to_csv(index=False, header=False, lineterminator="\n")
    with locked(path.parent / f".{path.name}.lock"):
        header = ",".join(COLUMNS) + "\n"
        before = (path.read_text() if path.exists() else "") or header
        if not before.startswith(header):
            raise ValueError(f"{path}: columns differ from the schema; see results/README.md, or name another file")
        if replace:  # the id of its run begins a line
            runs = {row.run_id for row in rows}
            lines = before.splitlines(keepends=True)
            before = "".join(line for line in lines if line.split(",", 1)[0] not in runs)
        gap = "" if before.endswith("\n") else "\n"
        with atomic_path(path) as file:
            file.write_text(before + gap + text)


def read(*paths: Path) -> pd.DataFrame:
    """Read rows and check them against the schema.

    Raises:
        ValueError: naming the file and the column that is missing, surplus or holds a value it may not.
    """
    tables = [_read_one(path) for path in paths]
    return pd.concat(tables, ignore_index=True) if tables else frame([])


def _read_one(path: Path) -> pd.DataFrame:
    table = pd.read_csv(path, dtype=dict.fromkeys(TEXT, str), keep_default_na=False)
    if tuple(table.columns) != COLUMNS:
        wrong = sorted(set(table.columns) ^ set(COLUMNS)) or "their order"
        raise ValueError(f"{path}: columns differ from the schema in {wrong}; see results/README.md")
    for column, known in (("split", SPLITS), ("selection", SELECTIONS), ("unit", UNITS)):
        bad = sorted(set(table[column]) - set(known))
        if bad:
            raise ValueError(f"{path}: column {column} holds {bad}, known are {', '.join(known)}")
    for field in fields(Row):
        if field.type is not str:
            table[field.name] = _typed(table[field.name], field.type, path)
    return table


def _typed(column: pd.Series, wanted: type, path: Path) -> pd.Series:
    """Return a column as bool, int or float; a cell that is none is an error, also an empty one."""
    if wanted is bool:
        bad = ~column.astype(str).isin(["True", "False"])
    else:
        numbers = pd.to_numeric(column, errors="coerce").astype(float)  # what is no number becomes NaN
        bad = ~numbers.abs().lt(math.inf) | ((numbers % 1 != 0) & (wanted is int))
    if bad.any():
        line = int(bad.argmax())
        kind = {bool: "True or False", int: "a whole number", float: "a finite number"}[wanted]
        raise ValueError(f"{path}: column {column.name} holds {str(column[line])!r} in line {line + 2}, not {kind}")
    return column.astype(wanted)


def with_config(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with one more column for each field of the rows' configurations, to select and group by."""
    configs = pd.DataFrame([json.loads(text) for text in table["config"]], index=table.index)
    return table.join(configs[[name for name in configs.columns if name not in table.columns]])
