"""Chapter 3 from end to end, tiny: the live page, recorded parts that share runs, reruns, and faces of one's own."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from fgr import data
from fgr.config import as_json
from fgr.data.readers import adience
from fgr.experiments.glimpses import details, faces, grids, groups, looking, runs, tables
from fgr.experiments.glimpses import study as chapter
from fgr.experiments.glimpses.details import detail
from fgr.experiments.glimpses.grids import Config
from fgr.experiments.glimpses.runs import Cell, run_cell
from fgr.experiments.glimpses.study import Study
from fgr.results import rows as results

SIZES = {"low_size": 16, "high_size": 32, "grid": 2, "patches": 2, "epochs": 1, "batch_size": 10}
TINY = Config(train=20, validation=10, test=20, **SIZES)
ASKED_FOR = ("design", "over_grids", "high", "confusion", "people", "cross", "years", "looks")


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Faces are drawn once for this module, apart from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FGR_DATA", str(tmp_path_factory.mktemp("data")))
        faces.read.cache_clear()
        yield
    faces.read.cache_clear()


@pytest.fixture(scope="module")
def live() -> tuple[Study, pd.DataFrame, pd.DataFrame]:
    """A whole live page, tiny."""
    study = Study(TINY, "test")
    return study, study.live(), study.live_details()


# ---------------------------------------------------------------- the live page


def test_live_page_trains_four_networks_and_measures_each_thing_once(live: tuple) -> None:
    """And the headline is read off it."""
    study, trained, measured = live
    table = results.frame(study.rows)
    assert trained["run_id"].nunique() == 4 and measured["run_id"].nunique() == 9
    assert not table.duplicated(["run_id", "metric", "split", "selection"]).any()
    assert set(table["experiment"]) == {runs.EXPERIMENT, details.EXPERIMENT}
    assert not pd.Series(grids.headline(table)).isna().any()
    accuracy = table[(table.metric == "accuracy") & (table.split == "test")]
    assert accuracy["value"].between(0, 1).all() and len(accuracy) == 4


def test_every_table_and_title_of_the_live_page(live: tuple) -> None:
    """From the rows of a run."""
    study, trained, measured = live
    assert tables.live_table(trained).shape == (2, 4)
    for task in ("age", "gender"):
        looks = tables.looks_table(measured, task)
        assert set(looks["region"]) <= set(looking.ASKED) and len(looks) >= 4
        assert not groups.fairness(measured, task, fewest=1).empty
    shares, known = groups.confusion_of(measured)
    assert shares.sum(1).round(6).tolist() == [float(row.any()) for row in shares] and len(known) == 8
    shown = study.faces()
    first = chapter.one_of_each(shown)
    assert [int(shown.targets[row]) for row in first] == shown.targets.unique().tolist()


def test_looks_are_those_of_the_network(live: tuple) -> None:
    """Recomputed from the masks that the renderer drew."""
    study, _, measured = live
    age = study.judged("age")
    assert torch.equal(age.seen.scores.argmax(1), age.glimpse)
    table = results.with_config(measured).query("labels == 'age' and part in ('looks', 'start', 'uniform')")
    value = {(row.part, row.metric): row.value for row in table.itertuples()}
    mask = looking.region_masks(age.faces)["background"]
    by_hand, area = [], []
    for grid, one in zip(age.seen.grid, mask):
        if one.any():
            halves = itertools.product((slice(0, 16), slice(16, 32)), repeat=2)
            by_hand.append(sum(w * one[y, x].sum() / 256 for w, (y, x) in zip(grid.flatten(), halves)).item())
            area.append(one.float().mean().item())
    assert value["looks", "weight: background"] == pytest.approx(sum(by_hand) / len(by_hand), rel=1e-4)
    assert value["uniform", "weight: background"] == pytest.approx(sum(area) / len(area), rel=1e-5)
    begun = runs.build(grids.cell(TINY, 0.02), 0, 8, study.faces().images)
    before = looking.shares(looking.glimpses(begun, age.faces.images), {"background": mask})["background"]["weight"]
    assert value["start", "weight: background"] == pytest.approx(before)


def test_misclassified_and_corrected_by_hand() -> None:
    """The first of each class, said as what they are and what they were taken for."""
    targets = torch.tensor([0, 0, 1, 1, 1])
    low, ours = torch.tensor([0, 1, 0, 0, 1]), torch.tensor([1, 0, 1, 1, 0])
    crowd = data.ImageSet("x", "test", torch.zeros(5, 3, 2, 2, dtype=torch.uint8), targets, ("f", "m"))
    judged = chapter.Judged(crowd, low, ours, None)
    assert chapter.misclassified(judged) == [0, 4] and chapter.corrected(judged) == [1, 2]
    assert chapter.corrected(judged, most=2) == [1, 2, 3]
    assert chapter.titles(judged, [0, 4], ours) == ["f → m", "m → f"]
    assert chapter.titles(judged, [1], low) == ["f → m"]


# ---------------------------------------------------------------- what is recorded


def test_study_runs_nothing_that_it_was_not_asked_for() -> None:
    """Smoke and quick leave it to the recorded runs."""
    study = Study(Config(), "test")
    for part in ASKED_FOR:
        assert getattr(study, part)().empty
    assert study.folds("age").empty and study.rows == []


def test_recorded_parts_share_runs_and_are_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures lend each other runs; looks and people are measured on networks that are trained once."""
    seeds = dict.fromkeys(grids.MAY_BE_EMPTY, (0,)) | {"fold_seeds": (0, 1), "looking_seeds": (0, 1)}
    config = replace(TINY, **seeds, grids=(2,), patch_counts=(1, 2), years_epochs=1, record=str(tmp_path / "rec"))
    monkeypatch.setitem(grids.DESIGN, "weighting", ("hadamard",))
    monkeypatch.setitem(grids.DESIGN, "shared", (True,))
    trained = []
    once = runs.run_cell
    monkeypatch.setattr(runs, "run_cell", lambda *a: trained.append(a[:2]) or once(*a))
    study = Study(config, "test")
    assert study.design()["run_id"].nunique() == 5
    assert study.over_grids()["run_id"].nunique() == 4 and len(trained) == 5 + 2  # low and one pair were there
    study.high(), study.years()
    assert len(trained) == 7 + 1 + 2
    study.folds("age"), study.folds("gender")
    assert len(trained) == 10 + 2 * 2 * 2
    confused, people, cross = study.confusion(), study.people(), study.cross()
    assert len(trained) == 18  # weights of all folds were kept
    looks = study.looks()
    assert len(trained) == 18 + 3  # seed 1 for age, both seeds for gender
    assert [set(results.with_config(rows)["part"]) for rows in (confused, people)] == [{"confusion"}, {"people"}]
    assert results.with_config(cross)["members"].map(len).value_counts().to_dict() == {0: 6, 2: 3}
    assert (looks["metric"] == "agreement").sum() == 2
    monkeypatch.setattr(runs, "run_cell", None)
    again = Study(config, "test")
    for part in ASKED_FOR:
        assert len(getattr(again, part)())  # found again, nothing is trained
    for table in (tables.folds_beside(again.folds("age"), again.folds("gender")), tables.years_table(again.years())):
        assert not table.astype(str).isin(["not run"]).any().any()
    assert (tables.eyes_table(again.looks()).iloc[:, 1:] != "not run").all().all()


