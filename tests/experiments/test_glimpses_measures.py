"""What chapter 3 measures, on answers known by hand: looks on masks, confusions, groups of people, tables of them."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fgr.config import as_json
from fgr.data import ImageSet
from fgr.data.age_groups import ADIENCE, IMAGES_OF_GROUPS, names, to_images_of_groups
from fgr.data.synthetic.faces import AGE_REGIONS, FACE_REGIONS, REGIONS
from fgr.experiments.glimpses import details, grids, groups, looking, runs, tables
from fgr.experiments.glimpses.details import Detail, detail
from fgr.experiments.glimpses.faces import labelled
from fgr.experiments.glimpses.runs import Cell
from fgr.glimpse import Glimpse
from fgr.results import rows as results
from fgr.results.published import published

NONE = results.frame([])


def faces(ages: list[float], **known: torch.Tensor) -> ImageSet:
    """Faces of these ages, with their groups as classes."""
    count = len(ages)
    whole = ImageSet(
        "synthetic_faces", "test", torch.zeros(count, 3, 4, 4, dtype=torch.uint8), torch.zeros(count).long(), ("x",),
        {"age": torch.tensor(ages)} | known,
    )  # fmt: skip
    return labelled(whole, "age")


def seen(weights: list[list[float]], chosen: list[list[int]]) -> Glimpse:
    """Glimpses with these weights of a 2 x 2 grid and these cells read."""
    grid = torch.tensor(weights).view(-1, 2, 2)
    return Glimpse(torch.zeros(len(grid), 8), grid, torch.tensor(chosen))


# ---------------------------------------------------------------- looks


def test_shares_of_a_region_by_hand() -> None:
    """Weight and cells read by the pixels that they cover; faces that do not show the region do not count."""
    looks = seen([[0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]], [[0, 1], [2, 3]])
    eye = torch.zeros(2, 4, 4, dtype=torch.bool)
    eye[0, :2, :2] = True  # the first cell of the first face, and not in the second
    top = torch.zeros(2, 4, 4, dtype=torch.bool)
    top[:, :2] = True
    found = looking.shares(looks, {"eye": eye, "top": top, "nowhere": torch.zeros_like(eye)})
    assert set(found) == {"eye", "top"}
    assert found["eye"] == pytest.approx({"weight": 0.7, "read": 0.5})
    assert found["top"] == pytest.approx({"weight": (0.8 + 0.5) / 2, "read": (1.0 + 0.0) / 2})
    assert looking.areas({"eye": eye, "top": top, "nowhere": torch.zeros_like(eye)}) == {"eye": 0.25, "top": 0.5}


def test_a_uniform_grid_has_the_share_of_the_image() -> None:
    """Whatever the region."""
    masks = torch.rand(5, 12, 12, generator=torch.Generator().manual_seed(0)) > 0.6
    even = Glimpse(torch.zeros(5, 8), torch.full((5, 4, 4), 1 / 16), torch.arange(16).expand(5, -1))
    area = looking.areas({"any": masks})["any"]
    assert looking.shares(even, {"any": masks})["any"] == pytest.approx({"weight": area, "read": area}, rel=1e-6)


def test_regions_are_the_renderers() -> None:
    """Every pixel by its number; nothing where it is not known."""
    drawn = torch.arange(len(REGIONS)).view(1, 1, -1)
    crowd = faces([30.0], regions=drawn.to(torch.uint8))
    masks = looking.region_masks(crowd)
    for name, mask in masks.items():
        assert [REGIONS[place] for place in mask.flatten().nonzero().flatten()] == [
            part for part in REGIONS if part in looking.ASKED[name]
        ]
    assert "background" not in (*AGE_REGIONS, *FACE_REGIONS)
    assert looking.region_masks(faces([30.0])) == {}


def test_eyes_that_move_and_eyes_that_do_not() -> None:
    """Constancy, agreement and the weight of what is read."""
    still = seen([[0.4, 0.3, 0.2, 0.1]] * 3, [[0, 1]] * 3)
    moving = seen([[0.4, 0.3, 0.2, 0.1]] * 3, [[0, 1], [1, 2], [2, 3]])
    assert looking.constancy(still) == 1.0 and looking.constancy(moving) == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert looking.agreement(still, moving) == pytest.approx((2 + 1 + 0) / 6)
    assert looking.weight_read(still) == pytest.approx(0.7)
    assert looking.weight_read(moving) == pytest.approx((0.7 + 0.5 + 0.3) / 3)
    assert torch.equal(looking.read_cells(moving)[1], torch.tensor([[0.0, 1.0], [1.0, 0.0]]))


# ---------------------------------------------------------------- confusions and people


def test_confusion_is_the_share_of_each_true_group() -> None:
    """Groups that nobody has are missing."""
    crowd = faces([1.0, 1.5, 5.0, 70.0])
    rows = details.confusion(torch.tensor([0, 1, 1, 7]), crowd)
    found = {name: value for name, value, _ in rows}
    assert found["confusion: 0-2 as 0-2"] == found["confusion: 0-2 as 4-6"] == 0.5
    assert found["confusion: 60+ as 60+"] == 1.0 and len(rows) == 3 * 8


def test_people_are_counted_by_gender_age_and_tone() -> None:
    """Tones in pairs; one word for all where they are not known."""
    known = {"gender": torch.tensor([0, 0, 1, 1]), "skin_tone": torch.tensor([1, 2, 6, 3])}
    crowd = faces([30.0, 30.0, 30.0, 1.0], **known)
    found = {name: value for name, value, _ in details.people(torch.tensor([4, 5, 4, 0]), crowd)}
    assert found == {
        "accuracy: women, 25-32, light": 0.5,
        "faces: women, 25-32, light": 2.0,
        "accuracy: men, 25-32, dark": 1.0,
        "faces: men, 25-32, dark": 1.0,
        "accuracy: men, 0-2, medium": 1.0,
        "faces: men, 0-2, medium": 1.0,
    }
    plain = details.people(torch.tensor([4, 5, 4, 0]), faces([30.0, 30.0, 30.0, 1.0], gender=known["gender"]))
    assert ("faces: women, 25-32, all tones", 2.0, "count") in plain


def test_measures_of_ages_by_hand() -> None:
    """Accuracy, one off, and the correlation of the expected group; years by DEX, half a year into their class."""
    crowd = faces([1.0, 5.0, 9.0])
    sure = 50 * nn.functional.one_hot(torch.tensor([0, 2, 4]), 8).float()
    found = {name: value for name, (value, _) in runs.measures(sure, crowd, "age").items()}
    assert found["accuracy"] == pytest.approx(1 / 3) and found["one_off_accuracy"] == pytest.approx(2 / 3)
    assert found["correlation"] == pytest.approx(1.0, abs=1e-6)
    assert "correlation" not in runs.measures(torch.zeros(3, 8), crowd, "age")  # all answered alike
    years = 50 * nn.functional.one_hot(torch.tensor([1, 7, 9]), 101).float()
    assert runs.measures(years, crowd, "years")["mae"] == (pytest.approx((0.5 + 2.5 + 0.5) / 3), "years")


def test_another_set_is_judged_in_its_own_groups_by_the_mean_of_all_networks() -> None:
    """38-43 and 48-53 are one group there; two unsure networks are overruled by a sure one."""
    crowd = faces([40.0, 66.0])
    assert [IMAGES_OF_GROUPS[g].name for g in (5, 6)] == ["37-65", "66+"]
    sure = torch.log(torch.tensor([[0.01] * 6 + [0.94, 0.0] for _ in range(2)]) + 1e-9)  # 48-53, so 37-65
    unsure = torch.log(torch.tensor([[0.3] + [0.1] * 7] * 2))
    together = dict((name, value) for name, value, _ in details.cross([sure, unsure, unsure], crowd, "age"))
    assert together == {"accuracy": 0.5, "one_off_accuracy": 1.0}
    assert dict((name, value) for name, value, _ in details.cross([unsure], crowd, "age"))["accuracy"] == 0.0


# ---------------------------------------------------------------- tables


def rows_of(cell: Cell, metric: str, values: list[float], unit: str = "fraction") -> list[results.Row]:
    """One row a seed."""
    experiment = details.EXPERIMENT if isinstance(cell, Detail) else runs.EXPERIMENT
    return [
        results.Run(experiment, as_json(cell), cell.dataset, seed, "test", "cpu").row(
            metric, value, unit, "test", "last", 1
        )
        for seed, value in enumerate(values)
    ]


def test_design_table_averages_over_the_other_choices() -> None:
    """Each line by hand; the small view and the fixed design on their own."""
    cells = grids.design_cells(grids.Config(), dict.fromkeys(("low", "glimpse", "add"), 0.1))
    rows = [row for n, cell in enumerate(cells) for row in rows_of(cell, "accuracy", [n / 100, n / 100])]
    shown = tables.design_table(results.frame(rows))
    ours = shown["ours, generated faces (%)"].str.split(" ").str[0].astype(float)
    table = dict(zip(shown["in the thesis"].where(shown["in the thesis"] != "", shown["here"]), ours))
    number = {cell: n for n, cell in enumerate(cells)}
    main = [cell for cell in cells if cell.network == "glimpse" and cell.choice == "top" and cell.depth == 2]
    assert len(main) == 12
    for field, value, key in (
        ("weighting", "none", "attention-mode/no-grid"),
        ("shared", False, "weight-sharing/no"),
        ("merge", "concat", "merge-mode/concat"),
    ):
        mine = [number[cell] for cell in main if getattr(cell, field) == value]
        assert table[published("T3.5").loc[f"t3.5/{key}", "row"]] == pytest.approx(np.mean(mine), abs=0.01)
    assert table["fixed design, k = 4, pool3"] == 14  # of the smoke profile
    assert table["fixed design, k = 4, pool2, cells drawn in training"] == 13
    printed = published("T3.5")["value"]
    for key, line in zip(grids.table_3_5(2), shown.to_dict("records")):
        assert line["printed, Adience (%)"] == f"{printed[key]:.2f}" and line["here"]
    assert (tables.design_table(NONE)["ours, generated faces (%)"] == "not run").all()


def test_best_cells_are_those_with_the_highest_mean() -> None:
    """Their gain is over the smallest view alone, paired by seed."""
    rows = rows_of(Cell(network="low"), "accuracy", [0.3, 0.5]) + rows_of(
        Cell(network="low", low_size=32), "accuracy", [0.6, 0.6]
    )
    rows += rows_of(Cell(grid=4, patches=2), "accuracy", [0.5, 0.7]) + rows_of(Cell(), "accuracy", [0.9, 0.2])
    shown = tables.best_cells(results.frame(rows))
    assert shown["ours, generated faces"].tolist() == ["4", "2", "12.5", "20.0 ± 0.0"]
    assert shown["printed, Adience"].tolist() == ["16", "5", "2", "2.4 (by Table 3.6: 4.0)"]
    assert set(tables.best_cells(NONE)["ours, generated faces"]) == {"not run"}


def test_speed_is_shown_in_words() -> None:
    """As the benchmark wrote it; columns without lines where it has not been run."""
    line = {"group": "small", "variant": "small view alone", "step": "training", "batch": 16, "seconds_a_step": 0.01}
    line |= {"ratio": 0.1, "macs_ratio": 0.06, "macs": 9, "device": "cpu"}
    shown = tables.speed_table(pd.DataFrame([line]), "small")
    assert shown.iloc[0].tolist() == ["small view alone", "training", 16, 0.01, 0.1, 0.06]
    assert tables.speed_table(pd.DataFrame([line]), "vgg16").empty
    assert tables.speed_table(pd.DataFrame(), "small").columns.tolist() == shown.columns.tolist()


def test_cost_table_is_sorted_by_what_is_computed() -> None:
    """With k and n of glimpses, and the side of a single view."""
    low, glimpse, high = Cell(network="low"), Cell(), Cell(network="high")
    rows = [row for cell in (high, glimpse, low) for row in rows_of(cell, "accuracy", [0.5, 0.7])]
    table = tables.cost_table(results.frame(rows))
    assert table["network"].tolist() == ["small view alone", "with glimpses", "whole large image"]
    assert table["MMAC"].tolist() == [round(grids.macs(cell) / 1e6, 1) for cell in (low, glimpse, high)]
    assert table.loc[1, ["k", "n", "seeds"]].tolist() == ["8", "5", 2] and table.loc[0, "k"] == ""
    assert tables.cost_table(NONE).empty and list(tables.cost_table(NONE).columns) == list(table.columns)


def test_printed_numbers_stand_beside_folds_years_and_another_population() -> None:
    """In percent or years, "not run" without rows."""
    age = [row for kind in ("low", "glimpse") for row in rows_of(Cell(network=kind, folds=5), "accuracy", [0.4, 0.6])]
    beside = tables.folds_beside(results.frame(age), NONE)
    ours = beside["ours, generated faces (%)"].tolist()
    assert ours[::3] == [ours[0]] * 2 and ours[0].startswith("50.00 ±")
    assert beside["folds"].tolist() == [2, 0, 0, 2, 0, 0]
    assert beside["printed, Adience (%)"].tolist()[::5] == ["57.8 ± 4.9", "93.0 ± 1.8"]
    assert beside["named right"].tolist() == ["age group", "age group, one off at most", "gender"] * 2
    years = rows_of(Cell(labels="years"), "mae", [5.0], "years")
    assert tables.years_table(results.frame(years))["ours, generated faces (years)"].tolist() == ["not run", "5.00"]
    alone = detail(Cell(folds=5), "cross", tested="b")
    together = detail(Cell(folds=5), "cross", tested="b", members=(0, 1))
    both = rows_of(alone, "accuracy", [0.2, 0.4]) + rows_of(together, "accuracy", [0.5])
    table = tables.cross_table(results.frame(both)).set_index("named right")
    assert table["printed, Images of Groups (%)"].tolist() == ["60.0", "94.5", "86.9"]
    assert table.loc["age group", "ours, generated faces, one network (%)"].startswith("30.00 ±")
    assert table.loc["age group", "ours, generated faces, mean of the folds (%)"] == "50.00"
    assert table.loc["gender"].iloc[1] == "not run"
    assert len(tables.cross_table(NONE)) == 3


def test_fairness_sums_people_over_runs() -> None:
    """Right answers over faces, not means of rates; few faces are left out."""
    cell = detail(Cell(labels="gender"), "people")
    rows = []
    for group, count, right in (
        ("women, 25-32, dark", [8.0, 12.0], [0.5, 1.0]),
        ("men, 60+, light", [4.0, 5.0], [1.0, 1.0]),
    ):
        rows += rows_of(cell, f"faces: {group}", count, "count") + rows_of(cell, f"accuracy: {group}", right)
    table = results.frame(rows)
    counted = groups.of_people(table, "gender").set_index("gender")
    assert counted.loc["women", ["faces", "right"]].tolist() == [20, 16]
    fair = groups.fairness(table, "gender").set_index(["gender", "skin"])
    assert fair.loc[("women", "dark"), "25-32"] == fair.loc[("women", "dark"), "all"] == "80"
    assert fair.loc[("men", "light"), "60+"] == "-"
    by_age = groups.by_age(table).set_index("age group")
    ours, printed = by_age["our accuracy, generated faces (%)"], by_age["printed accuracy, Adience (%)"]
    assert ours["25-32"] == "80.0" and ours["0-2"] == "not run"
    assert printed.astype(float).tolist() == [84.6, 82.2, 89.0, 96.1, 98.2, 98.6, 97.3, 94.2]
    others = by_age["printed accuracy, Images of Groups (%)"]
    assert others["0-2"] == "67.3 (0-2)" and others["38-43"] == others["48-53"] == "98.0 (37-65)"
    assert others["60+"] == "90.6 (66+)"
    assert groups.fairness(table, "age").empty and groups.fairness(NONE, "age").empty
    assert groups.by_age(NONE)["our faces"].sum() == 0


def test_tables_of_looks_stand_beside_a_grid_that_has_not_learned() -> None:
    """In percent; how fixed eyes are at the start does not count."""
    looks, start, even = (detail(Cell(), part) for part in ("looks", "start", "uniform"))
    rows = rows_of(looks, "weight: face", [0.2, 0.3]) + rows_of(looks, "read: face", [0.1, 0.1])
    rows += rows_of(start, "weight: face", [0.15, 0.15]) + rows_of(even, "weight: face", [0.1, 0.1])
    rows += rows_of(start, "constancy", [0.9, 0.9])
    rows += rows_of(looks, "constancy", [0.5, 0.7]) + rows_of(detail(Cell(), "agreement"), "agreement", [0.25])
    (line,) = tables.looks_table(results.frame(rows)).to_dict("records")
    assert line["region"] == "face" and line["weight"].startswith("25.0 ±") and line["read"].startswith("10.0")
    assert line["weight at the start"].startswith("15.0") and line["uniform grid"].startswith("10.0")
    eyes = tables.eyes_table(results.frame(rows))
    assert eyes["network for"].tolist() == ["age", "gender"] and eyes.iloc[0, 3] == "25.0"
    assert eyes.iloc[0, 2].startswith("60.0 ±")
    assert eyes.iloc[1, 1:].tolist() == ["not run"] * 3
    assert tables.looks_table(NONE).empty and tables.eyes_table(NONE).empty


def test_confusion_of_rows_is_their_mean() -> None:
    """Zeros without rows."""
    cell = detail(Cell(), "confusion")
    shares, known = groups.confusion_of(results.frame(rows_of(cell, "confusion: 4-6 as 8-13", [0.2, 0.4])))
    assert shares[1, 2] == pytest.approx(0.3) and shares.sum() == pytest.approx(0.3) and known == list(names(ADIENCE))
    assert not groups.confusion_of(NONE)[0].any()


def test_printed_confusion_is_table_3_7() -> None:
    """True groups in rows, which add up to one but for rounding."""
    shares, known = groups.printed_confusion()
    numbers = published("T3.7")["value"]
    assert known == ["0-2", "4-6", "8-12", "15-20", "25-32", "38-43", "48-53", "+60"]
    assert shares[3, 4] == numbers["t3.7/15-20/25-32"] / 100 and shares[7, 6] == numbers["t3.7/60/48-53"] / 100
    assert shares.sum(1) == pytest.approx(np.ones(8), abs=0.005)


def test_confusions_in_words() -> None:
    """Of the groups that are there: which are right, what the others are taken for, and which are never named."""
    shares = np.array([[0.2, 0.8, 0.0, 0.0], [0.1, 0.9, 0.0, 0.0], [0.0, 0.6, 0.39, 0.01], [0.0, 0.0, 0.0, 0.0]])
    assert groups.confusion_in_words(shares, ["a", "b", "c", "d"]) == (
        "The most frequent answer is right for b. It is b for a and c. Hardly ever named: d."
    )
    assert groups.confusion_in_words(np.eye(2), ["a", "b"]) == "The most frequent answer is right for a and b."
    assert groups.confusion_in_words(1 - np.eye(2), ["a", "b"]) == (
        "The most frequent answer is right for no group. It is b for a; a for b."
    )
    assert groups.confusion_in_words(np.zeros((2, 2)), ["a", "b"]).startswith("Not run")


def test_table_3_2_is_the_printed_one() -> None:
    """Each group of Adience by its bounds, and what the library makes of it."""
    shown = groups.mapping()
    numbers = published("T3.2")
    printed = {key.split("/")[3]: key.split("/")[1] for key in numbers.index if "/adience/" in key}
    assert dict(zip(shown["Adience"], shown["Images of Groups"])) == printed
    translated = to_images_of_groups(torch.arange(8)).tolist()
    assert shown["Images of Groups"].tolist() == [names(IMAGES_OF_GROUPS)[group] for group in translated]


def test_headline_is_read_off_the_rows() -> None:
    """Choices of learning rates do not count."""
    rows = []
    for labels, kind in itertools.product(("age", "gender"), ("low", "glimpse")):
        cell, value = Cell(network=kind, labels=labels), 0.1 * (len(labels) + len(kind))
        rows += rows_of(cell, "correlation" if labels == "age" else "accuracy", [value])
    for metric, value in (("weight_read", 0.4), ("weight: face", 0.6)):
        rows += rows_of(detail(Cell(), "looks"), metric, [value])
    stray = results.Run(runs.EXPERIMENT, as_json(Cell()), "synthetic_faces", grids.CHOICE_SEED, "test", "cpu")
    rows.append(stray.row("correlation", 0.0, "none", "test", "last", 1))
    found = grids.headline(results.frame(rows))
    assert found == pytest.approx(
        {
            "age_correlation_low": 0.6,
            "age_correlation_glimpse": 1.0,
            "gender_accuracy_low": 0.9,
            "gender_accuracy_glimpse": 1.3,
            "age_weight_read": 0.4,
            "age_weight_on_face": 0.6,
        }
    )
