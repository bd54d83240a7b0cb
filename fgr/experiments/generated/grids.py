"""What is recorded of the generated sets, and where."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fgr.experiments.generated import birds, faces, people
from fgr.experiments.sweep import sweep
from fgr.results.rows import Row, frame

PROFILE = "laptop"
SEEDS = (0, 1, 2)
NAME = "generated"  # folder of the rows in results/recorded
DIFFICULTIES = (0.0, 0.5, 1.0)
BIRDS = {250: 20, 1_000: 14, 4_000: 12}  # training images -> epochs: fewer images need more of them
FACES = (375, 750, 1_500, 3_000)  # training images
EPOCHS = {32: 60, 128: 20}  # pixels of a face that the network sees -> epochs, which cost 16 times as much at 128


@dataclass(frozen=True)
class Part:
    """One file of rows: its experiment, how a cell is run and a recorded row repeated, and the cells."""

    experiment: str
    run: Callable[..., list[Row]]
    rerun: Callable[[str, int, str], list[Row]]
    cells: Sequence[Any]


def bird_cells() -> list[birds.Cell]:
    """Return a network by difficulty and number of images on 20 species, one on 100, and all true attributes."""
    learned = [
        birds.Cell(difficulty=difficulty, train=count, epochs=epochs, precision="bfloat16")
        for difficulty in DIFFICULTIES
        for count, epochs in BIRDS.items()
    ]
    many = birds.Cell(num_species=100, train=8_000, pool=8_000, precision="bfloat16")
    known = [
        birds.Cell(reader="attributes", num_species=count, difficulty=difficulty)
        for count, difficulty in (*((20, each) for each in DIFFICULTIES), (100, 0.5))
    ]
    return [*known, *learned, many]


def face_cells() -> list[faces.Cell]:
    """Return the linear probe, and the network on few and on many pixels, each by number of images."""
    linear = [faces.Cell(reader="linear", train=count) for count in FACES]
    return linear + [
        faces.Cell(size=size, train=count, epochs=epochs) for size, epochs in EPOCHS.items() for count in FACES
    ]


def people_cells() -> list[people.Cell]:
    """Return the two readers that name people."""
    network = people.Cell(epochs=40)
    return [replace(network, reader="linear"), network]


PARTS: Mapping[str, Part] = {
    "birds": Part(birds.EXPERIMENT, birds.run_cell, birds.rerun, bird_cells()),
    "faces": Part(faces.EXPERIMENT, faces.run_cell, faces.rerun, face_cells()),
    "people": Part(people.EXPERIMENT, people.run_cell, people.rerun, people_cells()),
}


def seeds_of(cell: object) -> tuple[int, ...]:
    """Return the seeds that a cell is run with: one where nothing is drawn."""
    return SEEDS[:1] if getattr(cell, "reader", "") == "attributes" else SEEDS


def record(name: str, folder: Path | None = None, cells: Sequence[Any] | None = None) -> pd.DataFrame:
    """Run what is missing of one file of rows and return all of it.

    Args:
        name: a key of `PARTS`.
        folder: where rows are kept; None keeps none.
        cells: instead of the part's own.
    """
    part = PARTS[name]

    def run(cell: object, seed: int, checkpoint: Path | None) -> list[Row]:
        return part.run(cell, seed, PROFILE, checkpoint=checkpoint)

    file = folder / f"{name}.csv" if folder is not None else None
    rows = []
    for seed in SEEDS:
        drawn = [cell for cell in (part.cells if cells is None else cells) if seed in seeds_of(cell)]
        rows += sweep(run, part.experiment, drawn, [seed], file)
    return frame(rows)
