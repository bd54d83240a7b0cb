"""Pages of the book that are derived from rows and manifests at build time: claims, printed numbers, data, runs."""

import platform
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from fgr.cli.runner import Report
from fgr.data.manifests import manifest, names
from fgr.paths import project_root
from fgr.results.claims import judge_all, verdict_table
from fgr.results.published import published
from fgr.results.rows import provenance

BADGES = {"supported": "bdg-success", "not supported": "bdg-danger", "undecided": "bdg-secondary"}
PACKAGES = ("torch", "torchvision", "numpy", "pandas", "scikit-learn", "matplotlib", "papermill", "jupyter-book")


def table(lines: pd.DataFrame) -> str:
    """Return a Markdown table; bars inside cells are escaped."""
    rows = [lines.columns, ["---"] * len(lines.columns), *lines.itertuples(index=False)]
    cells = [[str(value).replace("|", "\\|").replace("\n", " ") for value in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def claims_page() -> str:
    """Return the claims of every chapter with their verdicts."""
    verdicts = judge_all(project_root() / "results")
    text = [
        "# Claims\n",
        "Each claim of the thesis that this companion can put to the test, the effect measured on recorded runs, and a",
        "verdict. Effects are means over paired seeds, positive in the direction of the claim; rates are in percentage",
        "points. The smallest effect worth having was fixed before the runs. How verdicts are formed:",
        "[](protocol.md). `fgr claims` prints the same table.\n",
    ]
    for chapter in sorted({verdict.claim.chapter for verdict in verdicts}):
        mine = [verdict for verdict in verdicts if verdict.claim.chapter == chapter]
        text.append(f"\n## Chapter {chapter}\n")
        for verdict, line in zip(mine, verdict_table(mine).itertuples(index=False)):
            claim = verdict.claim
            text.append(f"\n### {claim.statement}\n")
            text.append(f"{{{BADGES[verdict.word]}}}`{verdict.word}` &ensp; *{claim.source}*\n")
            if verdict.effect is None:
                text.append("Not run yet.")
            else:
                text.append(
                    f"Effect **{line.effect}**, 95% interval {line[4]}, {line.seeds} paired seeds; "
                    f"smallest effect worth having {line.smallest}."
                )
                if verdict.seeds:
                    text.append(f"About {verdict.seeds} seeds of the same spread would decide it.")
            text.append(f"Data: {claim.data}. Rows: `results/recorded/{claim.rows}`.")
            if claim.note:
                text.append(f"\n{claim.note.strip()}")
    return "\n".join(text) + "\n"


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


def datasets_page() -> str:
    """Return every data manifest: kind, licence, splits, known faults, how to obtain it."""
    entries = [manifest(name) for name in names()]
    overview = pd.DataFrame(
        {
            "name": f"`{entry.name}`",
            "what": entry.title,
            "kind": entry.kind,
            "size": f"{sum(file.bytes for file in entry.files) / 1e6:.0f} MB",
            "licence": entry.licence,
        }
        for entry in entries
    )
    text = [
        "# Data sets\n",
        "Every data set is described by a Croissant file in `data_manifests/`, fetched and verified by hash with",
        "`fgr data fetch <name>`, and read with `fgr.data.load(name, split)`.\n",
        table(overview),
    ]
    for entry in entries:
        text.append(f"\n## {entry.title}\n\n{entry.description}\n")
        facts = {
            "Splits": ", ".join(f"{split} {count:,}" for split, count in entry.splits.items()),
            "Protocol": entry.protocol,
            "Licence": entry.licence,
            "Cite": entry.citation,
            "Obtain": entry.obtain,
            "Known faults": " ".join(entry.faults),
        }
        text += [f"* **{name}**: {value}" for name, value in facts.items() if value]
    return "\n".join(text) + "\n"


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
        "datasets": datasets_page(),
        "runs": runs_page(reports),
    }
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text)
