"""Chapter 2's tables: ours beside the printed ones, and what the printed ones add up to."""

import numpy as np
import pandas as pd

from fgr.experiments.pain.cells import COUNTED, JUDGES
from fgr.experiments.pain.looking import PLACES, Looks
from fgr.results.published import as_text, beside, published
from fgr.results.rows import with_config
from fgr.results.statistics import Interval, interval

VARIANT_NAMES = {
    "raw": "whole frame",
    "align": "aligned, masked",
    "frontal_all": "frontal, all landmarks",
    "frontal": "frontal, fewer landmarks",
    "frontal_deformed": "frontal, mirrored and deformed",
    "crop": "aligned crop",
}
APART_NAMES = {"frame": "frames", "sequence": "videos", "subject": "subjects"}
RATE_NAMES = {"auc": "AUC (%)", "accuracy": "accuracy (%)"}
FIELD_NAMES = {
    "variant": "preparation",
    "apart": "kept apart",
    "mean": "mean subtracted",
    "pretraining": "pretrained on",
}
JUDGE_NAMES = {"cnn": "CNN", "lstm_fc7": "LSTM on fc7", "lstm_fc6": "LSTM on fc6"}
ROWS = {  # of Table 2.2 -> the fields of our cell
    "align": {"variant": "align", "judge": "cnn"},
    "align+front": {"variant": "frontal", "judge": "cnn"},
    "align+front+aug": {"variant": "frontal_deformed", "judge": "cnn"},
    "align+crop": {"variant": "crop", "judge": "cnn"},
    "align+crop+lstm": {"variant": "crop", "judge": "lstm_fc6"},
}
COLUMNS = {
    "normalized/accuracy": "accuracy_normalized",
    "normalized/auc": "auc_normalized",
    "unbalanced/accuracy": "accuracy",
    "unbalanced/auc": "auc",
}
COMPARED = (  # over subjects: (name, fields of ours, fields of the other)
    ("LSTM on fc6 - CNN", ROWS["align+crop+lstm"], ROWS["align+crop"]),
    ("LSTM on fc6 - on fc7", ROWS["align+crop+lstm"], {"variant": "crop", "judge": "lstm_fc7"}),
    ("aligned crop - frontal, deformed", ROWS["align+crop"], ROWS["align+front+aug"]),
)


def table_2_2(variants: pd.DataFrame, main: pd.DataFrame) -> pd.DataFrame:
    """Return Table 2.2 beside ours: every preparation in subject-exclusive folds, the main ones leaving one out."""
    parts = []
    for column, metric in COLUMNS.items():
        cells = {f"t2.2/{row}/{column}": fields for row, fields in ROWS.items()}
        ours = [
            beside("T2.2", rows, cells, metric, selections=("last",)).rename(columns={"ours (last)": name})
            for rows, name in ((variants, "ours, five folds"), (main, "ours, one subject out"))
        ]
        parts.append(ours[0].drop(columns="seeds").assign(**{"ours, one subject out": ours[1].iloc[:, -2]}))
    return pd.concat(parts, ignore_index=True)


def table_2_3(main: pd.DataFrame) -> pd.DataFrame:
    """Return Table 2.3 beside ours: AUC of all frames together, and its mean and interval over subjects."""
    cells = {
        "t2.3/align+crop/auc": ROWS["align+crop"],
        "t2.3/align+front+aug/auc": ROWS["align+front+aug"],
        "t2.3/align+crop+lstm-fc7/auc": {"variant": "crop", "judge": "lstm_fc7"},
        "t2.3/align+crop+lstm-fc6/auc": ROWS["align+crop+lstm"],
    }
    table = beside("T2.3", main, cells, "auc", selections=("last",)).rename(columns={"ours (last)": "ours"})
    subjects = [subject_auc(main, fields) for fields in cells.values()]
    table["mean of subjects"] = [as_text(interval((100 * auc).tolist()) if len(auc) else None, 1) for auc in subjects]
    return table


