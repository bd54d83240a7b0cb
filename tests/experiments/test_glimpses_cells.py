"""Cells of chapter 3: networks and their costs, folds that share nobody, choices on validation, claims."""

import itertools
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from fgr import models
from fgr.config import ParameterError, as_json, resolve
from fgr.data import ImageSet
from fgr.experiments.glimpses import faces, grids, runs
from fgr.experiments.glimpses.grids import Config
from fgr.experiments.glimpses.runs import Cell
from fgr.paths import project_root
from fgr.results import rows as results
from fgr.results.claims import read_claims
from fgr.results.published import published

NAME = "ch03_age_gender"
LAPTOP, PAPER = resolve(Config, NAME, "laptop"), resolve(Config, NAME, "paper")
LRS = {"low": 0.1, "glimpse": 0.2, "high": 0.3, "equal": 0.4, "add": 0.5}
SMALL = Cell(low_size=16, high_size=32, grid=4, patches=3, hidden=8)


def people(subjects: list[int], **known: torch.Tensor) -> ImageSet:
    """Faces of people who are known by number."""
    count = len(subjects)
    known = {"subject": torch.tensor(subjects)} | known
    return ImageSet(
        "csv", "all", torch.zeros(count, 3, 4, 4, dtype=torch.uint8), torch.zeros(count).long(), ("x",), known
    )


# ---------------------------------------------------------------- faces


def test_labels_are_groups_genders_and_years() -> None:
    """Ages between groups go to the nearer; faces whose label is not known are left out; old people count as 100."""
    ages, genders = torch.tensor([1.5, 22.4, 110.0, float("nan")]), torch.tensor([0, 1, -1, 1])
    crowd = people([0, 1, 2, 3], age=ages, gender=genders)
    groups = faces.labelled(crowd, "age")
    assert [groups.classes[target] for target in groups.targets] == ["0-2", "15-20", "60+"]
    gender = faces.labelled(crowd, "gender")
    assert gender.targets.tolist() == [0, 1, 1] and gender.annotations["subject"].tolist() == [0, 1, 3]
    years = faces.labelled(crowd, "years")
    assert years.targets.tolist() == [1, 22, 100] and len(years.classes) == 101


def test_labels_that_a_set_does_not_know_are_named() -> None:
    """Groups without years cannot be learned as years."""
    grouped = people([0, 1], age_group=torch.tensor([3, -1]))
    assert faces.labelled(grouped, "age").targets.tolist() == [3]
    with pytest.raises(ValueError, match="csv knows no age of its faces, so years cannot be learned"):
        faces.labelled(grouped, "years")
    with pytest.raises(ValueError, match="csv knows no gender"):
        faces.labelled(grouped, "gender")
    with pytest.raises(ValueError, match="labels must be one of"):
        faces.labelled(grouped, "mood")


