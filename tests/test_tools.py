"""The scripts of tools/: pages escape what Markdown would swallow, what is fetched is verified, mutants are mutants."""

import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import build_book
import expected
import measured
import mutants
import nbformat
import pages
import pandas as pd
import pictures
import pytest
import torch
from papermill.exceptions import PapermillExecutionError

import notebooks
from fgr.cli.runner import Report
from fgr.config import as_json
from fgr.data.manifests import manifest
from fgr.experiments import NOTEBOOKS
from fgr.experiments.generated import grids
from fgr.experiments.generated.birds import by_chance
from fgr.paths import project_root
from fgr.results import rows as results
from fgr.results.expected import Expected

RAN = Report("ch05_orthoreg", "smoke", "0" * 16, 31.6, "ok", "2019-06-01T10:00:00+0000", "runs/x.ipynb")


def test_table_escapes_bars_and_line_breaks() -> None:
    lines = pd.DataFrame({"a|b": ["x|y", "two\nlines"], "c": [0.5, None]})
    assert pages.table(lines) == "| a\\|b | c |\n| --- | --- |\n| x\\|y | 0.5 |\n| two lines | nan |"


def test_generated_pages_are_those_of_the_contents(tmp_path: Path) -> None:
    pages.write_pages(tmp_path, [RAN])
    made = {path.stem for path in tmp_path.glob("*.md")}
    assert made == {"claims", "published", "datasets", "runs"}
    for name in made:
        assert f"- file: book/{name} # written at build time" in (project_root() / "_toc.yml").read_text()
        assert not (project_root() / "book" / f"{name}.md").exists()


def test_runs_page_has_a_line_for_every_run() -> None:
    assert "| ch05_orthoreg | smoke | 32 | ok | 2019-06-01T10:00:00+0000 |" in pages.runs_page([RAN])


def test_page_of_data_sets_shows_what_was_recorded_or_that_nothing_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "recorded", lambda *_: results.frame([]))
    assert measured.measured("mnist", tmp_path) == ""
    for name in ("synthetic_birds", "synthetic_faces"):
        assert "Not run yet: `make sets` makes the rows." in measured.measured(name, tmp_path)
    (known, *_) = [cell for cell in grids.bird_cells() if cell.reader == "attributes"]
    (learned, *_) = [cell for cell in grids.bird_cells() if cell.reader == "cnn"]
    rows = []
    for cell, error in ((known, 0.0), (learned, 0.25)):
        run = results.Run("generated_birds", as_json(cell), "synthetic_birds", 0, "laptop", "cpu")
        rows.append(run.row("error", error, "fraction", "test", "last", epochs=1))
        rows += [run.row(f"errors: {kin}", 0.25, "fraction", "test", "last", epochs=1) for kin in by_chance(20)]
    monkeypatch.setattr(measured, "recorded", lambda *_: results.frame(rows))
    page = measured.measured("synthetic_birds", tmp_path)
    assert "| small network | 20 | 0.0 | 250 | 25.00 | 25.0 | 1 | 5.3 |" in page
    assert "2 runs, seeds 0, commit" in page
    pictures = re.findall(r"figure} _drawn/(\S+)", page)
    assert len(pictures) == 2
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in pictures)


CLAIM = """
- {id: a, chapter: 5, statement: It helps., source: Fig. 5.4, rows: x.csv, metric: error, split: test,
   selection: last, better: lower, ours: {mode: local}, other: {mode: none}, smallest: 0.001, data: digits, note: Why.}
- {id: b, chapter: 5, statement: It is fast., source: text, rows: y.csv, metric: seconds, split: none,
   selection: last, better: lower, ours: {mode: local}, other: {mode: none}, smallest: 1, data: digits}
"""