def table_2_4(main: pd.DataFrame) -> pd.DataFrame:
    """Return Table 2.4: its last row as printed, and ours for the CNN and for LSTMs on fc6 and fc7."""
    metrics = ("mae", "mse", "pcc", "icc")
    numbers = published("T2.4")
    printed = [f"{numbers.loc[f't2.4/align+crop+lstm/{name}', 'value']:g}" for name in metrics]
    lines = [["printed: aligned crop, LSTM", *printed]]
    table = with_config(main) if len(main) else main
    for judge in JUDGES:
        line = [f"ours: aligned crop, {JUDGE_NAMES[judge]}"]
        for name in metrics:
            mine = table[(table["judge"] == judge) & (table["variant"] == "crop")] if len(table) else table
            values = mine[mine["metric"] == name].groupby("seed")["value"].mean()
            line.append(as_text(interval(values.tolist()) if len(values) else None))
        lines.append(line)
    return pd.DataFrame(lines, columns=["", "MAE", "MSE", "PCC", "ICC(3,1)"])


def table_2_5(main: pd.DataFrame) -> pd.DataFrame:
    """Return the counts of Table 2.5 for every subject, means over the seeds; empty without rows."""
    columns = ["subject", "no pain, correct", "no pain", "pain, correct", "pain"]
    if main.empty:
        return pd.DataFrame(columns=columns)
    table = with_config(main)
    table = table[(table["judge"] == COUNTED) & (table["variant"] == "crop") & (table["unit"] == "count")]
    parts = table["metric"].str.extract(r"subject_(\d+)_(\w+)")
    table = table.assign(subject=parts[0].astype(int), what=parts[1])
    wide = table.pivot_table(index="subject", columns="what", values="value").reset_index()
    wide = wide[["subject", "negative_correct", "negative", "positive_correct", "positive"]].rename_axis(columns=None)
    return wide.set_axis(columns, axis=1).round(1)


def sums(counts: pd.DataFrame) -> dict[str, float]:
    """Return what counts like those of Table 2.5 add up to: frames, accuracy, both rates, their mean, always "no".

    Rates are fractions.

    Example:
        >>> counts = pd.DataFrame([[0, 8, 10, 1, 2]], columns=table_2_5(pd.DataFrame()).columns)
        >>> sums(counts)["accuracy"], sums(counts)["balanced accuracy"]
        (0.75, 0.65)
    """
    _, right_no, no, right_yes, yes = counts.sum().tolist()
    return {
        "subjects": len(counts),
        "frames": no + yes,
        "accuracy": (right_no + right_yes) / (no + yes),
        "true negative rate": right_no / no,
        "true positive rate": right_yes / yes,
        "balanced accuracy": (right_no / no + right_yes / yes) / 2,
        "always saying no pain": no / (no + yes),
    }


def printed_2_5() -> pd.DataFrame:
    """Return Table 2.5 as printed, in the columns of `table_2_5`."""
    numbers = published("T2.5")["value"]
    subjects = sorted({int(key.split("/")[1].removeprefix("subject-")) for key in numbers.index if "/subject-" in key})
    kinds = ("no-pain/correct", "no-pain/total", "pain/correct", "pain/total")
    lines = [[s, *(int(numbers[f"t2.5/subject-{s}/{kind}"]) for kind in kinds)] for s in subjects]
    return pd.DataFrame(lines, columns=table_2_5(pd.DataFrame()).columns)


def table_2_6(emotions: pd.DataFrame) -> pd.DataFrame:
    """Return the thesis's own rows of Table 2.6 beside ours: mean accuracy of the folds in percent."""
    cells = {"t2.6/align+crop/accuracy": {"judge": "cnn"}, "t2.6/align+crop+lstm/accuracy": {"judge": "lstm_fc6"}}
    table = beside("T2.6", emotions, cells, "accuracy_of_folds", selections=("last",))
    return table.rename(columns={"ours (last)": "ours"})


def confusion(emotions: pd.DataFrame, classes: int, judge: str = "lstm_fc6") -> np.ndarray:
    """Return the counts (L, L) of the emotion runs, summed over the seeds: true in rows; zeros without rows."""
    found = np.zeros((classes, classes))
    if len(emotions):
        table = with_config(emotions)
        table = table[(table["judge"] == judge) & table["metric"].str.startswith("confusion_")]
        for name, value in zip(table["metric"], table["value"]):
            true, predicted = map(int, name.split("_")[1:])
            found[true, predicted] += value
    return found