def test_folds_share_no_person_and_cover_everybody() -> None:
    """Each face tests once, and nobody is on two sides."""
    subjects = [n // 3 for n in range(30)]
    crowd = replace(people(subjects), targets=torch.arange(30) % 2, classes=("a", "b"))
    tested = []
    for fold in range(5):
        parts = faces.in_folds(crowd, 5, fold)
        who = {split: set(part.annotations["subject"].tolist()) for split, part in parts.items()}
        assert not any(who[a] & who[b] for a, b in itertools.combinations(who, 2))
        assert sum(map(len, parts.values())) == 30
        tested += parts["test"].annotations["subject"].tolist()
    assert sorted(tested) == subjects
    assert (
        faces.in_folds(crowd, 5, 7)["test"]
        .annotations["subject"]
        .equal(faces.in_folds(crowd, 5, 2)["test"].annotations["subject"])
    )


def test_official_folds_are_kept_and_images_are_cut_where_nobody_is_known() -> None:
    """Adience has its own; UTKFace does not say who is who."""
    official = torch.tensor([0, 0, 2, 2, 7, 7])
    parts = faces.in_folds(people([0, 0, 1, 1, 2, 2], fold=official), 3, 1)
    assert {split: part.annotations["fold"].unique().tolist() for split, part in parts.items()} == {
        "train": [0],
        "validation": [7],
        "test": [2],
    }
    nobody = people([-1] * 9)
    assert [len(part) for part in faces.in_folds(nobody, 3, 0).values()] == [3, 3, 3]
    with pytest.raises(ValueError, match="folds must be 3 or more"):
        faces.in_folds(nobody, 2, 0)


def test_own_faces_need_a_place_and_folds() -> None:
    """The error says what to set."""
    with pytest.raises(ValueError, match="'utkface' needs folder="):
        faces.read("utkface", "", "train", 0, 32)
    with pytest.raises(ValueError, match="set folds to 3 or more"):
        runs.image_sets(Cell(dataset="utkface", folder="x"))
    with pytest.raises(ParameterError, match="dataset utkface needs folds of 3 or more"):
        Config(dataset="utkface", folder="x")


def test_generated_photographs_are_cut_around_their_middle() -> None:
    """Images and regions alike; landmarks would lie elsewhere and are left out."""
    drawn = torch.arange(2 * 3 * 8 * 8, dtype=torch.uint8).view(2, 3, 8, 8)
    known = {"regions": drawn[:, 0], "landmarks": torch.zeros(2, 66, 2), "age": torch.tensor([3.0, 4.0])}
    whole = ImageSet("synthetic_faces", "test", drawn, torch.zeros(2).long(), ("x",), known)
    middle = faces.cut(whole, 6)
    assert torch.equal(middle.images, drawn[:, :, 1:7, 1:7]) and set(middle.annotations) == {"regions", "age"}
    assert torch.equal(middle.annotations["regions"], middle.images[:, 0])


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize("network", runs.NETWORKS)
@pytest.mark.parametrize("labels", [8, 2])
def test_every_network_reads_the_large_image(network: str, labels: int) -> None:
    """And makes its small view itself."""
    train = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    model = runs.build(replace(SMALL, network=network), 0, labels, train).eval()
    assert runs.scores_of(model(train)).shape == (4, labels)
    assert runs.predict(model, train).shape == (4, labels)


def test_one_seed_starts_all_variants_alike() -> None:
    """The trunk of the small view is the same with and without glimpses, and another one for another seed."""
    train = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    low = runs.build(replace(SMALL, network="low"), 3, 8, train).net.net
    others = [{}, {"shared": False}, {"merge": "add"}, {"weighting": "none"}, {"depth": 3}, {"grid": 2}]
    for changes in others:
        where = runs.build(replace(SMALL, **changes), 3, 8, train).net.net.where
        assert torch.equal(where.conv4_1.weight, low.conv4_1.weight), changes
    assert not torch.equal(runs.build(SMALL, 4, 8, train).net.net.where.conv1_1.weight, low.conv1_1.weight)


def test_a_grid_starts_in_the_middle_unless_the_network_knows_faces() -> None:
    """Most of its weight lies there before anything is learned."""
    train = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    grid = runs.build(SMALL, 0, 8, train).eval()(train).grid
    assert (grid[:, 1:3, 1:3].sum((1, 2)) > 0.3).all()


def test_weights_of_another_task_start_the_convolutions_and_no_more(tmp_path: Path) -> None:
    """In where, in what, shared or not, and in the network without glimpses; images are then scaled as these want."""
    file = tmp_path / "face.pt"
    known = models.face_cnn(5, 16, hidden=8)
    torch.save(known.state_dict(), file)
    train = torch.randint(256, (4, 3, 32, 32), dtype=torch.uint8)
    for changes in ({}, {"shared": False}, {"network": "low"}, {"network": "high"}):
        model = runs.build(replace(SMALL, weights=str(file), **changes), 0, 8, train)
        assert model.bgr and model.std == (1 / 255,) * 3
        net = model.net.net
        for part in (net.where, net.what) if model.net.__class__.__name__ == "FromOneImage" else (net,):
            assert torch.equal(part.conv2_1.weight, known.conv2_1.weight)
    assert not torch.equal(
        runs.build(replace(SMALL, weights=str(file), network="low"), 0, 8, train).net.net.fc7.weight, known.fc7.weight
    )


def test_colours_are_turned_where_weights_want_blue_first() -> None:
    """Scaled by each channel's own mean first."""
    seen = runs.Scaled(torch.nn.Identity(), (0.0, 0.5, 1.0), (1.0,) * 3, bgr=True)
    red = torch.tensor([255, 0, 0], dtype=torch.uint8).view(1, 3, 1, 1)
    assert seen(red).flatten().tolist() == [-1.0, -0.5, 1.0]


def test_a_paper_network_is_vgg16() -> None:
    """Five stages, pool3, 4,096 units; counted without allocating any."""
    cell = grids.cell(PAPER, 1e-4)
    assert (cell.backbone, cell.depth, cell.hidden, cell.grid, cell.patches) == ("vgg16", 3, 4096, 16, 5)
    glimpse, low = grids.macs(replace(cell, weights="")), grids.macs(replace(cell, network="low"))
    assert low == pytest.approx(15.5e9, rel=0.01) and low < glimpse < 1.2 * low


# ---------------------------------------------------------------- cost


def test_costs_count_convolutions_and_linear_layers_by_hand() -> None:
    """Without the image that is shrunk: three by three windows, and the patches besides."""
    convolutions = 9 * (3 * 16 * 16**2 + 16 * 32 * 8**2 + 32 * 64 * 4**2 + 64 * 128 * 2**2)
    low = convolutions + 128 * 8 + 8 * 8 + 8 * 8
    assert grids.macs(replace(SMALL, network="low")) == low
    patches = 3 * 9 * (3 * 16 * 8**2 + 16 * 32 * 4**2)
    glimpse = convolutions + patches + 128 * 16 + (128 + 3 * 32) * 8 + 8 * 8 + 8 * 8
    assert grids.macs(SMALL) == glimpse


def test_the_small_view_of_equal_cost_is_the_first_that_costs_as_much() -> None:
    """Eight pixels less would cost less than glimpses."""
    for config in (Config(), LAPTOP):
        side, ours = grids.equal_cost(config), grids.macs(grids.cell(config, 0.1))
        low = [grids.macs(grids.cell(config, 0.1, network="low", low_size=size)) for size in (side - grids.STEP, side)]
        assert low[0] < ours <= low[1] and config.low_size < side < config.high_size


# ---------------------------------------------------------------- cells behind figures and tables


def made_up(cell: Cell, seed: int, split: str = "test", metric: str = "accuracy", value: float = 0.5) -> results.Row:
    """A row of a run that never was."""
    run = results.Run(runs.EXPERIMENT, as_json(cell), cell.dataset, seed, "test", "cpu")
    return run.row(metric, value, "fraction", split, "last", cell.epochs)


def differing(first: Cell, second: Cell) -> set[str]:
    """Names of the fields in which two cells differ."""
    return {name for name, value in asdict(first).items() if value != asdict(second)[name]}


def test_learning_rates_are_chosen_on_validation_by_each_kind_for_itself() -> None:
    """A rate that is best on the test set is not taken; all kinds have equally many tries, and a seed of their own."""
    kinds = list(grids.kinds(LAPTOP))
    assert kinds == ["low", "glimpse", "add", "equal", "high"]
    best = {kind: LAPTOP.lrs[n % len(LAPTOP.lrs)] for n, kind in enumerate(kinds)}
    rows = []
    for kind, changes in grids.kinds(LAPTOP).items():
        for lr in LAPTOP.lrs:
            away = abs(lr - best[kind])
            rows.append(made_up(grids.cell(LAPTOP, lr, **changes), 0, "validation", value=0.5 - away))
            rows.append(made_up(grids.cell(LAPTOP, lr, **changes), 0, "test", value=0.5 + away))
    assert grids.chosen_lrs(LAPTOP, results.frame(rows)) == best
    assert {as_json(cell) for cell in grids.choice_cells(LAPTOP)} == {row.config for row in rows}
    for config, field in itertools.product((LAPTOP, PAPER), grids.MAY_BE_EMPTY):
        assert grids.CHOICE_SEED not in getattr(config, field)
    assert list(grids.kinds(Config())) == ["low", "glimpse"]


def test_table_3_5_has_all_combinations_and_a_cell_for_every_printed_choice() -> None:
    """Twelve combinations, the small view, sampling and a deeper what network; SVMs are not ours."""
    cells = grids.design_cells(LAPTOP, LRS)
    assert len(cells) == len(set(cells)) == 15
    table = pd.DataFrame([asdict(cell) for cell in cells])
    sizes = {}
    for key, fields in grids.table_3_5(cells[1].depth).items():
        sizes[key] = len(table[(table[list(fields)] == list(fields.values())).all(axis=1)])
    kinds = {"attention-mode": 4, "weight-sharing": 6, "merge-mode": 6, "baseline": 1}
    assert sizes == {key: kinds[key.split("/")[1]] for key in sizes}
    assert set(published("T3.5").index) - set(sizes) == {"t3.5/svm-121"}
    assert {(cell.merge, cell.lr) for cell in cells[1:]} == {("concat", 0.2), ("add", 0.5)}
    assert differing(cells[-1], grids.cell(LAPTOP, LRS["glimpse"])) == {"depth"}
    assert differing(cells[-2], grids.cell(LAPTOP, LRS["glimpse"])) == {"choice"}


def test_fig_3_3_has_every_pair_that_exists_beside_two_single_views() -> None:
    """No more patches than cells; only the size of the view differs between the two."""
    config = replace(LAPTOP, grids=(2, 4), patch_counts=(1, 5))
    small, large, *pairs = grids.grid_cells(config, LRS)
    assert [(cell.grid, cell.patches) for cell in pairs] == [(2, 1), (4, 1), (4, 5)]
    assert differing(small, large) == {"low_size", "lr"} and large.low_size == grids.equal_cost(config)
    assert {cell.lr for cell in pairs} == {0.2} and (small.lr, large.lr) == (0.1, 0.4)


def test_folds_differ_from_the_live_cells_in_being_folds() -> None:
    """Five of them, one a seed, for both networks."""
    cells = grids.fold_cells(LAPTOP, LRS, "gender")
    live = [cell for cell in grids.live_cells(LAPTOP, LRS) if cell.labels == "gender"]
    assert [differing(*pair) for pair in zip(cells, live)] == [{"folds"}] * 2
    assert cells[0].folds == len(LAPTOP.fold_seeds) == 5
    years = grids.years_cells(LAPTOP, LRS)
    assert [(cell.network, cell.labels, cell.epochs) for cell in years] == [
        (kind, "years", LAPTOP.years_epochs) for kind in ("low", "glimpse")
    ]


def test_weights_are_kept_of_what_is_looked_into() -> None:
    """Not of every run of a sweep."""
    live, folds = grids.live_cells(LAPTOP, LRS), grids.fold_cells(LAPTOP, LRS, "age")
    assert all(grids.is_measured(LAPTOP, cell) for cell in [*live, *folds])
    design = [cell for cell in grids.design_cells(LAPTOP, LRS) if grids.is_measured(LAPTOP, cell)]
    assert set(design) == {cell for cell in live if cell.labels == "age"}


def test_lists_that_must_hold_something_are_refused_empty() -> None:
    """The others leave out what is recorded."""
    for name in ("seeds", "lrs", "grids", "patch_counts"):
        with pytest.raises(ParameterError, match=f"{name} must hold one value at least"):
            resolve(Config, NAME, "quick", {name: []})
    assert all(getattr(resolve(Config, NAME, "laptop", {name: []}), name) == () for name in grids.MAY_BE_EMPTY)


def test_every_claim_selects_cells_that_are_recorded(sides: Callable) -> None:
    """Every value that a claim names is recorded, and each side selects the cells that it should, all of its file."""
    recorded = {
        "design": grids.design_cells(LAPTOP, LRS),
        "grids": grids.grid_cells(LAPTOP, LRS),
        "years": grids.years_cells(LAPTOP, LRS),
        "high": [grids.cell(LAPTOP, 0.3, network="high")],
        **{f"folds_{labels}": grids.fold_cells(LAPTOP, LRS, labels) for labels in ("age", "gender")},
    }
    claims = [claim for claim in read_claims(project_root() / "results" / "claims.yaml") if claim.chapter == 3]
    assert len(claims) > 10
    for claim in claims:
        if Path(claim.rows).stem == "looks":
            continue  # tested with the rows themselves
        assert all(len(chosen) for chosen in sides(claim, recorded[Path(claim.rows).stem])), claim.id
