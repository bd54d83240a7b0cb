"""What every notebook does around its experiments: say what runs, read recorded rows, close with a verdict."""

import dataclasses
import json
import math
from pathlib import Path

import pandas as pd
import torch
from pandas.io.formats.style import Styler

from fgr.config import from_notebook
from fgr.experiments import NOTEBOOKS
from fgr.paths import project_root
from fgr.results import rows as results
from fgr.results.expected import compare, read_expected


def begin(notebook: str, names: dict[str, object]) -> tuple[object, str]:
    """Resolve the notebook's parameters from its globals, set the threads, and return them with the profile.

    Raises:
        ParameterError: on a misspelt parameter or a wrong value.
    """
    config = from_notebook(NOTEBOOKS[notebook].config, notebook, names)
    if config.threads:
        torch.set_num_threads(config.threads)
    return config, str(names.get("profile", "smoke"))


def settings(config: object, profile: str) -> str:
    """Say in one paragraph of Markdown what runs: every parameter with its value."""
    words = [f"profile `{profile}`"]
    for name, value in dataclasses.asdict(config).items():
        shown = list(value) if isinstance(value, tuple) else value
        if shown not in ("", []) and name != "rows":
            words.append(f"{name} `{shown}`")
    return f"**What runs here:** {', '.join(words)}."


def recorded(notebook: str, name: str) -> pd.DataFrame:
    """Return the recorded rows of a sweep; an empty table if it has not been run."""
    path = project_root() / "results" / "recorded" / notebook / f"{name}.csv"
    return results.read(path) if path.exists() else results.frame([])


def together(*rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of several sweeps in one table; those that have not been run are empty and add nothing."""
    return pd.concat([part for part in rows if len(part)] or rows[:1], ignore_index=True)


def benchmark(name: str) -> pd.DataFrame:
    """Return the table that benchmarks/<name>.py wrote; empty if it has not been run."""
    path = project_root() / "benchmarks" / f"{name}.csv"
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def table(lines: pd.DataFrame, name: str) -> Styler:
    """Return a table without its index for the page; `name` is unique in the page, so that its HTML never changes.

    Numbers have four decimals at most, and no zeros that nobody measured; a cell without a number is empty.
    """
    return lines.style.hide(axis="index").format(_shown).set_uuid(name)


def _shown(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}".rstrip("0").rstrip(".")
    return value


def origin(rows: pd.DataFrame) -> str:
    """Say which runs made a figure or table, with their profile, data, seeds and commit; folded, what they share."""
    if rows.empty:
        return "Not run yet: no recorded rows."
    seeds, shared = sorted(rows["seed"].unique()), _shared(rows)
    commits = ", ".join(sorted({f"{c}{'+' if d else ''}" for c, d in zip(rows["commit"], rows["dirty"])}))
    words = {name: ", ".join(sorted(rows[name].unique())) for name in ("profile", "dataset", "torch", "device")}
    return (
        f"Made by profile {words['profile']}, data {words['dataset']}, {rows['run_id'].nunique()} runs, "
        f"seeds {', '.join(map(str, seeds))}, commit {commits}, torch {words['torch']}, {words['device']}."
        + (f"\n\n<details><summary>Settings that all of them share</summary>{shared}</details>" if shared else "")
    )


def _shared(rows: pd.DataFrame) -> str:
    """Return the settings that are the same in every run, as words; those that differ are what a figure compares."""
    configs = [json.loads(text) for text in rows["config"].unique()]
    first = configs[0]
    same = [name for name in sorted(first) if all(name in config and config[name] == first[name] for config in configs)]
    return ", ".join(f"{name} {first[name]}" for name in same if first[name] not in ("", [], None))


def finish(notebook: str, config: object, profile: str, rows: list[results.Row]) -> dict[str, str]:
    """Write the rows of this run where the parameters ask for it, and return a verdict a headline number.

    The verdict is "ok" or "off: ...", from results/expected; one entry says so if this profile has no bands.
    """
    if config.rows:
        path = Path(config.rows)
        path.unlink(missing_ok=True)
        results.append(path, rows)
    bands_file = project_root() / "results" / "expected" / f"{notebook}.json"
    bands = read_expected(bands_file, profile) if bands_file.exists() else {}
    if not bands:
        return {"bands": f"none for profile {profile}; tests compare the smoke profile"}
    return compare(NOTEBOOKS[notebook].headline(results.frame(rows)), bands)
