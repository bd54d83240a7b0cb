"""Run a notebook through papermill, keep what it made, and know a finished run again."""

import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from fgr.cli.errors import NotebookFailed
from fgr.config import ParameterError, as_json, resolve, unknown
from fgr.experiments import NOTEBOOKS
from fgr.paths import atomic_path, locked, project_root
from fgr.results import rows as results
from fgr.results.expected import compare, read_expected


@dataclass(frozen=True)
class Report:
    """One finished notebook run."""

    notebook: str
    profile: str
    fingerprint: str  # of parameters, library source and notebook
    seconds: float
    verdict: str  # ok | off: ... | no band
    finished: str
    output: str  # executed notebook, relative to the repository
    reused: bool = False


def fingerprint(notebook: str, config_json: str) -> str:
    """Return a hash that changes with the parameters, the library's source, the notebook and the files of results."""
    root = project_root()
    digest = hashlib.sha256(f"{notebook}\0{config_json}\0{results.source_hash()}\0".encode())
    digest.update((root / "notebooks" / f"{notebook}.py").read_bytes())
    shown = [*(root / "results").rglob("*"), *(root / "benchmarks").glob("*.csv")]  # a page shows these too
    for path in sorted(shown):
        if path.suffix in (".csv", ".json", ".yaml"):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def verdict(notebook: str, profile: str, rows: Path) -> str:
    """Compare a run's numbers with results/expected/<notebook>.json; a profile without bands there says so."""
    expected = project_root() / "results" / "expected" / f"{notebook}.json"
    bands = read_expected(expected, profile) if expected.exists() else {}
    if not bands:
        return f"no band for profile {profile}"
    words = compare(NOTEBOOKS[notebook].headline(results.read(rows)), bands)
    off = [f"{name} {word}" for name, word in words.items() if word != "ok"]
    return "; ".join(off) or "ok"


def run_notebook(
    notebook: str, profile: str, parameters: Mapping[str, object] | None = None, reuse: bool = False
) -> Report:
    """Execute one notebook and return its report; everything it made lies in runs/<notebook>/<profile>/.

    Args:
        notebook: name without suffix.
        profile: its size.
        parameters: explicit values that win over the profile.
        reuse: return the finished run if parameters, library, notebook and results are unchanged.

    Raises:
        ParameterError: on an unknown notebook, profile or parameter, or a notebook that is not its .py any more; before
            anything is written.
        NotebookFailed: if a cell raises.
    """
    if notebook not in NOTEBOOKS:
        raise unknown("notebook", notebook, list(NOTEBOOKS))
    if parameters and "rows" in parameters:
        raise ParameterError("rows is not for `fgr run`, which keeps them beside its output; give it to papermill")
    config = resolve(NOTEBOOKS[notebook].config, notebook, profile, parameters)
    root = project_root()
    _check_pair(root / "notebooks" / notebook)
    folder = root / "runs" / notebook / profile
    rows, output, report_file = folder / "rows.csv", folder / f"{notebook}.ipynb", folder / "report.json"
    name = fingerprint(notebook, as_json(config))
    with locked(folder / ".lock"):  # the same notebook at the same profile, twice at once, would share its files
        if reuse and report_file.exists() and output.exists():
            report = Report(**json.loads(report_file.read_text()))
            if report.fingerprint == name:
                return Report(**{**asdict(report), "reused": True})
        report_file.unlink(missing_ok=True)
        rows.unlink(missing_ok=True)
        began = time.perf_counter()
        _execute(
            root / "notebooks" / f"{notebook}.ipynb",
            output,
            {**(parameters or {}), "profile": profile, "rows": rows.name},  # cells run in the folder of the output
        )
        report = Report(
            notebook=notebook,
            profile=profile,
            fingerprint=name,
            seconds=round(time.perf_counter() - began, 1),
            verdict=verdict(notebook, profile, rows),
            finished=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            output=str(output.relative_to(root)),
        )
        with atomic_path(report_file) as file:
            file.write_text(json.dumps(asdict(report), indent=1) + "\n")
    return report


def _check_pair(stem: Path) -> None:
    """Raise ParameterError if the notebook, which runs, and its source, which people edit, differ in a cell."""
    try:
        import jupytext
    except ImportError as error:
        raise NotebookFailed("running notebooks needs jupytext: pip install 'fgr[notebooks]'") from error
    source, pair = (
        [(cell.cell_type, cell.source) for cell in jupytext.read(f"{stem}{suffix}").cells]
        for suffix in (".py", ".ipynb")
    )
    if source != pair:
        raise ParameterError(
            f"notebooks/{stem.name}.ipynb differs from {stem.name}.py; run python tools/notebooks.py {stem.name}"
        )


def _execute(source: Path, output: Path, parameters: Mapping[str, object]) -> None:
    try:
        import papermill
    except ImportError as error:
        raise NotebookFailed("running notebooks needs papermill: pip install 'fgr[notebooks]'") from error
    # Threads that spin while they wait make a run ten times as slow where another program holds one of the cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # the kernel inherits it
    partial = output.with_name(f".{output.name}")  # never in place; what a failed run leaves is kept under this name
    try:
        papermill.execute_notebook(
            source,
            partial,
            parameters=dict(parameters),
            kernel_name="python3",
            cwd=output.parent,
            progress_bar=sys.stderr.isatty(),
            log_output=False,
            extra_arguments=["--log-level=ERROR"],  # ipykernel's advice about sockets is not for readers
        )
    except papermill.exceptions.PapermillExecutionError as error:
        raise NotebookFailed(f"{source.stem}: {error.ename}: {error.evalue}; see {partial}") from error
    partial.replace(output)
