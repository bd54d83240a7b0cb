"""Tables of chapter 3 from its rows: beside the printed numbers, by groups of people, and where networks look."""

import numpy as np
import pandas as pd

from fgr.data.age_groups import ADIENCE, names
from fgr.experiments.glimpses import grids
from fgr.experiments.glimpses.details import GENDERS
from fgr.experiments.glimpses.looking import ASKED
from fgr.experiments.glimpses.runs import Cell
from fgr.results.published import as_text, measured, published
from fgr.results.rows import with_config
from fgr.results.statistics import interval

GROUPS = names(ADIENCE)
NAMES = {"low": "small view alone", "glimpse": "with glimpses", "high": "whole large image"}
ATTENTION = {"low": "t3.6/vgg16-faces", "glimpse": "t3.6/vgg16-faces+attention"}
COLUMNS = {"age": ("age", "accuracy"), "1-off": ("age", "one_off_accuracy"), "gender": ("gender", "accuracy")}


def live_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy and 1-off accuracy in percent of the live networks, means over the seeds."""
    lines = []
    for kind in ("low", "glimpse"):
        line = {"network": NAMES[kind]}
        for column, (labels, metric) in COLUMNS.items():
            line[f"{column} (%)"] = as_text(measured(rows, metric, "test", "last", network=kind, labels=labels), 1)
        lines.append(line)
    return pd.DataFrame(lines)


def folds_beside(age: pd.DataFrame, gender: pd.DataFrame) -> pd.DataFrame:
    """Return Table 3.6: our folds of generated faces beside the thesis's folds of Adience; ± is ours by interval."""
    printed, lines = published("T3.6"), []
    for kind, key in ATTENTION.items():
        for column, (labels, metric) in COLUMNS.items():
            number = printed.loc[f"{key}/{column}"]
            ours = measured({"age": age, "gender": gender}[labels], metric, "test", "last", network=kind)
            spread = f"{number['value']:g} ± {number['deviation']:g}"
            line = {"network": NAMES[kind], "what": column, "printed (Adience)": spread, "ours": as_text(ours)}
            lines.append(line | {"folds": ours.n if ours else 0})
    return pd.DataFrame(lines)


def design_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return every design choice of Table 3.5 beside ours, averaged over all combinations of the other choices.

    Below stand, for the design that the thesis fixed, a deeper what network and cells drawn by their weight in
    training.
    """
    printed, lines = published("T3.5"), []
    depth = int(with_config(rows).query("network == 'glimpse'")["depth"].min()) if len(rows) else 2
    for key, fields in grids.table_3_5(depth).items():
        ours = measured(rows, "accuracy", "test", "last", **fields)
        number = printed.loc[key]
        lines.append({"choice": number["row"], "printed (%)": f"{number['value']:g}", "ours (%)": as_text(ours)})
    for words, changes in (
        (f"fixed design, pool{depth}", {}),
        (f"fixed design, pool{depth + 1}", {"depth": depth + 1}),
        ("fixed design, sampled cells", {"choice": "sample"}),
    ):
        fields = grids.FIXED | {"choice": "top", "depth": depth} | changes
        ours = measured(rows, "accuracy", "test", "last", **fields)
        lines.append({"choice": words, "printed (%)": "", "ours (%)": as_text(ours)})
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
    columns = ["network", "k", "n", "small view", "MMAC", "accuracy (%)", "seeds"]
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


def cross_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return Table 3.8: networks of population a on population b, alone and averaged, beside the thesis's IoG."""
    printed, lines = published("T3.8"), []
    for column, (labels, metric) in COLUMNS.items():
        line = {"what": column, "printed (IoG)": f"{printed.loc[f't3.8/vgg16+attention/{column}']['value']:g}"}
        if len(rows):
            table = with_config(rows)
            table = table[(table.metric == metric) & (table.labels == labels)]
            single = table["members"].map(len) == 0
            for word, part in (("one network", table[single]), ("mean of the folds", table[~single])):
                line[f"ours, {word} (%)"] = (
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
        lines.append({"network": NAMES[kind], "printed (MORPH II)": number, "ours (years)": as_text(ours)})
    return pd.DataFrame(lines)


def of_people(rows: pd.DataFrame, labels: str) -> pd.DataFrame:
    """Return faces and how many of them were right for each gender, age group and tone, summed over the runs."""
    table = with_config(rows) if len(rows) else rows
    table = table[(table["part"] == "people") & (table["labels"] == labels)] if len(table) else table
    kinds = {kind: table[table["metric"].str.startswith(f"{kind}: ")] for kind in ("accuracy", "faces")}
    keyed = {
        kind: part.assign(key=part["metric"].str.split(": ").str[1]).set_index(["run_id", "key"])["value"]
        for kind, part in kinds.items()
    }
    both = pd.DataFrame(keyed).reset_index()
    both["right"] = both["accuracy"] * both["faces"]
    both[["gender", "age", "tone"]] = both["key"].str.split(", ", expand=True) if len(both) else None
    return both.groupby(["gender", "age", "tone"], as_index=False)[["faces", "right"]].sum()


def by_age(rows: pd.DataFrame, printed: str = "adience") -> pd.DataFrame:
    """Return Table 3.10: gender accuracy in percent for each age group, beside the printed one of Adience."""
    counted, lines = of_people(rows, "gender"), []
    numbers = published("T3.10")
    for number, group in enumerate(GROUPS):
        mine = counted[counted["age"] == group]
        ours = 100 * mine["right"].sum() / mine["faces"].sum() if len(mine) else float("nan")
        key = [name for name in numbers.index if name.startswith(f"t3.10/{printed}/")][number]
        shown = f"{ours:.1f}" if len(mine) else "not run"
        faces = int(mine["faces"].sum())
        line = {"age group": group, "printed (%)": numbers.loc[key]["value"], "ours (%)": shown, "our faces": faces}
        lines.append(line)
    return pd.DataFrame(lines)


def fairness(rows: pd.DataFrame, labels: str, fewest: int = 10) -> pd.DataFrame:
    """Return accuracy in percent, a line a gender and skin tone, a column an age group; "-" for fewer faces."""
    counted, lines = of_people(rows, labels), []
    for gender in GENDERS:
        for tone in dict.fromkeys(counted["tone"]):
            line = {"gender": gender, "skin": tone}
            mine = counted[(counted["gender"] == gender) & (counted["tone"] == tone)].set_index("age")
            for group in (*GROUPS, "all"):
                part = mine if group == "all" else mine[mine.index == group]
                faces = part["faces"].sum()
                line[group] = f"{100 * part['right'].sum() / faces:.0f}" if faces >= fewest else "-"
            lines.append(line)
    return pd.DataFrame(lines, columns=["gender", "skin", *GROUPS, "all"])


def confusion_of(rows: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """Return Table 3.7 as shares (L, L), mean over the runs, and the names of the groups; zeros without rows."""
    shares = rows[rows["metric"].str.startswith("confusion: ")].groupby("metric")["value"].mean()
    found = [[shares.get(f"confusion: {true} as {other}", 0.0) for other in GROUPS] for true in GROUPS]
    return np.array(found), list(GROUPS)


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
