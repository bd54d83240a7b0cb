"""What chapter 2 runs and shows: cells behind each table, a small page from start to end, tables beside the print."""

import dataclasses
import itertools
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fgr.config import ParameterError, as_json, resolve
from fgr.experiments.pain import by_subject, grids, pictures, runs, study, tables
from fgr.experiments.pain.cells import EXPERIMENT, Cell
from fgr.experiments.pain.grids import Config
from fgr.experiments.pain.looking import PLACES
from fgr.experiments.pain.study import Study
from fgr.paths import project_root
from fgr.results import rows as results
from fgr.results.claims import read_claims
from fgr.results.published import published

NAME = "ch02_pain"
LAPTOP = resolve(Config, NAME, "laptop")
PAPER = resolve(Config, NAME, "paper")
TINY = {"size": 16, "frame": 24, "subjects": 4, "sequences": 2, "length": 32, "folds": 2, "epochs": 1}
SMALL = Config(**TINY, batch_size=8, hidden=4, lstm_epochs=1, window=4, looked=3)


pytestmark = pytest.mark.usefixtures("own_faces")


def made_up(cell: Cell, seed: int, **values: float) -> list[results.Row]:
    """Rows of a run that never was."""
    run = results.Run(EXPERIMENT, as_json(cell), cell.dataset, seed, "test", "cpu")
    return [
        run.row(name, value, "count" if "itive" in name or "ative" in name else "fraction", "test", "last", 1)
        for name, value in values.items()
    ]


def differing(first: Cell, second: Cell) -> set[str]:
    """Names of the fields in which two cells differ."""
    return {name for name, value in asdict(first).items() if value != asdict(second)[name]}


# ---------------------------------------------------------------- cells


def test_preparations_differ_in_nothing_else() -> None:
    cells = grids.variant_cells(LAPTOP)
    assert len(set(cells)) == 6 and all(differing(cells[0], cell) == {"variant"} for cell in cells[1:])


def test_main_cells_leave_one_subject_out_and_share_the_networks_of_the_crop() -> None:
    cnn, fc6, fc7, frontal = grids.main_cells(LAPTOP)
    assert {cell.apart for cell in (cnn, fc6, fc7, frontal)} == {"one_subject"}
    assert cnn.base == fc6.base == fc7.base and frontal.variant == "frontal_deformed" and not frontal.lstms
    assert cnn.looked == LAPTOP.looked and grids.main_cells(PAPER)[0].looked == 0  # real frames say not what they show


def test_choices_change_one_thing_each() -> None:
    crop, frontal, binary, number, *without = grids.choice_cells(LAPTOP)
    assert differing(crop, binary) == {"loss"} and differing(frontal, number) == {"mean"}
    assert [differing(*pair) for pair in zip((crop, frontal), without)] == [{"pretraining"}, {"pretraining"}]
    assert len(grids.choice_cells(Config())) == 4  # nothing to leave out
    weighted = grids.choice_cells(replace(PAPER, weights="vgg_face.pth"))
    assert [cell.weights for cell in weighted[4:]] == ["", ""]


def test_sweeps_share_runs() -> None:
    """The aligned crop is one run of variants, choices and leaks; the live page lends its frame-wise folds."""
    crop = grids.cell(LAPTOP, looked=0)
    for cells in (grids.variant_cells(LAPTOP), grids.choice_cells(LAPTOP), grids.leak_cells(LAPTOP)):
        assert crop in cells
    assert set(grids.live_cells(LAPTOP)) & set(grids.leak_cells(LAPTOP))
    assert set(grids.live_cells(LAPTOP)) & set(grids.variant_cells(LAPTOP))


def test_emotions_do_not_depend_on_the_pain_videos() -> None:
    first, other = (grids.emotion_cells(replace(LAPTOP, subjects=n, length=10 * n)) for n in (5, 9))
    assert first == other and {cell.window for cell in first} == {10} and first[0].folds == 10