def test_claims_page_states_effect_interval_and_verdict_of_the_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "project_root", lambda: tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "claims.yaml").write_text(CLAIM)
    measured = {"none": (0.020, 0.022, 0.021), "local": (0.010, 0.011, 0.012)}  # differences 1.0, 1.1, 0.9 points
    for mode, errors in measured.items():
        for seed, error in enumerate(errors):
            run = results.Run("x", f'{{"mode": "{mode}"}}', "digits", seed, "laptop", "cpu")
            row = run.row("error", error, "fraction", "test", "last", epochs=1)
            results.append(tmp_path / "results" / "recorded" / "x.csv", [row])
    first, second = pages.claims_page().split("### ")[1:]
    # the mean difference is 1 point; the half-width 4.303 * 0.1 / sqrt(3) = 0.25
    assert first.startswith("It helps.\n")
    assert "{bdg-success}`supported` &ensp; *Fig. 5.4*" in first
    assert "Effect **+1.00 points**, 95% interval +0.75 to +1.25, 3 paired seeds" in first
    assert "smallest effect worth having 0.10 points" in first
    assert "Rows: `results/recorded/x.csv`.\n\nWhy." in first
    assert "{bdg-secondary}`undecided`" in second
    assert "Not run yet." in second


def test_claims_page_says_what_an_undecided_claim_waits_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "project_root", lambda: tmp_path)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "claims.yaml").write_text(CLAIM)
    path = tmp_path / "results" / "recorded" / "x.csv"
    for mode, errors in {"none": (0.5, 0.5, 0.5), "local": (0.4, 0.4999, 0.6)}.items():
        for seed, error in enumerate(errors):
            run = results.Run("x", f'{{"mode": "{mode}"}}', "digits", seed, "laptop", "cpu")
            results.append(path, [run.row("error", error, "fraction", "test", "last", epochs=1)])
    words = "If their spread stays as it is, more than 10,000 seeds would decide it."
    assert words in pages.claims_page().split("### ")[1]
    run = results.Run("x", '{"mode": "local"}', "digits", 3, "laptop", "cpu")
    results.append(path, [run.row("diverged", 1.0, "none", "train", "last", epochs=1)])
    page = pages.claims_page().split("### ")[1]
    assert "Undecided because seed 3 diverged, without a number to compare." in page and "would decide" not in page


