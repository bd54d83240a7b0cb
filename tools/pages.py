"""Pages of the book that are derived from rows and manifests at build time: claims, printed numbers, data, runs."""

import platform
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from measured import measured, table
from pictures import pictures

from fgr.cli.runner import Report
from fgr.data.manifests import Card, Manifest, manifest, names
from fgr.paths import project_root
from fgr.results.claims import Verdict, judge_all, verdict_table
from fgr.results.published import published
from fgr.results.rows import provenance

BADGES = {"supported": "bdg-success", "not supported": "bdg-danger", "undecided": "bdg-secondary"}
GROUPS = {  # kind of manifest -> heading and introduction on the page of data sets
    "real": (
        "Real",
        "Photographs and scans. Under each stands how to obtain it; those with hashes are verified by them, the others "
        "are read as they lie in their folder.",
    ),
    "generated": (
        "Generated",
        "Drawn by this project. They **can** show whether a method finds what is known to be there (a landmark, a "
        "part, an attribute, an action unit, the share of a mask on the object), in which order methods come when one "
        "factor changes at a time, and that the programs run as they should. They **cannot** show how well a method "
        "does on photographs of birds or on people, what an error rate would be there, or whether it is fair: the "
        "program draws what its authors thought of, and the digits of cluttered MNIST are the only part that people "
        "made. Where a number measured on them stands beside a printed one, the heads of the columns name both sets of "
        "data: only signs and orders can be compared.",
    ),
    "restricted": (
        "Restricted",
        "To be asked for: each lists where. Point to the folder with `load(name, folder=...)`, or place it in the data "
        "folder under its name.",
    ),
    "weights": ("Weights", "Of networks trained by others, to look at or to start from."),
}
PACKAGES = ("torch", "torchvision", "numpy", "pandas", "scikit-learn", "matplotlib", "papermill", "jupyter-book")


def claims_page() -> str:
    """Return the claims of every chapter with their verdicts."""
    verdicts = judge_all(project_root() / "results")
    text = [
        "# Claims\n",
        "Each claim of the thesis that this companion can put to the test, the effect measured on recorded runs, and a",
        "verdict. Effects are means over paired seeds, positive in the direction of the claim; rates are in percentage",
        "points. The smallest effect worth having was fixed before the runs, unless a note says otherwise. How",
        "verdicts are formed: [](protocol.md). `fgr claims` prints effects and verdicts.\n",
        f"{_counts(verdicts)}\n",
    ]
    for chapter in sorted({verdict.claim.chapter for verdict in verdicts}):
        mine = [verdict for verdict in verdicts if verdict.claim.chapter == chapter]
        text.append(f"\n## Chapter {chapter}\n")
        for verdict, line in zip(mine, verdict_table(mine).itertuples(index=False)):
            claim = verdict.claim
            text.append(f"\n### {claim.statement}\n")
            standing = f" {verdict.standing}" if verdict.standing else ""
            text.append(f"{{{BADGES[verdict.word]}}}`{verdict.word}`{standing} &ensp; *{claim.source}*\n")
            if verdict.effect is not None:
                text.append(
                    f"Effect **{line.effect}**, 95% interval {line[4]}, {line.seeds} paired seeds; "
                    f"smallest effect worth having {line[5]}."
                )
            elif not verdict.diverged:
                text.append("Not run yet.")
            if verdict.diverged:
                text.append(f"Undecided because {verdict.outlook}, without a number to compare.")
            elif verdict.outlook:
                text.append(f"If their spread stays as it is, {verdict.outlook} it.")
            text.append(f"Data: {claim.data}. Rows: `results/recorded/{claim.rows}`.")
            if claim.note:
                text.append(f"\n{claim.note.strip()}")
    return "\n".join(text) + "\n"


def _counts(verdicts: list[Verdict]) -> str:
    """Return a table with how many claims of each chapter got each verdict, and of all."""
    found = pd.DataFrame({"chapter": str(verdict.claim.chapter), "word": verdict.word} for verdict in verdicts)
    counts = pd.crosstab(found["chapter"], found["word"]).reindex(columns=list(BADGES), fill_value=0)
    counts.loc["all"] = counts.sum()
    return table(counts.reset_index())


def published_page() -> str:
    """Return every printed number of the thesis, one folded table a place."""
    numbers = published()
    tables = sum(source.startswith("T") for source in numbers["source"].unique())
    text = [
        "# Printed numbers\n",
        f"All {len(numbers):,} numbers of the thesis's {tables}",
        "tables, with those of its captions and running text: its own method and the baselines it quotes. A flag says",
        "why a number is wrong, doubtful, or the best of many epochs on the test set; [](errata.md) explains the notes",
        "that flags refer to. The file is `results/published.csv`.\n",
    ]
    for chapter, of_chapter in numbers.groupby("chapter"):
        text.append(f"\n## Chapter {chapter}\n")
        for source, part in of_chapter.groupby("source", sort=False):
            shown = part[["row", "column", "value", "deviation", "unit", "selection", "flag"]].copy()
            shown["value"] = shown["value"].map(lambda x: f"{x:g}")
            shown["deviation"] = shown["deviation"].map(lambda x: "" if pd.isna(x) else f"{x:g}")
            flagged = int((part["flag"] != "").sum())
            title = f"{source}: {len(part)} numbers" + (f", {flagged} flagged" if flagged else "")
            text.append(f"\n:::{{dropdown}} {title}\n{table(shown.rename(columns={'deviation': '±'}))}\n:::\n")
    return "\n".join(text) + "\n"


