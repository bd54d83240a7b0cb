"""What recorded runs show of the generated sets: figures and tables for the page of data sets."""

from pathlib import Path

import pandas as pd

from fgr.experiments.generated import grids, tables
from fgr.experiments.generated.birds import by_chance
from fgr.experiments.page import origin, recorded
from fgr.figures import generated as draw
from fgr.figures.style import Figure
from fgr.paths import atomic_path

COMMAND = "make sets"  # makes the rows


def table(lines: pd.DataFrame) -> str:
    """Return a Markdown table; bars inside cells are escaped."""
    rows = [lines.columns, ["---"] * len(lines.columns), *lines.itertuples(index=False)]
    cells = [[str(value).replace("|", "\\|").replace("\n", " ") for value in row] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)


def measured(name: str, folder: Path) -> str:
    """Draw what was recorded of a generated set into `folder` and return the Markdown that shows it; "" for others."""
    pages = {"synthetic_birds": birds, "synthetic_faces": faces}
    return pages[name](folder) if name in pages else ""


def birds(folder: Path) -> str:
    """Return how hard birds are, and which of them are taken for each other."""
    rows = recorded(grids.NAME, "birds")
    most = max(grids.BIRDS)
    return "\n".join(
        [
            "\n#### How hard they are\n",
            "A small network (four convolutions) learns 20 species from nothing. The dial of difficulty must make them",
            "neither trivial nor hopeless, the sister species, which differ in one or two attributes of small parts,",
            "must be the hard pairs, and the answer must be in the picture: somebody who reads every attribute of the",
            "parts that show, and never errs, must be nearly always right. What is left of that error are pairs whose",
            "difference is hidden behind a leaf or turned away.\n",
            _figure(draw.bird_curves(rows), "birds-curves", folder, "Error of the small network on 20 species."),
            _figure(
                draw.kinship(rows, by_chance(20)),
                "birds-kinship",
                folder,
                f"What the {most:,}-image networks take birds for when they are wrong, beside wrong answers by lot.",
            ),
            _table(tables.bird_table(rows), rows),
        ]
    )


def faces(folder: Path) -> str:
    """Return what can be read off faces, from how many pixels."""
    rows, people = recorded(grids.NAME, "faces"), recorded(grids.NAME, "people")
    return "\n".join(
        [
            "\n#### What can be read off them\n",
            "The same small network is shown the same faces with few and with many pixels, beside a linear probe on",
            "raw pixels; nobody is in two splits. Age is drawn mostly by fine lines, so that high resolution must pay",
            "for age. Action units are the mean correlation of intensity, true and read, over all 19.\n",
            _figure(draw.face_curves(rows), "faces-curves", folder, "What is read off faces by number of images."),
            _table(tables.face_table(rows), rows),
            "\nThe set was drawn so that a linear probe reads worse than a network on few pixels, and that worse than",
            "a network on many. Step by step, on the same faces with the same seeds:\n",
            _table(tables.order_table(rows), rows),
            "\nPeople can be known again. Each is learned from some photographs and named on others, taken on another",
            "day with another expression, pose and light. A split that lets the same person into training and test",
            "therefore measures memory as well: all splits of the faces here keep people apart.\n",
            _table(tables.people_table(people), people),
        ]
    )


def _figure(figure: Figure, name: str, folder: Path, words: str) -> str:
    with atomic_path(folder / f"{name}.png") as file:
        file.write_bytes(figure._repr_png_())
    return f"```{{figure}} _drawn/{name}.png\n:alt: Curves or bars. {words}\n\n{words}\n```\n"


def _table(lines: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Return a table, or that it was not run, with the runs that made it."""
    if rows.empty:
        return f"Not run yet: `{COMMAND}` makes the rows.\n"
    return (
        f"{table(lines)}\n\n*Test images; ± half of the 95% interval over seeds. {origin(rows)} Again: `{COMMAND}`.*\n"
    )