def packed(files: dict[str, bytes]) -> bytes:
    """Return a .tgz with these files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


ARCHIVE = packed(
    {
        "package/es5/tex-chtml.js": b"script",
        "package/es5/output/chtml/fonts/woff-v2/A.woff": b"font",
        "package/es5/tex-svg.js": b"not loaded by a page",
        "package/README.md": b"words",
    }
)


@pytest.fixture
def npm(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes, int], list[list[str]]]:
    """Let npm put this archive where it is told to, and exit so; the list of its calls grows."""

    def install(content: bytes, code: int = 0) -> list[list[str]]:
        calls = []

        def run(command: list[str], **_: object) -> subprocess.CompletedProcess:
            calls.append(command)
            if not code:
                (Path(command[-1]) / "mathjax.tgz").write_bytes(content)
            return subprocess.CompletedProcess(command, code, "", "no route to host" if code else "")

        monkeypatch.setattr(build_book.subprocess, "run", run)
        monkeypatch.setattr(build_book.shutil, "which", lambda _: "npm")
        return calls

    return install


def test_mathjax_is_unpacked_once_and_only_what_pages_load(
    npm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_book, "MATHJAX_SHA256", hashlib.sha256(ARCHIVE).hexdigest())
    calls = npm(ARCHIVE)
    folder = build_book.vendor_mathjax(tmp_path)
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {"tex-chtml.js", "output/chtml/fonts/woff-v2/A.woff"}
    assert build_book.vendor_mathjax(tmp_path) == folder
    assert len(calls) == 1
    assert re.fullmatch(r"mathjax@\d+\.\d+\.\d+", calls[0][2])


def test_mathjax_of_another_hash_is_refused(npm, tmp_path: Path) -> None:
    npm(ARCHIVE)
    with pytest.raises(SystemExit, match=f"has sha256 {hashlib.sha256(ARCHIVE).hexdigest()}, expected"):
        build_book.vendor_mathjax(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_mathjax_without_network_or_npm_says_so(npm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(b"", 1)
    with pytest.raises(SystemExit, match=r"npm could not fetch mathjax@.*no route to host; check the network"):
        build_book.vendor_mathjax(tmp_path)
    monkeypatch.setattr(build_book.shutil, "which", lambda _: None)
    with pytest.raises(SystemExit, match=r"needs npm.*install Node"):
        build_book.vendor_mathjax(tmp_path)


def test_run_table_lines_up() -> None:
    again = Report(**{**vars(RAN), "notebook": "ch06_codes", "verdict": "error off: 1 is not within 0.1 of 2"})
    table = build_book.run_table([Report(**{**vars(RAN), "reused": True}), again])
    assert table.splitlines() == [
        "notebook       profile  seconds  verdict",
        "ch05_orthoreg  smoke     reused  ok",
        "ch06_codes     smoke         32  error off: 1 is not within 0.1 of 2",
    ]


def test_book_of_an_unknown_chapter_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["build_book.py", "--profile", "smoke", "--chapter", "99"])
    monkeypatch.setattr(build_book, "run_notebook", lambda *_, **__: pytest.fail("ran a notebook"))
    with pytest.raises(SystemExit, match=r"there is no notebook of chapter 99; there are .*ch05_orthoreg"):
        build_book.main()


def test_one_chapter_runs_at_the_profile_and_the_others_at_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    monkeypatch.setattr(build_book, "NOTEBOOKS", {"ch05_orthoreg": None, "ch06_codes": None})
    monkeypatch.setattr(build_book, "run_notebook", lambda name, size, reuse: ran.append((name, size, reuse)) or RAN)
    build_book.run_all("laptop", 6)
    assert ran == [("ch05_orthoreg", "quick", True), ("ch06_codes", "laptop", True)]


def test_a_run_outside_its_band_fails_the_book(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    off = Report(**{**vars(RAN), "verdict": "error off: not measured"})
    monkeypatch.setattr(sys, "argv", ["build_book.py"])
    monkeypatch.setattr(build_book, "run_all", lambda *_: [off])
    monkeypatch.setattr(build_book, "stage", lambda *_: tmp_path)
    monkeypatch.setattr(build_book, "build", lambda *_: tmp_path)
    with pytest.raises(SystemExit) as end:
        build_book.main()
    assert end.value.code == 1


@pytest.mark.parametrize("name", mutants.MUTANTS)
def test_mutant_is_the_library_with_one_place_changed(name: str, tmp_path: Path) -> None:
    root = mutants.mutant(name, tmp_path)
    changed = [
        path.relative_to(root)
        for path in root.rglob("*.py")
        if path.read_bytes() != (project_root() / path.relative_to(root)).read_bytes()
    ]
    assert [str(path) for path in changed] == [mutants.MUTANTS[name][1]]
    compile((root / changed[0]).read_text(), str(changed[0]), "exec")


def test_mutant_refuses_to_be_the_original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mutants.MUTANTS, "stale", ("ch05_orthoreg", "fgr/orthoreg.py", "a line of long ago", "x"))
    with pytest.raises(
        ValueError, match=r"mutant 'stale': fgr/orthoreg\.py holds 'a line of long ago' 0 times, not once"
    ):
        mutants.mutant("stale", tmp_path / "a")
    monkeypatch.setitem(mutants.MUTANTS, "vague", ("ch05_orthoreg", "fgr/orthoreg.py", "return", "x"))
    with pytest.raises(ValueError, match=r"holds 'return' \d+ times, not once"):
        mutants.mutant("vague", tmp_path / "b")


def test_bands_can_be_measured_for_every_notebook() -> None:
    assert set(expected.SEEDS) == set(NOTEBOOKS)
    assert all(len(seeds) >= 5 for seeds in expected.SEEDS.values())
    assert len(expected.INSTRUCTION_SETS) >= 3


def test_a_band_widens_to_another_machine_and_never_past_every_broken_library() -> None:
    band = Expected(0.5, 0.2, "15 runs", {"shuffled": 0.9, "uniform": 0.75})
    inside = expected.widened(band, [0.45, 0.55])
    assert (inside.value, inside.atol, inside.excludes) == (0.5, 0.2, band.excludes)
    wider = expected.widened(band, [0.3, 0.5])
    assert (wider.value, wider.atol) == pytest.approx((0.45, 0.3)) and set(wider.excludes) == {"shuffled"}
    assert wider.why == "15 runs; another machine gave 0.3 to 0.5"
    with pytest.raises(ValueError, match="excludes no broken library"):
        expected.widened(band, [0.95])


def test_bands_of_other_profiles_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ch05_orthoreg.json"
    monkeypatch.setattr(expected, "expected_file", lambda _: path)
    for smoke in ({"error": {"value": 0.5}}, {"angle": {"value": 60.0}}):
        expected.keep("ch05_orthoreg", smoke)
        assert json.loads(path.read_text()) == {"smoke": smoke}  # a band that is not measured any more goes
    path.write_text(json.dumps({"smoke": {}, "quick": {"error": {"value": 0.1}}}))
    expected.keep("ch05_orthoreg", {"error": {"value": 0.4}})
    kept = json.loads(path.read_text())
    assert kept == {"smoke": {"error": {"value": 0.4}}, "quick": {"error": {"value": 0.1}}}


# ---------------------------------------------------------------- the committed notebooks


SOURCE = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
profile = None
rows = None

# %%
from pathlib import Path
Path(rows).write_text("left where it runs")
print(profile)
"""


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed notebook whose source says something new."""
    monkeypatch.setattr(notebooks, "project_root", lambda: tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "demo.py").write_text(SOURCE)
    committed = tmp_path / "notebooks" / "demo.ipynb"
    committed.write_text("committed, with outputs")
    return committed


@pytest.mark.notebook
def test_a_pair_is_refreshed_by_a_run_elsewhere(pair: Path) -> None:
    """At smoke, without the cell that papermill injects; nothing else is left in the repository."""
    assert notebooks.refresh("demo") == pair
    cells = nbformat.read(pair, as_version=4).cells
    assert [cell.execution_count for cell in cells] == [1, 2] and cells[0].metadata.tags == ["parameters"]
    assert [output.text for output in cells[1].outputs if output.output_type == "stream"] == ["smoke\n"]
    assert sorted(path.name for path in pair.parent.parent.rglob("*")) == ["demo.ipynb", "demo.py", "notebooks"]


@pytest.mark.notebook
def test_a_cell_that_fails_leaves_the_committed_pair(pair: Path) -> None:
    pair.with_suffix(".py").write_text(SOURCE + "\n# %%\nraise RuntimeError('bad luck')\n")
    with pytest.raises(PapermillExecutionError, match="bad luck"):
        notebooks.refresh("demo")
    assert pair.read_text() == "committed, with outputs"


def test_ctrl_c_leaves_the_committed_pair(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(notebooks.papermill, "execute_notebook", interrupted)
    with pytest.raises(KeyboardInterrupt):
        notebooks.refresh("demo")
    assert pair.read_text() == "committed, with outputs"
    assert sorted(path.name for path in pair.parent.iterdir()) == ["demo.ipynb", "demo.py"]


def test_replay_under_instruction_sets_is_what_bands_were_measured_under() -> None:
    replayed = [
        dict(word.split("=") for word in line.split() if "=" in word)
        for line in (project_root() / "tools" / "replay_isa.sh").read_text().splitlines()
        if line.endswith("sh tools/replay.sh")
    ]
    assert replayed == list(expected.INSTRUCTION_SETS.values())


# ---------------------------------------------------------------- pictures of data sets


def test_generated_sets_are_drawn_for_the_page_and_restricted_ones_never(tmp_path: Path) -> None:
    text = pictures.pictures(manifest("cluttered_mnist"), tmp_path)
    assert text.startswith("```{figure} _drawn/cluttered_mnist.png\n:alt: ")
    assert (tmp_path / "cluttered_mnist.png").read_bytes().startswith(b"\x89PNG")
    assert pictures.pictures(manifest("unbc_mcmaster"), tmp_path) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["cluttered_mnist.png"]


def test_sets_that_were_not_fetched_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FGR_DATA", str(tmp_path / "empty"))
    assert "Not on the machine" in pictures.pictures(manifest("cifar10"), tmp_path)


def test_pictures_take_the_classes_in_turn() -> None:
    assert pictures.in_turn(torch.tensor([0, 0, 2, 2, 1]), 4) == [0, 4, 2, 1]
    assert pictures.short("California Gull of the west") == "California G…"
