"""The printed numbers of the thesis: the file's schema, its completeness, and arithmetic that a wrong digit breaks."""

import re
from pathlib import Path

import pandas as pd
import pytest

CSV = Path(__file__).parents[2] / "results" / "published.csv"

COLUMNS = [
    "key", "source", "chapter", "row", "column", "dataset", "metric", "value", "deviation", "unit", "ours", "cites",
    "selection", "flag",
]  # fmt: skip
OPTIONAL = ["dataset", "deviation", "cites", "flag"]  # an empty cell means "none" here, and nowhere else

# Numbers printed in the body of each table, counted by hand; a "-" and the labels of rows and columns do not count.
COUNTS = {
    "T2.1": 24, "T2.2": 20, "T2.3": 6, "T2.4": 14, "T2.5": 96, "T2.6": 10,
    "T3.1": 10, "T3.2": 28, "T3.3": 10, "T3.4": 5, "T3.5": 9, "T3.6": 21, "T3.7": 64, "T3.8": 18, "T3.9": 3,
    "T3.10": 15,
    "T4.1": 39, "T4.2": 30, "T4.3": 18, "T4.4": 14,
    "T5.1": 9, "T5.2": 23, "T5.3": 5,
    "T6.1": 23, "T6.2": 24,
}  # fmt: skip
DATASETS = {
    "", "unbc_mcmaster", "ck_plus", "adience", "images_of_groups", "morph_ii", "mnist", "cluttered_mnist", "cifar10",
    "cifar100", "svhn", "stanford_dogs", "stanford_cars", "cub_200_2011", "uec_food_100", "imagenet_2012", "places_205",
}  # fmt: skip
UNITS = {
    "percent", "percent_per_million", "years", "millions", "thousands", "giga", "seconds", "frames", "pixels", "count",
    "ratio", "none",
}  # fmt: skip
METRICS = {
    "error", "accuracy", "one_off_accuracy", "hit_rate", "recall", "precision", "f1", "auc", "mae", "mse", "pcc", "icc",
    "correlation", "confusion", "accuracy_gain", "accuracy_drop", "one_off_accuracy_gain", "relative_error_reduction",
    "accuracy_per_million_parameters", "parameters", "macs", "seconds", "speedup", "count", "class_share",
    "image_share", "pixel_share", "code_share", "label_map", "receptive_field", "widening_factor",
    "batch_size_per_class", "window", "grid", "patches", "attention_depth", "heads", "locality", "strength",
}  # fmt: skip
SELECTIONS = {"last", "best-val", "best-test", "median-of-5", "mean-of-folds", "unstated"}
NOTES = {  # entries of the reference notes: sections "a.7", numbered findings "W-14"
    "3", "3.1", "3.2", "3.3", "3.4", "3.5", "a.5", "a.7", "b.2", "b.3", "c.4", "L-4", "L-5", "L-6", "O-13", "P-5",
    "W-14",
}  # fmt: skip


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Every cell as the text it is in the file."""
    return pd.read_csv(CSV, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def value(table: pd.DataFrame) -> dict[str, float]:
    return dict(zip(table["key"], table["value"].astype(float)))


def rows(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """The body of one printed table; numbers of its caption carry the key part 'caption'."""
    return table[(table["source"] == source) & ~table["key"].str.contains("/caption/")]


# ---------------------------------------------------------------- schema


def test_columns_and_cells(table: pd.DataFrame) -> None:
    assert list(table.columns) == COLUMNS
    assert table.map(lambda cell: cell == cell.strip() and "\n" not in cell).all(axis=None)
    assert (table.drop(columns=OPTIONAL) != "").all(axis=None)
    assert "\r" not in CSV.read_bytes().decode("utf-8")


def test_plain_read_loses_nothing() -> None:
    # pandas takes words such as "None" or "NA" for a missing value unless told otherwise
    plain = pd.read_csv(CSV)
    assert plain.drop(columns=OPTIONAL).notna().all(axis=None)
    assert pd.api.types.is_numeric_dtype(plain["value"])
    assert pd.api.types.is_numeric_dtype(plain["deviation"])
    assert pd.api.types.is_integer_dtype(plain["chapter"])
    assert pd.api.types.is_bool_dtype(plain["ours"])


def test_keys(table: pd.DataFrame) -> None:
    assert table["key"].is_unique
    assert table["key"].str.fullmatch(r"[tfs]\d(\.\d+){1,3}(/[a-z0-9+._-]+)+").all()
    assert (table["key"].str.split("/").str[0].str.upper() == table["source"]).all()
    assert (table["source"].str[1] == table["chapter"]).all()
    assert table["chapter"].astype(int).is_monotonic_increasing


def test_vocabularies(table: pd.DataFrame) -> None:
    for column, allowed in {
        "dataset": DATASETS, "unit": UNITS, "metric": METRICS, "selection": SELECTIONS, "ours": {"true", "false"},
    }.items():  # fmt: skip
        assert set(table[column]) <= allowed, f"{column}: {set(table[column]) - allowed}"
    assert table["value"].str.fullmatch(r"-?\d+(\.\d+)?").all()
    assert table["deviation"].str.fullmatch(r"(\d+(\.\d+)?)?").all()
    assert table["cites"].str.fullmatch(r"\d*").all()
    assert (table.loc[table["ours"] == "true", "cites"] == "").all()


def test_percentages_and_correlations_are_in_range(table: pd.DataFrame) -> None:
    number = table["value"].astype(float)
    assert number[table["unit"] == "percent"].between(0, 100).all()
    assert number[table["metric"].isin(["pcc", "icc", "correlation"])].between(-1, 1).all()


def test_flags_name_a_reference_note(table: pd.DataFrame) -> None:
    flags = table.loc[table["flag"] != "", "flag"]
    assert len(flags) > 0
    for flag in flags:
        sentence, _, entries = flag.rpartition("; ")
        assert len(sentence) > 15 and set(entries.split(", ")) <= NOTES, flag
    assert (table.loc[table["selection"] == "best-test", "flag"] != "").all()


# ---------------------------------------------------------------- completeness


@pytest.mark.parametrize("source", COUNTS)
def test_every_number_of_the_table_is_there(table: pd.DataFrame, source: str) -> None:
    assert len(rows(table, source)) == COUNTS[source]


def test_no_other_table(table: pd.DataFrame) -> None:
    assert len(COUNTS) == 25
    assert set(table.loc[table["source"].str.startswith("T"), "source"]) == set(COUNTS)


# ---------------------------------------------------------------- arithmetic


def test_table_2_5_totals(table: pd.DataFrame, value: dict[str, float]) -> None:
    part = rows(table, "T2.5")
    cell = part["key"].str.split("/", n=2).str[2]
    total = part["value"].astype(int).groupby(cell).sum()
    columns = ["no-pain/correct", "no-pain/total", "pain/correct", "pain/total"]
    assert total[columns].tolist() == [33416, 35251, 5350, 8013]
    frames = total["no-pain/total"] + total["pain/total"]
    assert frames == 43264
    assert round(100 * (total["no-pain/correct"] + total["pain/correct"]) / frames, 2) == 89.60
    true_negative, true_positive = (100 * total[f"{c}/correct"] / total[f"{c}/total"] for c in ("no-pain", "pain"))
    assert (round(true_negative, 1), round(true_positive, 1)) == (94.8, 66.8)
    assert round((true_negative + true_positive) / 2, 1) == 80.8
    assert round(100 * total["no-pain/total"] / frames, 1) == 81.5
    for subject in range(25):
        for label in ("no-pain", "pain"):
            key = f"t2.5/subject-{subject}/{label}"
            assert (f"{key}/total" in value) == (subject != 19)
            assert subject == 19 or value[f"{key}/correct"] <= value[f"{key}/total"]


def test_skew_of_the_pain_frames(value: dict[str, float]) -> None:
    assert round(100 * value["s2.3.1/frames-without-pain"] / value["s2.3.1/frames"], 1) == 82.7  # printed: 83.6
    assert value["s2.3.1/share-without-pain"] + value["s2.3.1/share-with-pain"] == pytest.approx(100)


def test_table_3_2_groups_are_ordered_and_disjoint(table: pd.DataFrame) -> None:
    for name, groups in (("Adience", 8), ("IoG", 7)):
        part = rows(table, "T3.2")
        bounds = part.loc[part["row"].str.startswith(name), "value"].astype(int).tolist()
        assert len(bounds) == 2 * groups - 1  # the oldest group has no upper bound
        assert bounds == sorted(set(bounds))


def test_table_3_7_rows_sum_to_100(table: pd.DataFrame) -> None:
    part = rows(table, "T3.7")
    sums = part["value"].astype(float).groupby(part["row"]).sum()
    assert len(sums) == 8
    assert (sums - 100).abs().max() <= 0.4 + 1e-9  # eight roundings of 0.05


def test_gender_accuracy_is_the_mean_over_the_balanced_age_groups(table: pd.DataFrame, value: dict[str, float]) -> None:
    groups = [v for k, v in value.items() if k.startswith("t3.10/iog/")]
    assert sum(groups) / 7 == pytest.approx(value["t3.8/vgg16+attention/gender"], abs=0.1)


def test_chapter_3_gains(value: dict[str, float]) -> None:
    for cell, key in (("age", "age-gain"), ("1-off", "one-off-gain"), ("gender", "gender-gain")):
        gain = value[f"t3.6/vgg16-faces+attention/{cell}"] - value[f"t3.6/vgg16-faces/{cell}"]
        assert gain == pytest.approx(value[f"s3.6/{key}"])
    before, after = value["t3.9/rothe-122/mae"], value["t3.9/vgg16+attention/mae"]
    assert 100 * (before - after) / before == pytest.approx(value["s3.6/morph-relative"], abs=0.01)  # 4.478


def test_tables_4_1_and_4_2_agree(value: dict[str, float]) -> None:
    same = {
        "resnext-29": "resnext-29", "densenet-190": "densenet-190", "wrn-40-dropout": "wrn-40",
        "wrn-att2-40-dropout": "wrn-att2-40", "warn-28-ad3-aw4-dropout": "warn-28",
        "warn-40-ad3-aw4-dropout": "warn-40",
    }  # fmt: skip
    for left, right in same.items():
        for column in ("gflop", "cifar10", "cifar100"):
            assert value[f"t4.1/{left}/{column}"] == value[f"t4.2/{right}/{column}"]


def test_speedups_are_quotients_of_the_time_column(value: dict[str, float]) -> None:
    networks = ("resnext-29", "densenet-190", "wrn-att2-40", "warn-28", "warn-40")
    seconds = {name: value[f"t4.2/{name}/time"] for name in networks}
    assert int(seconds["densenet-190"] / seconds["warn-28"]) == value["s4.5/speedup-over-densenet"]
    assert round(seconds["resnext-29"] / seconds["warn-28"]) == value["s4.5/speedup-over-resnext"]
    assert round(seconds["densenet-190"] / seconds["warn-40"]) == value["s4.4.3/speedup"]
    assert seconds["wrn-att2-40"] / seconds["warn-28"] < 1.5 < value["s4.2/warn/speedup-over-att2"]


def test_table_4_4_follows_from_table_4_3(value: dict[str, float]) -> None:
    columns = ["dogs", "food", "cars", "gender", "age", "birds"]
    added = {}
    for column in columns:
        base, gain = value[f"t4.3/wrn/{column}"], value[f"t4.3/warn/{column}"] - value[f"t4.3/wrn/{column}"]
        assert round(base / 68.88324, 1) == value[f"t4.4/wrn/{column}"]  # WRN-50-2 with its ImageNet head, in millions
        # added parameters in millions that the printed digits allow: each accuracy +-0.05, each quotient +-0.05
        quotient = value[f"t4.4/warn/{column}"]
        added[column] = ((gain - 0.1) / (quotient + 0.05), (gain + 0.1) / (quotient - 0.05))
    five = [added[column] for column in columns if column != "age"]
    assert (max(low for low, _ in five), min(high for _, high in five)) == pytest.approx((0.471, 0.496), abs=5e-4)
    assert added["age"] == pytest.approx((0.543, 0.608), abs=5e-4)
    for row in ("wrn", "warn"):
        mean = sum(value[f"t4.4/{row}/{column}"] for column in columns) / 6
        assert round(mean, 1) == value[f"t4.4/{row}/average"]
    assert value["t4.3/warn/birds"] - value["t4.3/wrn/birds"] == pytest.approx(value["s4.4.4/cub/warn-gain"])


def test_table_5_2_relative_gains(value: dict[str, float]) -> None:
    for dataset, exact in (("cifar10", 5.14), ("cifar100", 1.54)):
        before, after = value[f"t5.2/wrn-28-10/{dataset}"], value[f"t5.2/wrn-28-10+orthoreg/{dataset}"]
        gain = 100 * (before - after) / before
        assert round(gain, 2) == exact
        assert round(gain, 1) == value[f"s5.3.2/relative-gain/{dataset}"]


def test_orthoreg_lowers_every_error_of_table_5_1(value: dict[str, float]) -> None:
    for column in ("base", "base+dropout", "base+lsuv"):
        none, conv, full = (value[f"t5.1/{row}/{column}"] for row in ("none", "conv", "all"))
        assert none > conv >= full


def test_table_6_1_one_hot_scales_with_its_bits(value: dict[str, float]) -> None:
    assert 0.66 * value["t6.1/one-hot/none/100"] == pytest.approx(value["t6.1/one-hot/none/66"], abs=0.1)


def test_table_6_2_signs(table: pd.DataFrame) -> None:
    part = rows(table, "T6.2")
    assert ((part["value"].astype(float) > 0) == part["key"].str.endswith("/positive")).all()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("s2.2.2/regression/accuracy", "t2.2/align/unbalanced/accuracy"),
        ("t2.2/align+crop/unbalanced/auc", "t2.3/align+crop/auc"),
        ("t2.2/align+front+aug/unbalanced/auc", "t2.3/align+front+aug/auc"),
        ("t2.2/align+crop+lstm/unbalanced/auc", "t2.3/align+crop+lstm-fc7/auc"),
        ("s2.4/lstm/auc", "t2.3/align+crop+lstm-fc6/auc"),
        ("s2.4/ck-plus/accuracy", "t2.6/align+crop+lstm/accuracy"),
        ("s2.4/ck-plus/zhao-90", "t2.6/zhao-90/accuracy"),
        ("t3.1/rothe-122-dex-imdb/age", "t3.6/rothe-122-dex-imdb/age"),
        ("t3.1/ozbulak-121/gender", "s3.6/adience-gender/ozbulak-121"),
        ("t3.3/141/age", "t3.8/bekhouche-141/age"),
        ("t3.4/rothe-150/mae", "t3.9/rothe-150/mae"),
        ("s3.6/iog-gender", "t3.8/vgg16+attention/gender"),
        ("t3.6/vgg16-faces+attention/gender", "t4.3/sota/gender"),
        ("s4.2/warn/cifar10", "t4.1/warn-28-ad3-aw4-dropout/cifar10"),
        ("s4.4.3/warn/cifar100", "t4.1/warn-40-ad3-aw4-dropout/cifar100"),
        ("s5.3.2/wrn-28-10/cifar100", "t5.2/wrn-28-10/cifar100"),
        ("t4.1/wrn-28-dropout/cifar10", "t5.2/wrn-28-10/cifar10"),
        ("s5.3.2/resnet-110/cifar10", "t5.2/elu/cifar10"),  # the slip that finding O-13 describes
        ("s5.3.3/wrn-28-4+orthoreg/svhn", "t5.3/wrn-28-4+orthoreg/svhn"),
        ("t6.1/caption/data-based", "t6.1/data-dependent/none/99"),
        ("t6.2/caption/first-bit", "t6.2/data-dependent/1/positive"),
    ],
)
def test_a_number_printed_twice_is_the_same(value: dict[str, float], left: str, right: str) -> None:
    assert value[left] == value[right]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("t2.1/zhou-63/pcc", "t2.4/zhou-63/pcc"),
        ("t3.1/eidinger-107/gender", "t3.6/eidinger-107/gender"),
        ("s5.3.2/resnet-110/cifar10", "t5.2/resnet-110/cifar10"),
        ("s3.5/pretraining-images", "t3.6/caption/pretraining-images"),
    ],
)
def test_a_number_printed_in_two_ways_is_flagged(table: pd.DataFrame, left: str, right: str) -> None:
    pair = table[table["key"].isin([left, right])]
    assert pair["value"].nunique() == 2 and (pair["flag"] != "").all()


def test_bracket_numbers_of_the_row_label_are_cited(table: pd.DataFrame) -> None:
    part = table[table["source"].str.startswith("T") & (table["ours"] == "false")]
    first = part["row"].map(lambda label: next(iter(re.findall(r"\[(\d+)\]", label)), None))
    assert (first.isna() | (first == part["cites"])).all()
