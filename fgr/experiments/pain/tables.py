"""Chapter 2's tables: ours beside the printed ones; subject by subject they are in `by_subject`."""

import numpy as np
import pandas as pd

from fgr.experiments.pain.by_subject import CROP, FC6, FC7, FRONTAL, subject_auc
from fgr.experiments.pain.cells import JUDGES
from fgr.experiments.pain.looking import PLACES, Looks
from fgr.results.published import as_text, measured, published
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
    "loss": "trained for",
    "mean": "subtracted",
    "pretraining": "pretrained on",
}
VALUE_NAMES = {
    "variant": VARIANT_NAMES,
    "apart": APART_NAMES,
    "loss": {"regression": "the level", "binary": "yes or no"},
    "mean": {"pixel": "the mean face", "global": "one number"},
}
JUDGE_NAMES = {"cnn": "CNN", "lstm_fc7": "LSTM on fc7", "lstm_fc6": "LSTM on fc6"}
MAP_NAMES = {"saliency": "saliency", "even": "an even map"}
ALWAYS = "always “no pain”"
ROWS = {  # of Table 2.2 -> the fields of our cell
    "align": {"variant": "align", "judge": "cnn"},
    "align+front": {"variant": "frontal", "judge": "cnn"},
    "align+front+aug": FRONTAL,
    "align+crop": CROP,
    "align+crop+lstm": FC6,
}
ROWS_2_3 = {  # of Table 2.3 -> the fields of our cell, None for other people's work
    "lucey-36": None,
    "lucey-72": None,
    "align+crop": CROP,
    "align+front+aug": FRONTAL,
    "align+crop+lstm-fc7": FC7,
    "align+crop+lstm-fc6": FC6,
}
ROWS_2_6 = {"align+crop": CROP, "align+crop+lstm": FC6}
PAIN, EMOTION, OURS = "printed, UNBC-McMaster", "printed, CK+", "ours, generated"
METRICS = {"mae": "MAE", "mse": "MSE", "pcc": "PCC", "icc": "ICC(3,1)"}


def table_2_1() -> pd.DataFrame:
    """Return Table 2.1 as printed, one number a line."""
    numbers = published("T2.1")
    numbers = numbers[numbers["metric"] != "image_share"]  # it stands in the words of its rows already
    parts = numbers["row"].str.split(" / ", expand=True).to_numpy().T
    table = pd.DataFrame(dict(zip(("work", "features", "classifier", "all images"), parts)))
    table["all images"] = table["all images"].str.removeprefix("All images: ")
    table["measure"] = numbers["column"].str.removeprefix("Score (").str.removesuffix(")").tolist()
    units = numbers["unit"].replace({"percent": " %", "none": ""})
    return table.assign(printed=(numbers["value"].map("{:g}".format) + units).tolist())


def table_2_2(variants: pd.DataFrame, main: pd.DataFrame, rate: str, frames: str) -> pd.DataFrame:
    """Return one column of Table 2.2 beside ours, in percent.

    Every preparation is in five folds of subjects, the main ones also leave one subject out. The accuracy over all
    frames has one more line: that of always saying "no pain", which UNBC-McMaster's printed numbers of frames give.

    Args:
        rate: "auc" or "accuracy".
        frames: of the test sets: all ("unbalanced"), or as many with pain as without ("normalized").
    """
    numbers, lines = published("T2.2"), []
    known = {(fields["variant"], fields["judge"]): key for key, fields in ROWS.items()}
    metric = f"{rate}_normalized" if frames == "normalized" else rate
    for variant, judge in (*((name, "cnn") for name in VARIANT_NAMES), (FC6["variant"], FC6["judge"])):
        number = numbers.loc[f"t2.2/{known[variant, judge]}/{frames}/{rate}"] if (variant, judge) in known else None
        line = {"here": VARIANT_NAMES[variant] + ("" if judge == "cnn" else f", {JUDGE_NAMES[judge]}")}
        line["in the thesis"] = "" if number is None else number["row"]
        line[f"{PAIN} (%)"] = "" if number is None else f"{number['value']:.1f}"
        for rows, column in ((variants, "five folds"), (main, "one subject out")):
            ours = measured(rows, metric, "test", "last", variant=variant, judge=judge)
            line[f"{OURS}, {column} (%)"] = as_text(ours, 1)
        lines.append(line)
    if metric == "accuracy":
        shares = (printed_no_pain_share(), no_pain_share(variants), no_pain_share(main))
        lines.append(dict(zip(lines[0], (ALWAYS, "", *shares))))
    return pd.DataFrame(lines)


def no_pain_share(rows: pd.DataFrame) -> str:
    """Return in percent the share of test frames without pain: the accuracy of always saying so."""
    share = measured(rows, "no_pain_share", "test", "last")
    return f"{share.mean:.1f}" if share else "not run"


def printed_no_pain_share() -> str:
    """Return the same of UNBC-McMaster, from its printed numbers of frames."""
    counts = published("S2.3.1")["value"]
    return f"{100 * counts['s2.3.1/frames-without-pain'] / counts['s2.3.1/frames']:.1f}"