def test_claims_select_what_the_study_records() -> None:
    """Fields and values of every claim are those of just one cell of its file."""
    pairs = list(itertools.product(("saliency", "even"), ("crop", "frontal_deformed")))
    recorded = {
        "variants": [asdict(cell) for cell in grids.variant_cells(LAPTOP)],
        "main": [asdict(cell) for cell in grids.main_cells(LAPTOP)],
        "choices": [asdict(cell) for cell in grids.choice_cells(LAPTOP)],
        "leaks": [asdict(cell) for cell in grids.leak_cells(LAPTOP)],
        "emotions": [asdict(cell) for cell in grids.emotion_cells(LAPTOP)],
        "looks": [{"map": name, "variant": variant} for name, variant in pairs],
        "gain": [{"gain_of": "pretraining", "variant": variant} for variant in grids.LIVE],
    }
    claims = [claim for claim in read_claims(project_root() / "results" / "claims.yaml") if claim.chapter == 2]
    assert len(claims) > 12
    for claim in claims:
        for side in (claim.ours, claim.other):
            lines = recorded[Path(claim.rows).stem]
            assert sum(all(line[name] == value for name, value in side.items()) for line in lines) == 1, claim.id


def test_lists_that_must_hold_something_are_refused_empty() -> None:
    with pytest.raises(ParameterError, match="seeds must hold one value at least"):
        resolve(Config, NAME, "quick", {"seeds": []})


# ---------------------------------------------------------------- rows made from rows


def test_looks_become_rows_a_map_and_an_even_one() -> None:
    cnn, _, _, frontal = grids.main_cells(LAPTOP)
    values = {
        f"{kind}_{place}": n / 10 for n, (kind, place) in enumerate(itertools.product(("saliency", "area"), PLACES))
    }
    rows = [*made_up(cnn, 0, **values), *made_up(frontal, 1, **values), *made_up(cnn, 0, auc=0.5)]
    table = results.with_config(results.frame(grids.look_rows(results.frame(rows), "test")))
    found = {(line["map"], line["variant"], line["metric"]): line["value"] for _, line in table.iterrows()}
    assert len(found) == 12 and found["saliency", "crop", "muscles"] == 0.1
    assert found["even", "frontal_deformed", "face"] == 0.3
    shown = tables.recorded_places(results.frame(grids.look_rows(results.frame(rows), "test")))
    assert shown["map"].tolist() == ["saliency", "an even map"] * 2 and shown["face (%)"].iloc[1] == "30.0"


def test_gain_is_auc_with_pretraining_less_without() -> None:
    crop, frontal, binary, number, crop_without, frontal_without = grids.choice_cells(LAPTOP)
    auc = {crop: 0.8, crop_without: 0.7, frontal: 0.6, frontal_without: 0.65, binary: 0.1, number: 0.1}
    rows = [row for cell, value in auc.items() for row in made_up(cell, 2, auc=value, accuracy=0.2)]
    table = results.with_config(results.frame(grids.gain_rows(results.frame(rows), "test")))
    assert dict(zip(table["variant"], table["value"])) == pytest.approx({"crop": 0.1, "frontal": -0.05})
    assert set(table["seed"]) == {2} and set(table["metric"]) == {"gain"}


def test_headline_reads_each_run_of_the_live_page() -> None:
    crop, lstm, frontal, leak = grids.live_cells(LAPTOP)
    rows = made_up(crop, 0, auc=0.7, pcc=0.3, saliency_face=0.6) + made_up(lstm, 0, auc=0.1, pcc=0.1)
    rows += made_up(frontal, 0, auc=0.8) + made_up(leak, 0, auc=0.9, pcc=0.9)
    expected = {
        "auc_crop": 0.7,
        "auc_frontal": 0.8,
        "auc_of_people_seen": 0.9,
        "pcc_crop": 0.3,
        "saliency_face_crop": 0.6,
    }
    assert grids.headline(results.frame(rows)) == expected


# ---------------------------------------------------------------- a page, small


@pytest.fixture(scope="module")
def page(own_faces: None) -> tuple[Study, pd.DataFrame]:
    """What is live at the smallest size."""
    made = Study(SMALL, "test")
    return made, made.live()


