"""Tables of chapter 3 from its rows: beside the printed numbers, what it costs, and where networks look."""

import pandas as pd

from fgr.experiments.glimpses import grids
from fgr.experiments.glimpses.looking import ASKED
from fgr.experiments.glimpses.runs import Cell
from fgr.glimpse import share_read
from fgr.results.published import as_text, measured, published
from fgr.results.rows import with_config
from fgr.results.statistics import interval

NAMES = {"low": "small view alone", "glimpse": "with glimpses", "high": "whole large image"}
ATTENTION = {"low": "t3.6/vgg16-faces", "glimpse": "t3.6/vgg16-faces+attention"}
COLUMNS = {"age": ("age", "accuracy"), "1-off": ("age", "one_off_accuracy"), "gender": ("gender", "accuracy")}
WORDS = {"age": "age group", "1-off": "age group, one off at most", "gender": "gender"}  # what is named right
CHOICES = {  # key of Table 3.5 -> what it means
    "baseline": "small view alone",
    "attention-mode/no-grid": "all weights are one",
    "attention-mode/project": "weighted sum, Eq. 3.1",
    "attention-mode/eltwise": "element by element, Eq. 3.2",
    "weight-sharing/no": "weights of their own",
    "weight-sharing/yes": "shared first layers",
    "merge-mode/add": "streams added",
    "merge-mode/concat": "streams concatenated",
}
SPEED = {  # column of the benchmark -> its head
    "variant": "network",
    "step": "step",
    "batch": "batch",
    "seconds_a_step": "seconds a step",
    "ratio": "time (x)",
    "macs_ratio": "work (x)",
}
GROUPS = {"small": "Networks of this page", "vgg16": "VGG-16, 224 and 896 pixels"}  # of the benchmark
OURS = "ours, generated faces"


def live_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy and 1-off accuracy in percent of the live networks, means over the seeds."""
    lines = []
    for kind in ("low", "glimpse"):
        line = {"network": NAMES[kind]}
        for column, (labels, metric) in COLUMNS.items():
            ours = measured(rows, metric, "test", "last", network=kind, labels=labels)
            line[f"{WORDS[column]} (%)"] = as_text(ours, 1)
        lines.append(line)
    return pd.DataFrame(lines)


def folds_beside(age: pd.DataFrame, gender: pd.DataFrame) -> pd.DataFrame:
    """Return Table 3.6: our folds of generated faces beside the thesis's folds of Adience; ± is ours by interval."""
    printed, lines = published("T3.6"), []
    for kind, key in ATTENTION.items():
        for column, (labels, metric) in COLUMNS.items():
            number = printed.loc[f"{key}/{column}"]
            ours = measured({"age": age, "gender": gender}[labels], metric, "test", "last", network=kind)
            spread = f"{number['value']:.1f} ± {number['deviation']:g}"
            line = {"network": NAMES[kind], "named right": WORDS[column], "printed, Adience (%)": spread}
            lines.append(line | {f"{OURS} (%)": as_text(ours), "folds": ours.n if ours else 0})
    return pd.DataFrame(lines)


def design_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return every design choice of Table 3.5 beside ours, averaged over all combinations of the other choices.

    Below stand, for the design that the thesis fixed but with our k, a deeper what network and cells drawn by their
    weight in training.
    """
    printed, lines = published("T3.5"), []
    mine = with_config(rows).query("network == 'glimpse'") if len(rows) else rows
    depth = int(mine["depth"].min()) if len(rows) else 2
    for key, fields in grids.table_3_5(depth).items():
        number, ours = printed.loc[key], measured(rows, "accuracy", "test", "last", **fields)
        line = {"here": CHOICES[key.removeprefix("t3.5/")], "in the thesis": number["row"]}
        lines.append(line | {"printed, Adience (%)": f"{number['value']:.2f}", f"{OURS} (%)": as_text(ours)})
    fixed = (
        ", ".join(["fixed design", *(f"k = {k}" for k in sorted(set(mine["grid"])))]) if len(rows) else "fixed design"
    )
    for words, changes in (
        (f"pool{depth}", {}),
        (f"pool{depth + 1}", {"depth": depth + 1}),
        (f"pool{depth}, cells drawn in training", {"choice": "sample"}),
    ):
        fields = grids.FIXED | {"choice": "top", "depth": depth} | changes
        ours = measured(rows, "accuracy", "test", "last", **fields)
        line = {"here": f"{fixed}, {words}", "in the thesis": "", "printed, Adience (%)": ""}
        lines.append(line | {f"{OURS} (%)": as_text(ours)})
    return pd.DataFrame(lines)


def with_cost(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with a column `macs`, multiply-accumulates a face, counted for each configuration."""
    table = with_config(rows)
    fields = [name for name in Cell.__dataclass_fields__ if name in table.columns]
    keys = table.groupby("config").first()[fields]
    cost = {config: grids.macs(Cell(**line.to_dict())) for config, line in keys.iterrows()}
    return table.assign(macs=table["config"].map(cost))


