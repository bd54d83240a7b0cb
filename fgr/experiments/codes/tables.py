"""Chapter 6's tables from its rows."""

import pandas as pd

from fgr.experiments.codes.grids import REAL, last_errors
from fgr.results.published import as_text, measured
from fgr.results.rows import with_config
from fgr.results.statistics import interval


def error_table(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Return test errors at the last epoch in percent, mean and 95% interval over the seeds, one row a cell."""
    columns = [*by, "test error (%)", "interval", "seeds"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    lines = []
    for key, values in last_errors(rows, by).iterrows():
        of = interval((100 * values.dropna()).tolist())
        names = key if isinstance(key, tuple) else (key,)
        lines.append((*names, round(of.mean, 2), f"{of.low:.2f} to {of.high:.2f}" if of.n > 1 else "", of.n))
    return pd.DataFrame(lines, columns=columns).sort_values("test error (%)")


def rates_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the validation error in percent, mean over the epochs, by code and learning rate, of the runs that chose.

    Of the chapter's own birds and features; one line a code and batch size.
    """
    columns = ["code", "batch size"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    table = with_config(rows)
    table = table[(table.metric == "error") & (table.split == "validation") & (table.selection == "epoch")]
    table = table[(table["dataset"] == "synthetic_birds") & (table["network"] == "face_cnn")]
    wide = 100 * table.pivot_table(index=["code", "batch_size"], columns="lr", values="value")
    lines = wide.round(1).reset_index().rename_axis(columns=None)
    return lines.set_axis([*columns, *(f"rate {rate:g}" for rate in wide.columns)], axis=1)


def real_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return test errors in percent on features of the ImageNet network: at the end, and mean over the epochs."""
    lines = []
    for dataset in REAL:
        for code in ("one_hot", "gaussian", "spectral"):
            chosen = {"dataset": dataset, "code": code}
            last = measured(rows, "error", "test", "last", **chosen)
            mean = measured(rows, "mean_error", "test", "none", **chosen)
            lines.append([dataset, code, as_text(last), as_text(mean), last.n if last else 0])
    return pd.DataFrame(lines, columns=["images", "code", "at the end (%)", "mean over the epochs (%)", "seeds"])


def words_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how many different words codes have that leave some classes with equal ones; mean over the seeds."""
    columns = ["code", "threshold", "bits", "classes", "different words"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    table = with_config(rows)
    table = table[table.metric == "distinct_words"]
    found = table.groupby(["code", "threshold", "length", "num_classes"], as_index=False)["value"].mean()
    found = found[found["value"] < found["num_classes"]]
    return found.set_axis(columns, axis=1).round({"different words": 1})


def meaning_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how strongly the first bits of each code follow attributes, beside chance; means over the seeds."""
    table = with_config(rows)
    wide = table.pivot_table(index="code", columns="metric", values="value").reset_index()
    return wide[["code", "correlation", "chance_correlation", "p_value"]].rename_axis(columns=None)
