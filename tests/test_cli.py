"""The command line: help that teaches, one line for every mistake, nothing written by a refused command."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jupytext
import nbformat
import pytest
from typer.testing import CliRunner, Result

from fgr.cli import app
from fgr.config import as_json
from fgr.experiments.orthoreg.runs import Cell, run_cell
from fgr.paths import project_root
from fgr.results import rows as results
from fgr.results.claims import read_claims

NAME = "ch05_orthoreg"
CELL = Cell(dataset="mnist_5k", train_size=100, hidden=16, lr=0.2, batch_size=50, epochs=1)


def fgr(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def refusal(*arguments: str) -> str:
    """Run a command that must be refused: exit code 2, one line on standard error, nothing on standard output."""
    done = fgr(*arguments)
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.startswith("fgr: ") and done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own: the real parameters, claims and printed numbers, and a notebook that takes no time.

    The notebook writes two rows as its last run, with the seed as the value of both; seed 13 fails.
    """
    root = tmp_path / "project"
    shutil.copytree(project_root() / "notebooks" / "params", root / "notebooks" / "params")
    (root / "results").mkdir()
    for name in ("claims.yaml", "published.csv"):
        shutil.copy(project_root() / "results" / name, root / "results" / name)
    mlp = json.dumps({"network": "mlp", "mode": "none", "locality": 10.0, "strength": 0.0})
    toy = json.dumps({"mode": "local", "strength": 0.02})
    made = [
        results.Run("orthoreg", mlp, "none", 0, "smoke", "cpu").row("error", 0, "fraction", "test", "last", 1),
        results.Run("toy", toy, "none", 0, "smoke", "cpu").row("gap_deviation", 0, "degrees", "none", "last", 1),
    ]
    table = results.frame(made).to_csv(index=False)
    code = [
        'profile = "smoke"\nseeds = None\nrows = None',
        "seed = (seeds or [0])[0]\nif seed == 13:\n    raise RuntimeError('bad luck')",
        f"from pathlib import Path\n_ = Path(rows).write_text({table!r}.replace(',0.0,', f',{{seed}}.0,'))",
    ]
    cells = [nbformat.v4.new_code_cell(text) for text in code]
    cells[0].metadata["tags"] = ["parameters"]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.write(notebook, root / "notebooks" / f"{NAME}.ipynb")
    jupytext.write(notebook, root / "notebooks" / f"{NAME}.py", fmt="py:percent")
    monkeypatch.setenv("FGR_HOME", str(root))
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# ---------------------------------------------------------------- help


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ([], ["run", "results", "claims", "data", "fgr run ch05_orthoreg --profile quick"]),
        (["run"], ["papermill", "key=value", "smoke, quick, laptop or paper", "runs/<notebook>/<profile>", "--reuse"]),
        (["results"], ["show", "rerun"]),
        (["results", "show"], ["T5.1", "F5.4"]),
        (["results", "rerun"], ["three standard deviations", "--seconds"]),
        (["claims"], ["95%", "paired", "verdict"]),
        (["data"], ["list", "show", "fetch", "verify", "where", "FGR_DATA"]),
        (["data", "fetch"], ["mnist", "hash"]),
    ],
    ids=" ".join,
)
def test_help_teaches(command: list[str], words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = fgr(*command, "--help")
    assert done.exit_code == 0
    for word in words:
        assert word in done.stdout


def test_no_command_shows_the_help() -> None:
    assert "Start with: fgr run" in fgr().output


# ---------------------------------------------------------------- requests that are refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ch5_orthoreg"], "unknown notebook 'ch5_orthoreg' (did you mean 'ch05_orthoreg'?)"),
        ([NAME, "--profile", "quik"], "unknown profile 'quik' (did you mean 'quick'?); known: smoke, quick, laptop"),
        ([NAME, "--set", "epoch=3"], "unknown parameter 'epoch' (did you mean 'epochs'?); known: seeds, dataset"),
        ([NAME, "--set", "profile=quick"], "unknown parameter 'profile'"),
        ([NAME, "--set", "epochs"], "--set takes key=value, got 'epochs'; e.g. --set epochs=3"),
        ([NAME, "--set", "=3"], "--set takes key=value, got '=3'"),
        ([NAME, "--set", "seeds=[0, 1"], "--set seeds: '[0, 1' is not a value"),
        (
            [NAME, "--set", "epochs="],
            "--set epochs= gives no value; write one behind the =, or leave it out for the profile's",
        ),
        ([NAME, "--set", "epohcs=null"], "--set epohcs=null gives no value"),
        ([NAME, "--set", "lr=1e-3"], "lr in the parameters must be float, got '1e-3'; write 0.001"),
        ([NAME, "--set", "epochs=many"], "epochs in the parameters must be int, got 'many'"),
        ([NAME, "--set", "seeds=1"], "seeds in the parameters must be a list, got 1"),
        ([NAME, "--set", "seeds=[]"], "seeds must hold one value at least"),
        ([NAME, "--set", "rows=mine.csv"], "rows is not for `fgr run`"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_wrong_request_is_one_line_and_writes_nothing(arguments: list[str], words: str, project: Path) -> None:
    before = contents(project)
    assert words in refusal("run", *arguments)
    assert contents(project) == before and not (project / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["results", "show", "X9"], "nothing is printed at 'X9'; there are T2.1"),
        (["results", "rerun"], "no recorded run took at most 600 s; raise --seconds"),
        (["data", "show", "mnits"], "unknown data set 'mnits'; did you mean 'mnist'?"),
        (["data", "verify", "mnist_5k", "nothing"], "unknown data set 'nothing'; known: adience, cifar10"),
        (["data", "fetch", "mnist_5k", "nothing"], "unknown data set 'nothing'"),
    ],
    ids=" ".join,
)
def test_other_wrong_requests(arguments: list[str], words: str, project: Path) -> None:
    before = contents(project)
    assert words in refusal(*arguments)
    assert contents(project) == before