def cost_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy beside what each network reads and computes, the cheapest first."""
    columns = ["network", "k", "n", "view (pixels)", "MMAC", "accuracy (%)", "seeds"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    table = with_cost(rows)
    table = table[(table.metric == "accuracy") & (table.split == "test")]
    lines = []
    for (cost, kind, k, n, side), part in table.groupby(["macs", "network", "grid", "patches", "low_size"]):
        of = interval((100 * part.groupby("seed")["value"].mean()).tolist())
        pair = (k, n) if kind == "glimpse" else ("", "")
        side = side if kind != "high" else ""
        lines.append((NAMES[kind], *map(str, pair), str(side), round(cost / 1e6, 1), as_text(of), of.n))
    return pd.DataFrame(lines, columns=columns)


def best_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the best k and n of Fig. 3.3, how much of the image they read and what they gain: printed beside ours.

    Ours have the highest mean accuracy on the test faces; their gain over the small view alone is paired by seed.
    """
    numbers = published()["value"]
    gain = numbers["t3.6/vgg16-faces+attention/age"] - numbers["t3.6/vgg16-faces/age"]
    printed = {
        "cells on a side, k": f"{numbers['s3.5/best-grid']:g}",
        "cells read, n": f"{numbers['s3.5/best-patches']:g}",
        "share of the large image (%)": f"{numbers['f3.3/pixel-share']:g}",
        "gain over the small view (points)": f"{numbers['s3.5/margin-n5-k16']:g} (by Table 3.6: {gain:.1f})",
    }
    ours = ["not run"] * len(printed)
    if len(rows):
        table = with_config(rows)
        table = table[(table["metric"] == "accuracy") & (table["split"] == "test")]
        low, mine = table[table["network"] == "low"], table[table["network"] == "glimpse"]
        k, n = mine.groupby(["grid", "patches"])["value"].mean().idxmax()
        best = mine[(mine["grid"] == k) & (mine["patches"] == n)].groupby("seed")["value"].mean()
        small = low[low["low_size"] == low["low_size"].min()].groupby("seed")["value"].mean()
        gained = interval((100 * (best - small)).dropna().tolist())
        ours = [str(k), str(n), f"{100 * share_read(k, n):.4g}", as_text(gained, 1)]
    return pd.DataFrame({"best": [*printed], "printed, Adience": [*printed.values()], OURS: ours})


def speed_table(measured: pd.DataFrame, group: str) -> pd.DataFrame:
    """Return what the benchmark measured on a group of networks: seconds, and multiples of the whole large image."""
    if measured.empty:
        return pd.DataFrame(columns=[*SPEED.values()])
    return measured[measured["group"] == group][[*SPEED]].rename(columns=SPEED)


def cross_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return Table 3.8: networks of population a on population b, alone and averaged, beside the thesis's IoG."""
    printed, lines = published("T3.8"), []
    for column, (labels, metric) in COLUMNS.items():
        number = printed.loc[f"t3.8/vgg16+attention/{column}"]["value"]
        line = {"named right": WORDS[column], "printed, Images of Groups (%)": f"{number:.1f}"}
        if len(rows):
            table = with_config(rows)
            table = table[(table.metric == metric) & (table.labels == labels)]
            single = table["members"].map(len) == 0
            for word, part in (("one network", table[single]), ("mean of the folds", table[~single])):
                line[f"{OURS}, {word} (%)"] = (
                    as_text(interval((100 * part["value"]).tolist())) if len(part) else "not run"
                )
        lines.append(line)
    return pd.DataFrame(lines)


def years_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return Table 3.9: mean absolute error in years by DEX, without and with glimpses."""
    printed, lines = published("T3.9"), []
    for kind, key in (("low", "t3.9/rothe-122/mae"), ("glimpse", "t3.9/vgg16+attention/mae")):
        ours = measured(rows, "mae", "test", "last", network=kind)
        number = f"{printed.loc[key]['value']:g}"
        lines.append({"network": NAMES[kind], "printed, MORPH II (years)": number, f"{OURS} (years)": as_text(ours)})
    return pd.DataFrame(lines)


def looks_table(rows: pd.DataFrame, labels: str = "age") -> pd.DataFrame:
    """Return in percent how much of the weight, and of what is read, lies on each region.

    Beside the trained network stand its grid before training, and a uniform one.
    """
    columns = ["region", "weight", "read", "weight at the start", "uniform grid"]
    wanted = (("looks", "weight"), ("looks", "read"), ("start", "weight"), ("uniform", "weight"))
    table = with_config(rows) if len(rows) else rows
    table = table[table["labels"] == labels] if len(table) else table
    lines = []
    for name in ASKED if len(table) else ():
        shown = []
        for part, kind in wanted:
            mine = table[(table["part"] == part) & (table["metric"] == f"{kind}: {name}")]
            shown.append((100 * mine.groupby("seed")["value"].mean()).tolist())
        if shown[0]:
            lines.append([name, *(as_text(interval(values), 1) for values in shown)])
    return pd.DataFrame(lines, columns=columns)


def eyes_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how much of the weight is in the cells read, how fixed they are, and how far seeds agree, in percent."""
    columns = ["network for", "weight in the cells read", "cells that are the usual ones", "read by another seed too"]
    table, lines = (with_config(rows) if len(rows) else rows), []
    for labels in ("age", "gender") if len(table) else ():
        line, mine = [labels], table[(table["labels"] == labels) & (table["part"] != "start")]
        for metric in ("weight_read", "constancy", "agreement"):
            values = 100 * mine[mine["metric"] == metric]["value"]
            line.append(as_text(interval(values.tolist()), 1) if len(values) else "not run")
        lines.append(line)
    return pd.DataFrame(lines, columns=columns)
