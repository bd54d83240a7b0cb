"""Measure the bands of results/expected: what a smoke run gives over seeds, instruction sets and broken libraries.

usage: python tools/expected.py [--widen] [notebook ...]

A band is centred on the mean over all seeds and instruction sets; its half-width is twice the largest deviation seen,
at least one part in a hundred of the value, and at least two points of a rate: five seeds may agree by luck. Every
band must exclude a broken library, or the script says which one cannot.

With --widen, the committed bands are kept and widened to what the seeds give on this machine: float32 training differs
from processor to processor by more than instruction sets can imitate.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mutants import mutant, of
from tqdm import tqdm

from fgr.experiments import NOTEBOOKS
from fgr.paths import atomic_path, project_root
from fgr.results import rows as results
from fgr.results.expected import Expected, read_expected

INSTRUCTION_SETS = {
    "baseline": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "native": {},
}
LEAST_OF_RATES = 0.02
SEEDS = {  # what varies of a notebook's smoke profile from one measurement to the next
    "ch02_pain": [{"seeds": [s]} for s in range(5)],
    "ch05_orthoreg": [{"seeds": [s], "toy_seeds": [3 * s, 3 * s + 1, 3 * s + 2]} for s in range(5)],
    "ch03_age_gender": [{"seeds": [s]} for s in range(5)],
    "ch04_attend_and_rectify": [{"seeds": [s]} for s in range(5)],
    "ch06_output_codes": [{"seeds": [s]} for s in range(5)],
}


def measure(notebook: str, parameters: dict, environment: dict) -> dict[str, float]:
    """Return the headline numbers of one smoke run through papermill in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.csv"
        text = json.dumps({**parameters, "rows": str(rows)})
        source = project_root() / "notebooks" / f"{notebook}.ipynb"
        command = [sys.executable, "-m", "papermill", str(source), str(Path(folder) / "out.ipynb"), "-y", text]
        command += ["--kernel", "python3", "--no-progress-bar"]
        quiet = {"OMP_NUM_THREADS": "1", "FGR_HOME": str(project_root())}
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **quiet, **environment}, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{notebook} {parameters} {environment} failed:\n{done.stderr[-3000:]}")
        return NOTEBOOKS[notebook].headline(results.read(rows))


def bands(notebook: str) -> dict[str, dict]:
    """Measure and return the bands of one notebook's smoke profile."""
    jobs = [(name, seeds) for name in INSTRUCTION_SETS for seeds in SEEDS[notebook]]
    bar = tqdm(total=len(jobs) + len(of(notebook)), desc=notebook, disable=not sys.stderr.isatty())
    good = []
    for name, seeds in jobs:
        good.append(measure(notebook, seeds, INSTRUCTION_SETS[name]))
        bar.update()
    broken = {}
    for name in of(notebook):
        with tempfile.TemporaryDirectory() as folder:
            path = mutant(name, Path(folder))
            broken[name] = measure(notebook, SEEDS[notebook][0], {"PYTHONPATH": str(path)})
        bar.update()
    found = {}
    for metric in good[0]:
        values = [one[metric] for one in good]
        centre = sum(values) / len(values)
        seen = max(abs(value - centre) for value in values)
        atol = max(2 * seen, 0.01 * abs(centre), LEAST_OF_RATES if "error" in metric else 0.0)
        outside = {name: round(one[metric], 6) for name, one in broken.items() if abs(one[metric] - centre) > atol}
        if not outside:
            print(f"{notebook}: the band of {metric} excludes no broken library; left out", file=sys.stderr)
            continue
        found[metric] = {
            "value": round(centre, 6),
            "atol": round(atol, 6),
            "why": f"{'twice the largest deviation' if atol == 2 * seen else 'the least half-width of its kind'}: "
            f"{len(SEEDS[notebook])} seeds x {len(INSTRUCTION_SETS)} instruction sets gave "
            f"{min(values):.6g} to {max(values):.6g}",
            "excludes": outside,
        }
    return found


def widened(band: Expected, values: Sequence[float]) -> Expected:
    """Return a band that also spans values from another machine; half of a half-width is taken as the deviation seen.

    Raises:
        ValueError: if it would include every broken library.

    Example:
        >>> widened(Expected(0.5, 0.2, "15 runs", {"shuffled": 0.9}), [0.3])
        Expected(value=0.45, atol=0.3, why='15 runs; another machine gave 0.3 to 0.3', excludes={'shuffled': 0.9})
    """
    low, high = min(band.value - band.atol / 2, *values), max(band.value + band.atol / 2, *values)
    centre, atol = round((low + high) / 2, 6), round(high - low, 6)
    excludes = {name: value for name, value in band.excludes.items() if abs(value - centre) > atol}
    if not excludes:
        raise ValueError(f"a band of {centre} ± {atol} excludes no broken library")
    return Expected(centre, atol, f"{band.why}; another machine gave {min(values):.6g} to {max(values):.6g}", excludes)


def widened_bands(notebook: str) -> dict[str, dict]:
    """Return the committed bands of one notebook, widened to what its seeds give here."""
    runs = [measure(notebook, seeds, {}) for seeds in tqdm(SEEDS[notebook], notebook, disable=not sys.stderr.isatty())]
    committed = read_expected(expected_file(notebook), "smoke")
    return {metric: asdict(widened(band, [run[metric] for run in runs])) for metric, band in committed.items()}


def expected_file(notebook: str) -> Path:
    """Return where a notebook's bands are kept."""
    return project_root() / "results" / "expected" / f"{notebook}.json"


def keep(notebook: str, smoke: dict[str, dict]) -> None:
    """Write the bands of one notebook's smoke profile; those of other profiles stay as they are."""
    path = expected_file(notebook)
    kept = json.loads(path.read_text()) if path.exists() else {}
    with atomic_path(path) as file:
        file.write_text(json.dumps({**kept, "smoke": smoke}, indent=1) + "\n")


if __name__ == "__main__":
    asked = [name for name in sys.argv[1:] if name != "--widen"]
    for wanted in asked or list(NOTEBOOKS):
        keep(wanted, (widened_bands if "--widen" in sys.argv else bands)(wanted))
