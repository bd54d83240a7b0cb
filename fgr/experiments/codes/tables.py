"""Chapter 6's tables from its rows."""

import pandas as pd

from fgr.experiments.benchmarks import renamed
from fgr.experiments.codes.bits import PRINTED, printed_strength
from fgr.experiments.codes.grids import REAL, last_errors, table_6_1
from fgr.results.published import as_text, beside, measured, published
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


def accuracy_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return Table 6.1: printed accuracies on CIFAR-100 beside ours on birds, 100 classes each.

    Our rows hold errors; what they lack of 100 % is the accuracy that the thesis prints.
    """
    errors = rows[rows["metric"] == "error"]
    right = errors.assign(metric="accuracy", value=1 - errors["value"])
    cells = table_6_1(100)
    table = beside("T6.1", right, cells, metric="accuracy")
    which = pd.DataFrame(
        [(cell["code"], cell.get("threshold", "none"), cell["length"]) for cell in cells.values()],
        columns=["code", "threshold", "bits"],
    )
    heads = {
        "printed": "printed accuracy, CIFAR-100 (%)",
        "ours (last)": "our accuracy, birds (%)",
        "ours (best-test)": "our accuracy at the best epoch by test (%)",
    }
    return pd.concat([which, table.drop(columns=["row", "column"])], axis=1).rename(columns=heads)


def quarter(rows: pd.DataFrame) -> str:
    """Say with which share of the bits data-based codes match one-hot, as Fig. 6.3 prints it, and what ours do."""
    share = published("F6.3").loc["f6.3/data-based/code-share", "value"]
    printed = f"Printed, on CUB-200: data-based codes match one-hot with {share:g} % of the bits."
    if rows.empty:
        return f"{printed} Ours: not run yet."
    table = with_config(rows)
    classes = int(table["num_classes"].iloc[0])
    bits = round(share / 100 * classes)
    right = {}
    for code, length in (("spectral", bits), ("gaussian", bits), ("one_hot", classes)):
        error = measured(rows, "error", "test", "last", code=code, length=length)
        right[code] = as_text(
            error and error._replace(mean=100 - error.mean, low=100 - error.high, high=100 - error.low)
        )
    return (
        f"{printed} Ours, on birds of {classes} species: an accuracy of {right['spectral']} % with {bits} data-based "
        f"bits, {right['gaussian']} % with {bits} random ones, and {right['one_hot']} % with all {classes} of one-hot."
    )


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
    """Return how strongly the first bits of each code follow attributes, beside chance and the printed numbers.

    Means over the seeds of the mean over the bits of the strongest correlation, and of its p-value.
    """
    columns = ["code", "ours, birds", "ours, shuffled", "p-value", "printed, CUB-200"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    wide = with_config(rows).pivot_table(index="code", columns="metric", values="value")
    wide = wide[["correlation", "chance_correlation", "p_value"]].reset_index()
    wide["printed"] = [printed_strength(code) if code in PRINTED else float("nan") for code in wide["code"]]
    return wide.set_axis(columns, axis=1).round({name: 2 for name in columns if "p-" not in name})


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

    def where(column: str) -> str:
        dear = table["classes"][table[column] >= 1]
        cheap = table["classes"][table["classes"] > (dear.max() if len(dear) else 0)]
        if not len(cheap):
            return "at none of the sizes measured"
        return f"from {cheap.min():,} classes on" if len(dear) else "at every size measured"

    places = {where(name) for name in ("step (x)", "step memory (x)", "prediction (x)", "prediction memory (x)")}
    if len(places) == 1:
        return (
            f"With codes, a training step and a prediction take less time and memory than with one-hot {places.pop()}."
        )
    return (
        f"With codes, a training step takes less time than with one-hot {where('step (x)')}, and less memory "
        f"{where('step memory (x)')}; a prediction takes less time {where('prediction (x)')}, and less memory "
        f"{where('prediction memory (x)')}."
    )


def layers_table(benchmark: pd.DataFrame) -> pd.DataFrame:
    """Return time and memory of the last layer as measured: a line a size, task and layer."""
    named = {
        "classes": "classes",
        "task": "task",
        "variant": "layer",
        "length": "bits",
        "seconds": "seconds",
        "peak_mb": "memory at its peak (MB)",
        "trained_values": "trained values",
    }
    table = renamed(benchmark, named)
    return table[table["task"] != "build"]


def making_table(benchmark: pd.DataFrame) -> pd.DataFrame:
    """Return what making the words costs, and how near the nearest two of them lie: a line a size and kind of code."""
    named = {
        "classes": "classes",
        "variant": "code",
        "length": "bits",
        "seconds": "seconds",
        "peak_mb": "memory at its peak (MB)",
        "nearest": "distance of the nearest two words",
    }
    table = renamed(benchmark, {"task": "task", **named})
    return table[table["task"] == "build"].drop(columns="task")


def near_zero_table(benchmark: pd.DataFrame) -> pd.DataFrame:
    """Return the share of the last layer's gradient that is near zero, in percent: a line a size, a column a layer."""
    columns = ["classes", "one-hot", "code"]
    if benchmark.empty:
        return pd.DataFrame(columns=columns)
    steps = benchmark[benchmark["task"] == "step"]
    wide = 100 * steps.pivot_table(index="classes", columns="variant", values="near_zero")
    return wide.reset_index()[columns].rename_axis(columns=None).round(1)
