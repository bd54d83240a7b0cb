"""Tables of chapter 3 by age group: Tables 3.2, 3.7 and 3.10, and accuracy by gender, age and skin tone."""

import numpy as np
import pandas as pd

from fgr.data.age_groups import ADIENCE, IMAGES_OF_GROUPS, TO_IMAGES_OF_GROUPS, names
from fgr.experiments.glimpses.details import GENDERS
from fgr.results.published import published
from fgr.results.rows import with_config

GROUPS, THEIRS = names(ADIENCE), names(IMAGES_OF_GROUPS)
RARE = 0.02  # a group that no group is taken for more often than this counts as hardly ever named


def mapping() -> pd.DataFrame:
    """Return Table 3.2: the group of Images of Groups that each of Adience's becomes."""
    pairs = [(ours, THEIRS[theirs]) for ours, theirs in zip(GROUPS, TO_IMAGES_OF_GROUPS)]
    return pd.DataFrame(pairs, columns=["Adience", "Images of Groups"])


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


def by_age(rows: pd.DataFrame) -> pd.DataFrame:
    """Return Table 3.10: gender accuracy in percent for each age group, ours beside both printed halves."""
    counted, lines = of_people(rows, "gender"), []
    printed = published("T3.10")
    adience, others = (printed[printed["dataset"] == name]["value"] for name in ("adience", "images_of_groups"))
    for number, group in enumerate(GROUPS):
        mine, theirs = counted[counted["age"] == group], TO_IMAGES_OF_GROUPS[number]
        right, faces = mine["right"].sum(), int(mine["faces"].sum())
        lines.append(
            {
                "age group": group,
                "printed accuracy, Adience (%)": f"{adience.iloc[number]:.1f}",
                "printed accuracy, Images of Groups (%)": f"{others.iloc[theirs]:.1f} ({THEIRS[theirs]})",
                "our accuracy, generated faces (%)": f"{100 * right / faces:.1f}" if faces else "not run",
                "our faces": faces,
            }
        )
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


def printed_confusion() -> tuple[np.ndarray, list[str]]:
    """Return Table 3.7 as printed, as shares (L, L), and the names of its groups."""
    numbers = published("T3.7")
    groups = numbers["column"].str.removeprefix("Predicted ").unique().tolist()
    return numbers["value"].to_numpy().reshape(len(groups), len(groups)) / 100, groups


def confusion_in_words(shares: np.ndarray, groups: list[str]) -> str:
    """Say for which groups the most frequent answer is right, what it is for the others, and what is hardly ever said.

    Example:
        >>> confusion_in_words(np.array([[0.9, 0.1, 0], [0.6, 0.4, 0], [0, 1, 0]]), ["child", "adult", "old"])
        'The most frequent answer is right for child. It is child for adult; adult for old. Hardly ever named: old.'
    """
    if not shares.any():
        return "Not run yet: no recorded rows."
    shown = {group: groups[row.argmax()] for group, row in zip(groups, shares) if row.any()}
    right = [group for group, answer in shown.items() if answer == group]
    wrong = {answer: [group for group in shown if shown[group] == answer != group] for answer in shown.values()}
    others = "; ".join(f"{answer} for {_and(members)}" for answer, members in wrong.items() if members)
    never = [group for group, most in zip(groups, shares.max(0)) if most < RARE]
    words = [f"The most frequent answer is right for {_and(right) or 'no group'}."]
    words += [f"It is {others}."] if others else []
    words += [f"Hardly ever named: {_and(never)}."] if never else []
    return " ".join(words)


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