def subject_auc(main: pd.DataFrame, fields: dict[str, object]) -> pd.Series:
    """Return the AUC of every subject who shows both pain and none, mean over the seeds, of the runs with `fields`."""
    if main.empty:
        return pd.Series(dtype=float)
    table = with_config(main)
    for name, value in fields.items():
        table = table[table[name] == value]
    table = table[table["metric"].str.fullmatch(r"subject_\d+_auc")]
    return table.groupby("metric")["value"].mean()


def over_subjects(main: pd.DataFrame) -> pd.DataFrame:
    """Return differences of AUC in points, paired by subject: mean and 95% interval over subjects."""
    lines = []
    for name, ours, other in COMPARED:
        difference = (subject_auc(main, ours) - subject_auc(main, other)).dropna()
        found: Interval | None = interval((100 * difference).tolist()) if len(difference) else None
        lines.append([name, as_text(found, 1), found.n if found else 0])
    return pd.DataFrame(lines, columns=["difference of AUC (points)", "mean over subjects", "subjects"])


def rates(rows: pd.DataFrame, by: list[str], metrics: tuple[str, ...] = ("auc", "accuracy")) -> pd.DataFrame:
    """Return rates in percent, mean and half-width over the seeds, one line a value of `by`; empty without rows."""
    table = with_config(rows) if len(rows) else pd.DataFrame(columns=by)
    lines = []
    for key, part in table.groupby(by, sort=False):
        values = [100 * part[part["metric"] == name].groupby("seed")["value"].mean() for name in metrics]
        lines.append([*key, *(as_text(interval(value.tolist()) if len(value) else None, 1) for value in values)])
    named = pd.DataFrame(lines, columns=[*by, *(RATE_NAMES[name] for name in metrics)])
    return named.replace({"variant": VARIANT_NAMES, "apart": APART_NAMES}).rename(columns=FIELD_NAMES)


def live(rows: pd.DataFrame) -> pd.DataFrame:
    """Return AUC, balanced accuracy (percent) and correlation of the live runs, one line a run."""
    table = with_config(rows)
    lines = []
    for (variant, judge, apart), part in table.groupby(["variant", "judge", "apart"], sort=False):
        values = part.groupby("metric")["value"].mean()
        names = VARIANT_NAMES[variant], JUDGE_NAMES[judge], APART_NAMES[apart]
        rate = [f"{100 * values[name]:.1f}" for name in ("auc", "accuracy_normalized")]
        lines.append([*names, *rate, f"{values.get('pcc', np.nan):.2f}"])
    columns = ["preparation", "judge", "kept apart", "AUC (%)", "balanced accuracy (%)", "PCC"]
    return pd.DataFrame(lines, columns=columns)


def places(looks: Looks) -> pd.DataFrame:
    """Return the share of saliency on face, active muscles and the rest, beside that of an even map, in percent."""
    lines = [
        [name, *(f"{100 * value:.1f}" for value in mean.tolist())]
        for name, mean in zip(("saliency", "even"), looks.means())
    ]
    return pd.DataFrame(lines, columns=["map, live", *(f"{place} (%)" for place in PLACES)])


def recorded_places(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the same of recorded runs, by preparation, with 95% half-widths over the seeds; empty without rows."""
    columns = ["map, recorded", "preparation", *(f"{place} (%)" for place in PLACES)]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    lines = []
    for (kind, variant), part in with_config(rows).groupby(["map", "variant"], sort=False):
        values = [part[part["metric"] == place]["value"] for place in PLACES]
        lines.append(
            [kind, VARIANT_NAMES[variant], *(as_text(interval((100 * value).tolist()), 1) for value in values)]
        )
    return pd.DataFrame(lines, columns=columns)


def printed(source: str) -> pd.DataFrame:
    """Return a table of the thesis as printed, one number a line."""
    numbers = published(source)[["row", "column", "value", "unit"]].reset_index(drop=True)
    return numbers.assign(
        value=numbers["value"].map("{:g}".format), unit=numbers["unit"].replace({"percent": "%", "none": ""})
    )
