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


def cost_table(benchmark: pd.DataFrame) -> pd.DataFrame:
    """Return time and memory of codes as multiples of the one-hot layer's, from benchmarks/output_codes.py."""
    names = ["classes", "bits", "layer", "step (x)", "step memory (x)", "prediction (x)", "prediction memory (x)"]
    if benchmark.empty:
        return pd.DataFrame(columns=names)
    layers = benchmark[benchmark["task"] != "build"].set_index(["classes", "variant", "task"]).sort_index()
    lines = []
    for classes in layers.index.unique("classes"):
        plain = layers.loc[classes, "one-hot"]
        for variant in (name for name in layers.loc[classes].index.unique("variant") if name != "one-hot"):
            code = layers.loc[classes, variant]
            ratios = code[["seconds", "peak_mb"]] / plain[["seconds", "peak_mb"]]
            lines.append([classes, code["length"].iloc[0], variant, *ratios.loc["step"], *ratios.loc["predict"]])
    return pd.DataFrame(lines, columns=names).round(2)


def pays(benchmark: pd.DataFrame) -> str:
    """Say from how many classes on codes take less time and memory than one-hot, in words."""
    table = cost_table(benchmark)
    if table.empty:
        return "Not measured yet: `python benchmarks/output_codes.py --out benchmarks/output_codes.csv`."
    table = table[table["layer"] == "code"]
    words = []
    for column, what in (
        ("step (x)", "time of a training step"),
        ("step memory (x)", "memory of a training step"),
        ("prediction (x)", "time of a prediction"),
        ("prediction memory (x)", "memory of a prediction"),
    ):
        dear = table["classes"][table[column] >= 1]
        cheap = table["classes"][table["classes"] > (dear.max() if len(dear) else 0)]
        words.append(f"{what}: {f'from {cheap.min():,} classes on' if len(cheap) else 'at none of these sizes'}")
    return "Codes cost less than one-hot, of the sizes measured, in " + "; ".join(words) + "."