def datasets_page(folder: Path) -> str:
    """Return every data manifest by kind: pictures, splits, licence, how to obtain it, known faults, card of people.

    Args:
        folder: of the page; its pictures go into `_drawn` beside it.
    """
    entries = [manifest(name) for name in names()]
    text = [
        "# Data sets\n",
        "Every data set is described by a Croissant file in `data_manifests/` and read with",
        "`fgr.data.load(name, split)`. `fgr data list` shows what a machine has, `fgr data fetch <name>` gets it and",
        "checks it by hash, `fgr data verify` checks again. Your own images work wherever a set does:",
        '`load("imagefolder", folder=...)` reads one subfolder a class, `load("csv", folder=...)` a list.\n',
    ]
    for kind, (heading, words) in GROUPS.items():
        mine = [entry for entry in entries if entry.kind == kind]
        text.append(f"\n## {heading}\n\n{words}\n")
        text.append(table(pd.DataFrame(_overview(entry) for entry in mine)))
        for entry in mine:
            text.append(f"\n### {entry.title}\n\n{entry.description}\n")
            text.append(pictures(entry, folder / "_drawn"))
            text.append(measured(entry.name, folder / "_drawn"))
            text += [f"* **{name}**: {value}" for name, value in _facts(entry).items() if value]
            if entry.faults:
                text.append("* **Known faults**:")
                text += [f"  * {fault}" for fault in entry.faults]
            if entry.card:
                text.append(f"\n:::{{admonition}} Before you use it: people\n{_card(entry.card)}\n:::")
    return "\n".join(text) + "\n"


def counted(split: str, count: int | None) -> str:
    """Return a split with its number of images, alone where that depends on the files or on options."""
    return split if count is None else f"{split} {count:,}"


def _overview(entry: Manifest) -> dict[str, str]:
    sizes = [file.bytes for file in entry.files]
    return {
        "name": f"`{entry.name}`",
        "what": entry.title,
        "size": "" if None in sizes or not sizes else f"{sum(sizes) / 1e6:,.0f} MB",
        "splits": ", ".join(counted(split, count) for split, count in entry.splits.items()),
        "licence": entry.licence,
    }


def _facts(entry: Manifest) -> dict[str, str]:
    stated = dict.fromkeys(file.stated_by or "computed by this project" for file in entry.files)
    channels = {
        split: f"{split} {_numbers(given.mean)} ± {_numbers(given.std)}" for split, given in entry.channels.items()
    }
    return {
        "Name": f"`{entry.name}`",
        "Splits": ", ".join(counted(split, count) for split, count in entry.splits.items()),
        "Protocol": entry.protocol,
        "Channels, mean ± deviation of pixels in [0, 1]": "; ".join(channels.values()),
        "Licence": entry.licence,
        "Cite": entry.citation,
        "Official place": f"<{entry.url}>",
        "Obtain": entry.obtain,
        "Hashes": ", ".join(stated),
    }


def _numbers(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


def _card(card: Card) -> str:
    """Return the card of a set of people as a definition list."""
    parts = {"Consent": card.consent, "Who is in it": card.people, "For": card.use, "Never": card.never}
    return "\n".join(f"* **{name}**: {words}" for name, words in parts.items())


def runs_page(reports: list[Report]) -> str:
    """Return what this build of the book was made of: one line a notebook run, and the versions."""
    made = provenance()
    lines = pd.DataFrame(
        {
            "notebook": report.notebook,
            "profile": report.profile,
            "seconds": f"{report.seconds:.0f}",
            "verdict": report.verdict,
            "finished": report.finished,
        }
        for report in reports
    )
    versions = pd.DataFrame({"package": name, "version": version(name)} for name in PACKAGES)
    state = "with uncommitted changes" if made["dirty"] else "clean"
    return (
        "# Runs of this build\n\n"
        f"Commit `{made['commit']}` ({state}), library source `{made['source_hash']}`, "
        f"Python {platform.python_version()} on {platform.machine()}.\n\n{table(lines)}\n\n"
        "The verdict compares a run with the bands of `results/expected/`; see [](protocol.md).\n\n"
        f"{table(versions)}\n"
    )


def write_pages(folder: Path, reports: list[Report]) -> None:
    """Write all generated pages into the staged book."""
    pages = {
        "claims": claims_page(),
        "published": published_page(),
        "datasets": datasets_page(folder),
        "runs": runs_page(reports),
    }
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text)