@pytest.mark.parametrize(
    "arguments", [["run", NAME], ["claims"], ["results", "show"], ["results", "rerun"]], ids=" ".join
)
def test_commands_that_need_the_repository_say_so(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FGR_HOME", str(tmp_path))
    words = refusal(*arguments)
    assert f"the notebooks are not beside FGR_HOME={tmp_path}; clone the repository" in words
    assert list(tmp_path.iterdir()) == []


def test_data_needs_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FGR_HOME", str(tmp_path))
    assert fgr("data", "list").exit_code == 0


# ---------------------------------------------------------------- fgr run


@pytest.mark.notebook
def test_run_keeps_notebook_rows_and_report_and_finds_them_again(project: Path) -> None:
    done = fgr("run", NAME, "--profile", "smoke", "--set", "seeds=[2, 3]")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith(f"{NAME} smoke: no band for profile smoke (")
    folder = project / "runs" / NAME / "smoke"
    assert set(contents(folder)) == {".lock", "report.json", "rows.csv", f"{NAME}.ipynb"}
    assert results.read(folder / "rows.csv")["value"].tolist() == [2.0, 2.0]
    report = json.loads((folder / "report.json").read_text())
    assert (report["notebook"], report["profile"], report["output"]) == (
        NAME,
        "smoke",
        f"runs/{NAME}/smoke/{NAME}.ipynb",
    )
    kept = contents(folder)
    again = fgr("run", NAME, "--profile", "smoke", "--set", "seeds=[2, 3]", "--reuse")
    assert "(reused: parameters, library and notebook are unchanged)" in again.stdout and contents(folder) == kept
    for suffix in (".py", ".ipynb"):
        file = project / "notebooks" / f"{NAME}{suffix}"
        file.write_text(file.read_text().replace("bad luck", "bad luck again"))
    assert "reused" not in fgr("run", NAME, "--profile", "smoke", "--set", "seeds=[2, 3]", "--reuse").stdout


@pytest.mark.parametrize("suffix", [".py", ".ipynb"])
def test_a_notebook_that_differs_from_its_source_is_not_run(project: Path, suffix: str) -> None:
    """One of the two was edited: what would run is not what is read, or a finished run would be taken for it."""
    file = project / "notebooks" / f"{NAME}{suffix}"
    file.write_text(file.read_text().replace("bad luck", "good luck"))
    before = contents(project)
    line = refusal("run", NAME, "--profile", "smoke")
    assert line == f"fgr: notebooks/{NAME}.ipynb differs from {NAME}.py; run python tools/notebooks.py {NAME}\n"
    assert contents(project) == before


@pytest.mark.notebook
def test_run_outside_its_band_and_one_that_fails_have_exit_code_1(project: Path) -> None:
    band = {"value": 1.0, "atol": 0.5, "why": "made up", "excludes": {"wrong": 9.0}}
    (project / "results" / "expected").mkdir()
    expected = project / "results" / "expected" / f"{NAME}.json"
    expected.write_text(json.dumps({"smoke": {"test_error_none": band}}))
    done = fgr("run", NAME, "--profile", "smoke", "--set", "seeds=[2]")
    assert done.exit_code == 1
    assert f"{NAME} smoke: test_error_none off: 2 is not within 0.5 of 1" in done.stdout
    done = fgr("run", NAME, "--profile", "smoke", "--set", "seeds=[13]")
    folder = project / "runs" / NAME / "smoke"
    assert done.exit_code == 1
    assert done.stderr == f"fgr: {NAME}: RuntimeError: bad luck; see {folder / f'.{NAME}.ipynb'}\n"
    assert "bad luck" in (folder / f".{NAME}.ipynb").read_text()
    assert not (folder / "report.json").exists()  # so that no later command takes the former run for this one


# ---------------------------------------------------------------- fgr results, fgr claims


def test_results_show_counts_every_place_or_lists_one(project: Path) -> None:
    counts = fgr("results", "show").stdout
    assert "T5.1" in counts and "F5.4" in counts and counts.count("\nT") >= 24  # the first place starts the output
    table = fgr("results", "show", "T5.1").stdout
    assert table.count("t5.1/") == 9 and "OrthoReg: All Layers" in table and "Base+Dropout" in table


def test_claims_are_listed_with_verdicts(project: Path) -> None:
    done = fgr("claims")
    assert done.exit_code == 0
    ids = [claim.id for claim in read_claims(project / "results" / "claims.yaml")]
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ids
    assert all("not run" in line and line.endswith("undecided") for line in lines[1:])


@pytest.fixture
def recorded(project: Path) -> Path:
    path = project / "results" / "recorded" / NAME / "strength.csv"
    results.append(path, run_cell(CELL, 0, "laptop").rows)
    return path


def test_rerun_repeats_a_recorded_run(recorded: Path) -> None:
    row = results.read(recorded).iloc[0]
    before = recorded.read_bytes()
    done = fgr("results", "rerun", "--seed", "1")
    assert done.exit_code == 0, done.output
    assert f"run {row.run_id} of commit {row.commit}" in done.stdout and as_json(CELL) in done.stdout
    assert done.stdout.endswith(": holds\n")
    assert recorded.read_bytes() == before


def test_rerun_sees_a_number_that_does_not_hold(recorded: Path) -> None:
    table = [results.Row(**row) for row in results.read(recorded).to_dict("records")]
    last = next(row for row in table if (row.metric, row.split, row.selection) == ("error", "test", "last"))
    changes = {"little": 0.01, "much": 0.2}  # of 1000 test images, three deviations of a difference are some points
    for word, change in changes.items():
        recorded.unlink()
        results.append(recorded, [replace(row, value=row.value - change) if row == last else row for row in table])
        done = fgr("results", "rerun")
        assert (done.exit_code, word) == (int(word == "much"), word)
        assert done.stdout.endswith(": holds\n" if word == "little" else ": DIFFERS\n")


def test_rerun_draws_among_short_runs_only(recorded: Path) -> None:
    assert "no recorded run took at most 0.001 s" in refusal("results", "rerun", "--seconds", "0.001")


# ---------------------------------------------------------------- the installed program


def test_ctrl_c_is_one_line_and_exit_code_130(project: Path) -> None:
    endless = replace(CELL, epochs=1_000_000)
    run = results.Run("orthoreg", as_json(endless), "mnist_5k", 0, "laptop", "cpu")
    row = run.row("error", 0.1, "fraction", "test", "last", endless.epochs, seconds=1.0)
    results.append(project / "results" / "recorded" / "long.csv", [row])
    program = subprocess.Popen(
        [Path(sys.executable).with_name("fgr"), "results", "rerun"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=project,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background job would ignore it
    )
    assert program.stdout.readline().startswith(f"run {row.run_id}")
    program.send_signal(signal.SIGINT)
    _, errors = program.communicate(timeout=60)
    assert (program.returncode, errors) == (130, "fgr: interrupted; what was recorded is kept and found again\n")
