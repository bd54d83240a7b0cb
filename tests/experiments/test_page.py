"""What a notebook does around its experiments: settings, origin of the numbers, recorded rows, the verdict."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from fgr.config import ParameterError
from fgr.experiments import NOTEBOOKS, page
from fgr.experiments.orthoreg.grids import Config
from fgr.results import rows as results

NAME = "ch05_orthoreg"
CONFIG = NOTEBOOKS[NAME].config()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, so that nothing is written into the repository."""
    (tmp_path / "notebooks" / "params").mkdir(parents=True)
    (tmp_path / "notebooks" / "params" / f"{NAME}.smoke.yaml").write_text("# nothing\n")
    monkeypatch.setenv("FGR_HOME", str(tmp_path))
    return tmp_path


def toy(value: float, seed: int = 0) -> results.Row:
    run = results.Run("toy", json.dumps({"mode": "local", "strength": 0.02}), "none", seed, "smoke", "cpu")
    return run.row("gap_deviation", value, "degrees", "none", "last", 9)


def mlp() -> results.Row:
    config = json.dumps({"network": "mlp", "mode": "none", "locality": 10.0, "strength": 0.0})
    return results.Run("orthoreg", config, "mnist_5k", 0, "smoke", "cpu").row(
        "error", 0.2, "fraction", "test", "last", 1
    )


def test_begin_resolves_the_names_of_a_notebook_and_sets_the_threads(project: Path) -> None:
    threads = torch.get_num_threads()
    names = {"profile": "smoke", "seeds": [3], "epochs": None, "_hidden": 1, "torch": torch, "page": page, "In": []}
    config, profile = page.begin(NAME, names)
    assert (config, profile) == (replace(CONFIG, seeds=(3,)), "smoke")
    assert torch.get_num_threads() == CONFIG.threads == 1
    torch.set_num_threads(threads)


def test_begin_stops_at_a_misspelt_parameter(project: Path) -> None:
    with pytest.raises(ParameterError, match=r"unknown parameter 'epoch' \(did you mean 'epochs'\?\)"):
        page.begin(NAME, {"profile": "smoke", "epoch": 3})


def test_settings_name_every_parameter_that_is_set() -> None:
    text = page.settings(replace(CONFIG, rows="/tmp/x.csv", seeds=(0, 1)), "quick")
    assert text.startswith("**What runs here:** profile `quick`, seeds `[0, 1]`, dataset `mnist_5k`")
    assert "rows" not in text and "cnn_seeds" not in text


def test_origin_says_which_runs_made_it() -> None:
    assert page.origin(results.frame([])) == "Not run yet: no recorded rows."
    rows = [replace(toy(1.0, seed), commit="abc", dirty=dirty) for seed, dirty in ((1, False), (0, True))]
    rows = [replace(row, config="{}") for row in rows]  # no settings: nothing to fold out
    assert page.origin(results.frame(rows)) == (
        f"Made by profile smoke, data none, 2 runs, seeds 0, 1, commit abc, abc+, torch {torch.__version__}, cpu."
    )


def test_origin_has_the_settings_that_all_runs_share_and_no_others() -> None:
    configs = ({"epochs": 4, "lr": 0.1, "folder": "", "gates": "none"}, {"epochs": 4, "lr": 0.2, "folder": ""})
    rows = [replace(toy(1.0, seed), config=json.dumps(config)) for seed, config in enumerate(configs)]
    assert page.origin(results.frame(rows)).endswith(">Settings that all of them share</summary>epochs 4</details>")


def test_recorded_rows_or_an_empty_table(project: Path) -> None:
    assert page.recorded(NAME, "toy").empty
    results.append(project / "results" / "recorded" / NAME / "toy.csv", [toy(2.0)])
    assert page.recorded(NAME, "toy")["value"].tolist() == [2.0]


def test_rows_of_several_sweeps_stand_in_one_table() -> None:
    """Sweeps that have not been run add nothing."""
    made = results.frame(
        [results.Run("x", "{}", "none", 0, "test", "cpu").row("error", 0.5, "fraction", "test", "last", 1)]
    )
    empty = results.frame([])
    assert len(page.together(made, empty, made)) == 2
    assert page.together(empty, empty).empty and list(page.together(empty).columns) == list(made.columns)


def test_finish_writes_the_rows_of_this_run_only_and_compares_them(project: Path, tmp_path: Path) -> None:
    config = Config(rows=str(tmp_path / "out" / "rows.csv"))
    assert list(page.finish(NAME, config, "smoke", [toy(2.0), mlp()])) == ["bands"]  # there are none, and it says so
    bands = {
        name: {"value": 2.0, "atol": 0.5, "why": "made up", "excludes": {"wrong": 9.0}}
        for name in ("toy_unevenness_local", "test_error_none", "gone")
    }
    expected = project / "results" / "expected" / f"{NAME}.json"
    expected.parent.mkdir(parents=True)
    expected.write_text(json.dumps({"smoke": bands}))
    words = page.finish(NAME, config, "smoke", [toy(2.25), mlp()])
    assert words == {
        "toy_unevenness_local": "ok",
        "test_error_none": "off: 0.2 is not within 0.5 of 2",
        "gone": "off: not measured",
    }
    assert results.read(Path(config.rows))["value"].tolist() == [2.25, 0.2]
    assert list(page.finish(NAME, config, "quick", [toy(2.0), mlp()])) == ["bands"]  # another profile has none


def test_a_table_shows_no_empty_decimals_and_no_nan() -> None:
    html = page.table(pd.DataFrame({"value": [84.6, 1.0, float("nan"), 0.123456]}), "numbers").to_html()
    assert re.findall(r"<td[^>]*>([^<]*)</td>", html) == ["84.6", "1", "", "0.1235"]