def test_live_page_measures_each_run_once(page: tuple) -> None:
    made, live = page
    assert live["run_id"].nunique() == 4 and len(made.rows) == len(live)
    shown = tables.live(live)
    assert shown["kept apart"].tolist() == ["subjects", "subjects", "subjects", "frames"]
    assert shown["judge"].tolist() == ["CNN", "LSTM on fc6", "CNN", "CNN"]
    assert len(grids.headline(live)) == 5


def test_pairs_are_calm_and_worst_frames_of_one_person_each(page: tuple) -> None:
    made, _ = page
    calm, worst = made.pairs(3).view(2, 3)
    subjects, levels = made.frames().annotations["subject"], made.levels()
    assert torch.equal(subjects[calm], subjects[worst]) and len(subjects[calm].unique()) == 3
    assert (levels[calm] < 1).all()
    for row in worst.tolist():
        assert levels[row] == levels[subjects == subjects[row]].max()


def test_pictures_are_larger_where_faces_are_drawn(page: tuple) -> None:
    made, _ = page
    rows = made.pairs(1)
    assert made.close_ups(rows).shape == (2, 3, pictures.FRAME, pictures.FRAME)
    shown = made.stages(rows)
    *larger, seen = shown
    assert len(shown) == 7 and all(shown[title].shape[2] == pictures.SHAPED for title in larger)
    assert shown[seen].shape[2] == SMALL.size
    assert not torch.equal(shown["frontal, all landmarks"], shown["frontal, fewer landmarks"])


