"""Notebooks as users and CI run them: plain papermill from any folder, and a replay that a broken library turns red."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import mutants
import nbformat
import pytest

from fgr.experiments import NOTEBOOKS
from fgr.paths import project_root
from fgr.results import rows as results
from fgr.results.expected import compare, read_expected

pytestmark = pytest.mark.notebook

ROOT = project_root()
OTHER = {  # parameters that are not the defaults, with bands
    "ch02_pain": {"seeds": [3]},
    "ch03_age_gender": {"seeds": [3]},
    "ch04_attend_and_rectify": {"seeds": [3]},
    "ch05_orthoreg": {"seeds": [3], "toy_seeds": [9, 10, 11]},
    "ch06_output_codes": {"seeds": [3]},
}
MISSPELT = {
    "ch02_pain": ("epoch", "epochs"),
    "ch03_age_gender": ("patch", "patches"),
    "ch04_attend_and_rectify": ("epoch", "epochs"),
    "ch05_orthoreg": ("epoch", "epochs"),
    "ch06_output_codes": ("share", "shares"),
}
BREAKS = {  # a mutant that the verdict must see
    "ch02_pain": "shuffled pain levels",
    "ch03_age_gender": "shuffled answers",
    "ch04_attend_and_rectify": "uniform masks",
    "ch05_orthoreg": "shuffled labels",
    "ch06_output_codes": "shuffled species",
}
ALSO_RED = {"ch06_output_codes": "have alike words"}  # what a cell that sees the mutant too says: of relatives, there
every_notebook = pytest.mark.parametrize("name", sorted(NOTEBOOKS))


def papermill(name: str, folder: Path, parameters: dict) -> subprocess.CompletedProcess:
    """Run a notebook as the book tells its readers to, from a folder that knows nothing of the repository."""
    command = [sys.executable, "-m", "papermill", str(ROOT / "notebooks" / f"{name}.ipynb"), "out.ipynb"]
    command += ["-y", json.dumps(parameters), "--no-progress-bar"]
    environment = {key: value for key, value in os.environ.items() if key != "FGR_HOME"} | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


@every_notebook
def test_papermill_with_other_parameters_stays_in_its_bands(name: str, tmp_path: Path) -> None:
    bands = read_expected(ROOT / "results" / "expected" / f"{name}.json", "smoke")
    done = papermill(name, tmp_path, {**OTHER[name], "rows": "rows.csv"})
    assert done.returncode == 0, done.stderr[-3000:]
    rows = results.read(tmp_path / "rows.csv")  # checks the schema
    assert set(rows["profile"]) == {"smoke"}
    assert set(rows[rows["experiment"].isin(NOTEBOOKS[name].runs)]["seed"]) == set(OTHER[name]["seeds"])
    measured = NOTEBOOKS[name].headline(rows)
    assert compare(measured, bands) == dict.fromkeys(bands, "ok")
    assert printed(code_cells(tmp_path / "out.ipynb")[-1]).splitlines() == [f"{band}: ok" for band in bands]


@every_notebook
def test_misspelt_parameter_stops_papermill_in_the_first_cell(name: str, tmp_path: Path) -> None:
    wrong, right = MISSPELT[name]
    done = papermill(name, tmp_path, {wrong: 3, "rows": "rows.csv"})
    assert done.returncode != 0
    assert f"ParameterError: unknown parameter '{wrong}' (did you mean '{right}'?)" in done.stderr
    tagged = {tag: cell for cell in code_cells(tmp_path / "out.ipynb") for tag in cell.metadata.tags}
    cells = [cell for cell in code_cells(tmp_path / "out.ipynb") if cell.execution_count]
    assert cells[:2] == [tagged["parameters"], tagged["injected-parameters"]] and len(cells) == 3
    assert [output.ename for output in cells[2].outputs if output.output_type == "error"] == ["ParameterError"]
    assert not (tmp_path / "rows.csv").exists()


# ---------------------------------------------------------------- the replay and what it must see


@every_notebook
def test_committed_verdict_is_ok_for_every_band(name: str) -> None:
    bands = read_expected(ROOT / "results" / "expected" / f"{name}.json", "smoke")
    verdict = printed(code_cells(ROOT / "notebooks" / f"{name}.ipynb")[-1])
    assert verdict.splitlines() == [f"{band}: ok" for band in bands], "run `make notebooks`"


@every_notebook
def test_every_broken_library_lies_outside_a_band(name: str) -> None:
    bands = read_expected(ROOT / "results" / "expected" / f"{name}.json", "smoke")
    assert {variant for band in bands.values() for variant in band.excludes} == set(mutants.of(name))


@every_notebook
def test_broken_library_turns_the_replay_red_by_its_verdict(name: str, tmp_path: Path) -> None:
    broken = mutants.mutant(BREAKS[name], tmp_path)
    done = subprocess.run(
        ["sh", ROOT / "tools" / "replay.sh", "-k", name, "--color=no"],
        env={**os.environ, "PYTHONPATH": str(broken), "FGR_HOME": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    cells = code_cells(ROOT / "notebooks" / f"{name}.ipynb")
    last = len(cells) - 1
    too = [n for n, cell in enumerate(cells) if name in ALSO_RED and ALSO_RED[name] in cell.source]
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    red = re.findall(r"^FAILED (\S+::Cell \d+)", done.stdout, re.MULTILINE)
    assert red and red[-1] == f"notebooks/{name}.ipynb::Cell {last}", done.stdout[-3000:]
    assert set(red[:-1]) <= {f"notebooks/{name}.ipynb::Cell {cell}" for cell in too}
    assert re.search(r"\w+: off: [\d.]+ is not within", done.stdout)


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("ch02_pain", ["turned by 0.4; corrected Eq. 2.2: True", "as printed: False"]),
        ("ch06_output_codes", ["square: True", "cube, as printed: False"]),
    ],
)
def test_corrections_hold_on_the_page_and_what_is_printed_does_not(name: str, lines: list[str]) -> None:
    said = "".join(map(printed, code_cells(ROOT / "notebooks" / f"{name}.ipynb"))).splitlines()
    assert set(lines) <= set(said)
