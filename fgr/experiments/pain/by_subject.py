"""Chapter 2 subject by subject: Table 2.5 beside ours, what such counts add up to, AUC of each subject."""

import pandas as pd

from fgr.experiments.pain.cells import COUNTED
from fgr.results.published import as_text, published
from fgr.results.rows import with_config
from fgr.results.statistics import Interval, interval

COUNTS = ["subject", "no pain, correct", "no pain", "pain, correct", "pain"]
CROP, FRONTAL = {"variant": "crop", "judge": "cnn"}, {"variant": "frontal_deformed", "judge": "cnn"}
FC6, FC7 = {"variant": "crop", "judge": "lstm_fc6"}, {"variant": "crop", "judge": "lstm_fc7"}
COMPARED = (  # (name, fields of ours, fields of the other)
    ("LSTM on fc6 - CNN", FC6, CROP),
    ("LSTM on fc6 - on fc7", FC6, FC7),
    ("aligned crop - frontal, deformed", CROP, FRONTAL),
)


def table_2_5(main: pd.DataFrame) -> pd.DataFrame:
    """Return the counts of Table 2.5 for every subject, means over the seeds; empty without rows."""
    if main.empty:
        return pd.DataFrame(columns=COUNTS)
    table = with_config(main)
    table = table[(table["judge"] == COUNTED) & (table["variant"] == "crop") & (table["unit"] == "count")]
    parts = table["metric"].str.extract(r"subject_(\d+)_(\w+)")
    table = table.assign(subject=parts[0].astype(int), what=parts[1])
    wide = table.pivot_table(index="subject", columns="what", values="value").reset_index()
    wide = wide[["subject", "negative_correct", "negative", "positive_correct", "positive"]].rename_axis(columns=None)
    return wide.set_axis(COUNTS, axis=1).round(1)


def printed_2_5() -> pd.DataFrame:
    """Return Table 2.5 as printed, in the columns of `table_2_5`."""
    numbers = published("T2.5")["value"]
    subjects = sorted({int(key.split("/")[1].removeprefix("subject-")) for key in numbers.index if "/subject-" in key})
    kinds = ("no-pain/correct", "no-pain/total", "pain/correct", "pain/total")
    lines = [[s, *(int(numbers[f"t2.5/subject-{s}/{kind}"]) for kind in kinds)] for s in subjects]
    return pd.DataFrame(lines, columns=COUNTS)


def table_2_5_beside(main: pd.DataFrame) -> pd.DataFrame:
    """Return printed and our frames judged right, of how many, a line a number of a subject and one for all.

    The numbers name other people on either side; a subject that one side lacks has an empty cell there.
    """
    sides = {"printed, UNBC-McMaster": printed_2_5(), "ours, generated": table_2_5(main)}
    subjects = sorted({subject for counts in sides.values() for subject in counts["subject"].tolist()})
    lines = {subject: {"subject": str(subject)} for subject in [*subjects, "all"]}
    for side, counts in sides.items():
        whole = counts.drop(columns="subject").sum().round(1)
        known = [*counts.set_index("subject").iterrows(), *([("all", whole)] if len(counts) else [])]
        shown = {subject: numbers.tolist() for subject, numbers in known}
        for kind, place in (("no pain", 0), ("pain", 2)):
            for subject, line in lines.items():
                pair = shown[subject][place : place + 2] if subject in shown else []
                line[f"{side}: {kind}"] = " of ".join(f"{value:,.10g}" for value in pair)
    return pd.DataFrame(lines.values())


def sums(counts: pd.DataFrame) -> dict[str, float]:
    """Return what counts like those of Table 2.5 add up to: frames, accuracy, both rates, their mean, always "no".

    Rates are fractions.

    Example:
        >>> counts = pd.DataFrame([[0, 8, 10, 1, 2]], columns=COUNTS)
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