def table_2_3(main: pd.DataFrame) -> pd.DataFrame:
    """Return Table 2.3 beside ours: AUC of all frames together, and its mean and interval over subjects."""
    numbers, lines = published("T2.3"), []
    for key, fields in ROWS_2_3.items():
        line = {"here": "", **_printed(numbers.loc[f"t2.3/{key}/auc"], PAIN), f"{OURS} (%)": "", "seeds": ""}
        line["mean of subjects (%)"] = ""
        if fields:
            line["here"] = f"{VARIANT_NAMES[fields['variant']]}, {JUDGE_NAMES[fields['judge']]}"
            line |= _ours(measured(main, "auc", "test", "last", **fields))
            subjects = subject_auc(main, fields)
            line["mean of subjects (%)"] = as_text(interval((100 * subjects).tolist()) if len(subjects) else None, 1)
        lines.append(line)
    return pd.DataFrame(lines)


def _printed(number: pd.Series, data: str) -> dict[str, str]:
    return {"in the thesis": number["row"].removesuffix(" (Ours)"), f"{data} (%)": f"{number['value']:.1f}"}


def _ours(found: Interval | None) -> dict[str, object]:
    return {f"{OURS} (%)": as_text(found, 1), "seeds": found.n if found else 0}


def table_2_4(main: pd.DataFrame) -> pd.DataFrame:
    """Return Table 2.4 as printed, and ours for the CNN and for LSTMs on fc6 and fc7."""
    numbers, lines = published("T2.4"), []
    for row, part in numbers.groupby("row", sort=False):
        values = dict(zip(part["metric"], part["value"]))
        lines.append([PAIN, row, *(f"{values[name]:g}" if name in values else "" for name in METRICS)])
    table = with_config(main) if len(main) else main
    for judge in JUDGES:
        line = [OURS, f"{VARIANT_NAMES['crop']}, {JUDGE_NAMES[judge]}"]
        for name in METRICS:
            mine = table[(table["judge"] == judge) & (table["variant"] == "crop")] if len(table) else table
            values = mine[mine["metric"] == name].groupby("seed")["value"].mean()
            line.append(as_text(interval(values.tolist()) if len(values) else None))
        lines.append(line)
    return pd.DataFrame(lines, columns=["whose", "method", *METRICS.values()])


def table_2_6(emotions: pd.DataFrame) -> pd.DataFrame:
    """Return the thesis's own rows of Table 2.6 beside ours: mean accuracy of the folds in percent."""
    numbers, lines = published("T2.6"), []
    for key, fields in ROWS_2_6.items():
        ours = measured(emotions, "accuracy_of_folds", "test", "last", judge=fields["judge"])
        number = numbers.loc[f"t2.6/{key}/accuracy"]
        lines.append({"here": JUDGE_NAMES[fields["judge"]], **_printed(number, EMOTION), **_ours(ours)})
    return pd.DataFrame(lines)


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


def rates(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return rates in percent, mean and half-width over the seeds, one line a value of `by`; empty without rows.

    The last line is that of always saying "no pain", whose AUC is one half whatever the frames.
    """
    table = with_config(rows) if len(rows) else pd.DataFrame(columns=by)
    lines = []
    for key, part in table.groupby(by, sort=False):
        values = [100 * part[part["metric"] == name].groupby("seed")["value"].mean() for name in RATE_NAMES]
        words = [_value_name(name, value) for name, value in zip(by, key)]
        lines.append([*words, *(as_text(interval(value.tolist()) if len(value) else None, 1) for value in values)])
    if lines:
        always = {"auc": "50.0", "accuracy": no_pain_share(rows)}
        lines.append([ALWAYS, *[""] * (len(by) - 1), *(always[name] for name in RATE_NAMES)])
    return pd.DataFrame(
        lines, columns=[*(FIELD_NAMES[name] for name in by), *(RATE_NAMES[name] for name in RATE_NAMES)]
    )


def _value_name(field: str, value: object) -> str:
    if field == "pretraining":
        return f"{value:,} raw faces" if value else "nothing"
    return VALUE_NAMES[field][value]


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


def places(looks: Looks | None) -> pd.DataFrame:
    """Return the share of saliency on face, active muscles and the rest, beside that of an even map, in percent."""
    means = zip(MAP_NAMES.values(), looks.means()) if looks is not None else []
    lines = [[name, *(f"{100 * value:.1f}" for value in mean.tolist())] for name, mean in means]
    return pd.DataFrame(lines, columns=["map", *(f"{place} (%)" for place in PLACES)])


def recorded_places(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the same of recorded runs, by preparation, with 95% half-widths over the seeds; empty without rows."""
    columns = ["map", "preparation", *(f"{place} (%)" for place in PLACES)]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    lines = []
    for (kind, variant), part in with_config(rows).groupby(["map", "variant"], sort=False):
        values = [part[part["metric"] == place]["value"] for place in PLACES]
        shares = (as_text(interval((100 * value).tolist()), 1) for value in values)
        lines.append([MAP_NAMES[kind], VARIANT_NAMES[variant], *shares])
    return pd.DataFrame(lines, columns=columns)