def test_frames_of_archives_are_shown_as_they_were_read(page: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = page
    whole, source = made.frames(), replace(grids.cell(SMALL).source, dataset="unbc_mcmaster")
    monkeypatch.setattr(pictures, "frames", lambda _: whole)
    assert torch.equal(pictures.close_ups(source, torch.tensor([3, 1])).images, whole.images[[3, 1]])
    monkeypatch.setattr(pictures, "last_frames", lambda *_: whole)
    faces, names = pictures.emotions(replace(source, dataset="ck_plus"))
    assert len(faces) == len(names) == 2


def test_every_emotion_has_a_face(page: tuple) -> None:
    faces, names = page[0].emotions()
    assert faces.shape == (7, 3, pictures.SHAPED, pictures.SHAPED) and faces.flatten(1).float().std(1).min() > 10
    assert names == ["anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]


def test_traces_are_of_the_video_with_most_pain(page: tuple) -> None:
    made, _ = page
    traces = made.traces()
    levels, sequences = made.levels(), made.frames().annotations["sequence"]
    most = max(sequences.unique().tolist(), key=lambda s: levels[sequences == s].sum())
    assert torch.equal(traces["true"].double(), levels[sequences == most])
    judged = made._judged(grids.live_cells(SMALL)[0])
    place = {row: n for n, row in enumerate(judged.rows.tolist())}
    chosen = [place[row] for row in (sequences == most).nonzero()[:, 0].tolist()]
    assert torch.equal(traces["CNN"], judged.outputs[chosen].float()) and len(traces["CNN and LSTM"]) == len(chosen)


def test_looks_are_means_over_the_folds(page: tuple) -> None:
    looks = page[0].looks()
    assert looks.saliency.sum().item() == pytest.approx(1, abs=1e-5) and len(looks.shares) == 3 * SMALL.folds
    shown = tables.places(looks)
    assert shown["map"].tolist() == ["saliency", "an even map"]
    assert float(shown["face (%)"][0]) + float(shown["background (%)"][0]) == pytest.approx(100, abs=0.11)


def test_where_nothing_is_looked_at_the_page_goes_on(page: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper profile is of photographs, which do not say what their pixels show."""
    monkeypatch.setattr(
        page[0], "_judged", lambda cell: runs.Judged(torch.zeros(0), torch.zeros(0), torch.zeros(0), [])
    )
    assert page[0].looks() is None
    assert tables.places(None).empty and tables.places(None).columns[0] == "map"


def test_study_runs_nothing_that_it_was_not_asked_for() -> None:
    made = Study(SMALL, "test")
    for part in (made.variants, made.main, made.choices, made.leaks, made.emotion):
        assert part().empty
    assert made.rows == []


def test_a_recorded_study_finds_its_runs_again_and_lends_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also rows made from rows, and in another process."""
    few = {"variant_seeds": (0,), "main_seeds": (0,), "choice_seeds": (0,), "leak_seeds": (0,)}
    config = replace(SMALL, **few, pretraining=40, pretraining_epochs=1, record=str(tmp_path), subjects=3)
    trained: list[Cell] = []
    once = runs.run_cell
    monkeypatch.setattr(runs, "run_cell", lambda cell, *rest: trained.append(cell) or once(cell, *rest))
    monkeypatch.setattr(grids, "VARIANTS", ("frontal", "crop"))
    made = Study(config, "test")
    parts = [made.variants(), made.choices(), made.leaks(), made.main()]
    assert len(trained) == len(set(trained)) == 2 + 4 + 2 + 4
    names = {path.stem for path in tmp_path.glob("*.csv")}
    assert names == {"variants", "choices", "leaks", "main", "looks", "gain"}
    monkeypatch.setattr(runs, "run_cell", lambda *_: pytest.fail("a recorded run was run again"))
    again = Study(config, "test")
    for part, found in zip(parts, (again.variants(), again.choices(), again.leaks(), again.main())):
        pd.testing.assert_frame_equal(found, part)
    for name in ("looks", "gain"):
        assert not results.read(tmp_path / f"{name}.csv").duplicated(["run_id", "metric"]).any()


# ---------------------------------------------------------------- tables


@pytest.fixture(scope="module")
def main_rows() -> pd.DataFrame:
    """Two seeds of a leave-one-out run that never was: the LSTM is five points better for both subjects."""
    rows = []
    for cell, seed in itertools.product(grids.main_cells(LAPTOP), (0, 1)):
        auc = 0.8 + 0.05 * (cell.judge == "lstm_fc6") + 0.01 * seed
        counts = {"negative": 10, "negative_correct": 8 + seed, "positive": 4, "positive_correct": 3}
        values = {f"subject_{s}_{name}": value for s in (0, 1) for name, value in counts.items()}
        values |= {"subject_0_auc": auc + 0.1, "subject_1_auc": auc - 0.1, "auc": auc, "pcc": 0.6}
        values["mae"] = {"cnn": 0.4, "lstm_fc6": 0.5, "lstm_fc7": 0.6}[cell.judge]
        values |= dict.fromkeys(("auc_normalized", "accuracy", "accuracy_normalized", "mse", "icc"), 0.75)
        rows += made_up(cell, seed, **values)
    return results.frame(rows)


def test_table_2_2_has_each_printed_number_and_ours_of_both_kinds_of_folds(main_rows: pd.DataFrame) -> None:
    """By our names, in percent; preparations that are not printed have a line too."""
    crop = grids.cell(LAPTOP, looked=0)
    variants = results.frame(made_up(crop, 0, auc=0.7, no_pain_share=0.8))
    printed = []
    for frames, rate in itertools.product(("unbalanced", "normalized"), ("auc", "accuracy")):
        shown = tables.table_2_2(variants, main_rows, rate, frames).set_index("here")
        printed += shown[shown["in the thesis"] != ""]["printed, UNBC-McMaster (%)"].astype(float).tolist()
        assert set(tables.VARIANT_NAMES.values()) <= set(shown.index)
    assert sorted(printed) == sorted(published("T2.2")["value"])
    shown = tables.table_2_2(variants, main_rows, "auc", "unbalanced").set_index("here")
    assert shown.loc["aligned crop"].tolist()[:3] == ["Aligned Crop", "89.6", "70.0"]
    assert shown.loc["aligned crop", "ours, generated, one subject out (%)"].startswith("80.5")
    assert shown.loc["aligned, masked", "ours, generated, five folds (%)"] == "not run"
    assert shown.loc["whole frame", "printed, UNBC-McMaster (%)"] == ""


def test_always_no_pain_stands_beside_the_accuracies_of_all_frames_only(main_rows: pd.DataFrame) -> None:
    """Printed from the numbers of frames, ours from the rows; no accuracy of balanced frames, and no AUC."""
    variants = results.frame(made_up(grids.cell(LAPTOP, looked=0), 0, no_pain_share=0.8, accuracy=0.7))
    shown = tables.table_2_2(variants, main_rows, "accuracy", "unbalanced").set_index("here").loc[tables.ALWAYS]
    assert shown.tolist() == ["", "82.7", "80.0", "not run"]
    for rate, frames in (("auc", "unbalanced"), ("accuracy", "normalized")):
        assert tables.ALWAYS not in tables.table_2_2(variants, main_rows, rate, frames)["here"].tolist()


def test_tables_2_3_and_2_4_are_of_all_frames_and_over_subjects(main_rows: pd.DataFrame) -> None:
    shown = tables.table_2_3(main_rows).set_index("in the thesis")
    fc6 = shown.loc["Aligned crop + LSTM on fc6"]
    assert fc6["here"] == "aligned crop, LSTM on fc6" and fc6["printed, UNBC-McMaster (%)"] == "93.3"
    assert fc6["ours, generated (%)"].startswith("85.5") and fc6["seeds"] == 2
    assert fc6["mean of subjects (%)"].startswith("85.5 ±")
    assert shown["printed, UNBC-McMaster (%)"].astype(float).tolist() == published("T2.3")["value"].tolist()
    assert shown.loc["Lucey et al. [36]", "ours, generated (%)"] == ""
    lines = tables.table_2_4(main_rows)
    ours = lines[lines["whose"] == "ours, generated"]
    assert ours["MAE"].tolist() == ["0.40 ± 0.00", "0.50 ± 0.00", "0.60 ± 0.00"]
    printed = lines[lines["whose"] == "printed, UNBC-McMaster"]
    assert (printed.iloc[:, 2:] != "").sum().sum() == len(published("T2.4"))
    assert printed.iloc[-1, 1:].tolist() == ["Aligned crop + LSTM", "0.5", "0.74", "0.78", "0.45"]


def test_differences_are_paired_by_subject(main_rows: pd.DataFrame) -> None:
    shown = by_subject.over_subjects(main_rows).set_index("difference of AUC (points)")
    assert shown.loc["LSTM on fc6 - CNN", "mean over subjects"].startswith("5.0 ± 0.0")
    assert shown["subjects"].tolist() == [2, 2, 2]


def test_table_2_5_counts_frames_of_every_subject(main_rows: pd.DataFrame) -> None:
    shown = by_subject.table_2_5(main_rows)
    assert shown.to_numpy().tolist() == [[0, 8.5, 10, 3, 4], [1, 8.5, 10, 3, 4]]
    assert by_subject.sums(shown)["accuracy"] == pytest.approx(23 / 28)


def test_table_2_5_stands_beside_the_printed_one_and_adds_up(main_rows: pd.DataFrame) -> None:
    """A subject that one side lacks has empty cells there."""
    shown = by_subject.table_2_5_beside(main_rows).set_index("subject")
    printed, ours = by_subject.printed_2_5(), [name for name in shown if name.startswith("ours")]
    assert len(shown) == len(printed) + 1 and (shown.loc["2", ours] == "").all()
    assert shown.loc["0"].tolist() == ["1,807 of 1,827", "122 of 221", "8.5 of 10", "3 of 4"]
    assert shown.loc["all", ours].tolist() == ["17 of 20", "6 of 8"]
    assert shown.loc["all"].iloc[0] == f"{printed['no pain, correct'].sum():,} of {printed['no pain'].sum():,}"
    assert by_subject.table_2_5_beside(results.frame([])).set_index("subject").loc["all", ours].tolist() == ["", ""]


def test_printed_table_2_5_adds_up_to_less_than_table_2_2() -> None:
    """24 subjects; accuracy 89.6 %, balanced 80.8 %."""
    found = by_subject.sums(by_subject.printed_2_5())
    assert found["subjects"] == 24 and found["frames"] == 43264
    assert found["accuracy"] == pytest.approx(0.896, abs=5e-4)
    assert found["balanced accuracy"] == pytest.approx(0.808, abs=5e-4)
    assert 19 not in by_subject.printed_2_5()["subject"].tolist()


def test_emotion_tables_sum_over_the_seeds() -> None:
    _, fc6, fc7 = grids.emotion_cells(LAPTOP)
    rows = made_up(fc6, 0, accuracy_of_folds=0.9, confusion_0_0=3, confusion_0_1=1)
    rows += made_up(fc6, 1, accuracy_of_folds=0.8, confusion_0_0=5) + made_up(fc7, 0, confusion_1_1=9)
    matrix = tables.confusion(results.frame(rows), 2)
    assert matrix.tolist() == [[8, 1], [0, 0]]
    shown = tables.table_2_6(results.frame(rows))
    assert shown["printed, CK+ (%)"].tolist() == ["94.5", "97.2"]
    assert shown["ours, generated (%)"].iloc[1].startswith("85.0")


def test_rates_are_in_percent_by_what_varies_and_end_with_no_pain_always() -> None:
    values = {"auc": 0.6, "accuracy": 0.25, "no_pain_share": 0.75}
    rows = [row for cell in grids.leak_cells(LAPTOP) for row in made_up(cell, 0, **values)]
    shown = tables.rates(results.frame(rows), ["apart"])
    assert shown["kept apart"].tolist() == ["frames", "videos", "subjects", tables.ALWAYS]
    assert shown["AUC (%)"].tolist() == ["60.0"] * 3 + ["50.0"]
    assert shown["accuracy (%)"].tolist() == ["25.0"] * 3 + ["75.0"]


def test_choices_are_shown_in_words() -> None:
    rows = [row for cell in grids.choice_cells(LAPTOP) for row in made_up(cell, 0, auc=0.6, accuracy=0.5)]
    shown = tables.rates(results.frame(rows), ["variant", "loss", "mean", "pretraining"])
    assert shown.columns.tolist()[:4] == ["preparation", "trained for", "subtracted", "pretrained on"]
    lines = [list(line) for line in zip(*(shown[name] for name in shown.columns[:4]))]
    assert ["aligned crop", "yes or no", "the mean face", "4,000 raw faces"] in lines
    assert ["frontal, fewer landmarks", "the level", "one number", "4,000 raw faces"] in lines
    assert ["aligned crop", "the level", "the mean face", "nothing"] in lines


def test_without_rows_tables_say_so_and_keep_their_columns() -> None:
    empty = results.frame([])
    both = [tables.table_2_2(empty, empty, rate, "unbalanced") for rate in ("auc", "accuracy")]
    for shown in (*both, tables.table_2_3(empty), tables.table_2_6(empty)):
        ours = shown[[name for name in shown if name.startswith("ours")]]
        assert ours.isin(["not run", ""]).all(axis=None) and (ours == "not run").any(axis=None)
    lines = tables.table_2_4(empty)
    assert (lines[lines["whose"] == "ours, generated"].iloc[:, 2:] == "not run").all(axis=None)
    assert by_subject.over_subjects(empty)["subjects"].tolist() == [0, 0, 0]
    for shown in (by_subject.table_2_5(empty), tables.rates(empty, ["apart"]), tables.recorded_places(empty)):
        assert shown.empty and len(shown.columns) > 2
    assert not np.any(tables.confusion(empty, 7))


def test_table_2_1_is_as_printed() -> None:
    """A number a line, what its row says in columns of their own."""
    shown, printed = tables.table_2_1(), published("T2.1")
    assert len(shown) == len(printed) - 1  # that of the images that one used stands in its row
    first = ["Lucey [83]", "PTS, APP", "SVM", "Yes", "AUC", "78 %"]
    assert shown.iloc[0].tolist() == first and shown["classifier"].str.contains("/").sum() == 0
    assert shown.set_index("work").loc["Hammal [86]", "all images"].unique().tolist() == ["No (Only 15%)"]


def test_every_name_on_the_page_belongs_to_a_field() -> None:
    assert tuple(tables.VARIANT_NAMES) == grids.VARIANTS and tuple(tables.APART_NAMES) == grids.LEAKS
    assert set(tables.FIELD_NAMES) == {*tables.VALUE_NAMES, "pretraining"}
    fields = {field.name for field in dataclasses.fields(Cell)}
    assert set().union(*tables.ROWS.values()) <= fields and study.EXPERIMENT == "pain"