def test_networks_of_another_population_are_judged_on_it() -> None:
    """Other people than those that trained; a set of one's own has no other population."""
    cell = grids.cell(TINY, 0.1)
    ours, theirs = runs.image_sets(cell)["test"], runs.others(cell, "b")
    assert len(theirs) == TINY.test and not torch.equal(ours.images, theirs.images)
    assert theirs.annotations["age"].mean() > ours.annotations["age"].mean()
    with pytest.raises(ValueError, match="dataset of a cross-set run must be one of"):
        runs.others(replace(cell, dataset="csv", folder="x"), "b")


def test_pairs_of_one_seed_see_the_same_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shifted and mirrored alike, whatever the network."""
    seen: dict[str, list[torch.Tensor]] = {}
    forward = runs.Scaled.forward

    def spy(self: runs.Scaled, images: torch.Tensor) -> object:
        if self.training:
            seen.setdefault(type(self.net).__name__, []).append(images)
        return forward(self, images)

    monkeypatch.setattr(runs.Scaled, "forward", spy)
    for kind in ("low", "glimpse"):
        run_cell(grids.cell(TINY, 0.1, network=kind), 3, "test", "cpu")
    low, glimpse = seen.values()
    assert len(low) == 2 and all(map(torch.equal, low, glimpse))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("changes", [{}, {"network": "high", "labels": "gender"}, {"labels": "years", "folds": 3}])
def test_a_recorded_run_can_be_repeated(changes: dict, precision: str) -> None:
    """To the bit, on the same machine."""
    cell = replace(grids.cell(TINY, 0.05), precision=precision, **changes)
    first = run_cell(cell, 1, "test", "cpu").rows
    again = runs.rerun(as_json(cell), 1, "test")
    kept = [row for row in first if row.unit != "seconds"]
    assert [(r.metric, r.split, r.value) for r in kept] == [
        (r.metric, r.split, r.value) for r in again if r.unit != "seconds"
    ]
    assert {row.config for row in again} == {as_json(cell)} and {row.run_id for row in again} == {first[0].run_id}


@pytest.mark.parametrize("network", ["low", "glimpse"])
def test_a_run_that_diverges_is_a_result(network: str) -> None:
    """It names the first class always, and does not stop a sweep."""
    cell = grids.cell(TINY, 1e30, network=network)
    rows = {(row.metric, row.split): row.value for row in run_cell(cell, 0, "test", "cpu").rows}
    assert rows["diverged", "train"] == 1.0
    test = runs.image_sets(cell)["test"]
    assert rows["accuracy", "test"] == pytest.approx((test.targets == 0).double().mean().item())


@pytest.mark.parametrize(
    ("part", "more"),
    [
        ("looks", {}),
        ("start", {}),
        ("uniform", {}),
        ("agreement", {"against": 2}),
        ("cross", {"tested": "b", "members": (0, 2)}),
    ],
)
def test_recorded_details_can_be_repeated(part: str, more: dict) -> None:
    """Their networks are trained anew."""
    one = detail(grids.cell(TINY, 0.05, labels="gender"), part, **more)
    first, again = (details.rerun(as_json(one), 0, "test") for _ in range(2))
    assert [(r.metric, r.value) for r in first] == [(r.metric, r.value) for r in again] and first
    assert {row.experiment for row in first} == {"glimpse_details"}


# ---------------------------------------------------------------- the reader's own faces


def utkface(folder: Path, images: torch.Tensor, ages: list[int], genders: list[int]) -> None:
    """Names say age and gender, 0 being male there."""
    for n, (age, gender) in enumerate(zip(ages, genders)):
        _save(images[n], folder / f"{age}_{1 - gender}_0_20170116174525{n:03d}.jpg.chip.jpg")


def official(folder: Path, images: torch.Tensor, ages: list[int], genders: list[int]) -> None:
    """Adience: five lists, and a folder a person."""
    lists = {fold: ["\t".join(adience.COLUMNS)] for fold in range(5)}
    for n, (age, gender) in enumerate(zip(ages, genders)):
        group = ("(0, 2)", "(25, 32)", "(60, 100)")[(age > 5) + (age > 50)]
        fields = [f"person{n // 2}", f"{n}.jpg", str(n), group, "fm"[gender], *"0000000"]
        lists[n // 2 % 5].append("\t".join(fields))
        for place, prefix in (("aligned", "landmark_aligned_face"), ("faces", "coarse_tilt_aligned_face")):
            _save(images[n], folder / place / f"person{n // 2}" / f"{prefix}.{n}.{n}.jpg")
    for fold, lines in lists.items():
        (folder / f"fold_{fold}_data.txt").write_text("\n".join(lines) + "\n")


def listed(folder: Path, images: torch.Tensor, ages: list[int], genders: list[int]) -> None:
    """A CSV with subjects."""
    lines = ["path,label,subject,age,gender"]
    for n, (age, gender) in enumerate(zip(ages, genders)):
        _save(images[n], folder / f"{n}.png")
        lines.append(f"{n}.png,x,s{n // 2},{age},{'fm'[gender]}")
    (folder / "images.csv").write_text("\n".join(lines) + "\n")


def _save(image: torch.Tensor, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file)


@pytest.mark.parametrize("write", [utkface, official, listed])
def test_live_page_runs_on_faces_of_ones_own(write: Callable, tmp_path: Path) -> None:
    """Tiny trees in the layout of each set; regions are not known, so that looks are not set against any."""
    images = torch.randint(256, (30, 3, 24, 20), dtype=torch.uint8)
    write(tmp_path, images, [n % 3 * 30 + 2 for n in range(30)], [n % 2 for n in range(30)])
    name = {"utkface": "utkface", "official": "adience", "listed": "csv"}[write.__name__]
    study = Study(Config(dataset=name, folder=str(tmp_path), folds=5, **SIZES), "test")
    trained, measured = study.live(), study.live_details()
    assert set(trained["dataset"]) == {name} and trained["run_id"].nunique() == 4
    assert tables.looks_table(measured).empty and (tables.eyes_table(measured).iloc[:, 1] != "not run").all()
    assert set(groups.of_people(measured, "gender")["tone"]) == {details.OF_ALL}
    sets = runs.image_sets(grids.cell(study.config, 0.02), 0)
    assert sum(map(len, sets.values())) == 30 and sets["test"].images.shape[2:] == (32, 32)
    if name != "utkface":  # which does not say who is who
        who = [set(part.annotations["subject"].tolist()) for part in sets.values()]
        assert not any(a & b for a, b in itertools.combinations(who, 2))
    assert len(study.judged("gender").faces) == len(sets["test"])


def test_a_run_says_which_cell_it_was() -> None:
    """As JSON, and back."""
    cell = Cell(grid=4, labels="gender")
    assert runs.cell_of(detail(cell, "people")) == cell
