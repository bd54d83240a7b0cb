"""Pictures for the page of data sets: a few images of each set that can be drawn or lies on this machine."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from fgr.data import ImageSet, load
from fgr.data.fetch import state
from fgr.data.manifests import Manifest
from fgr.data.readers import names as readable
from fgr.figures.samples import class_counts, sheet
from fgr.paths import atomic_path

SHOWN = 16


@dataclass(frozen=True)
class Sample:
    """What to show of a set: options of its reader, and the annotations to draw, by name."""

    split: str = "train"
    options: dict[str, object] = field(default_factory=dict)
    points: str = ""
    boxes: str = ""
    masks: str = ""
    rows: tuple[int, ...] = ()  # which images; the first ones of every class in turn if empty
    words: str = ""


SAMPLES = {  # only sets that differ from `Sample()`
    "cluttered_mnist": Sample(
        options={"source": "mnist_5k", "count": 64},
        boxes="box",
        words="Frame: the digit to be named (Fig. 4.3, 4.4 a).",
    ),
    "synthetic_birds": Sample(
        options={"count": 40, "size": 128, "num_species": 40},
        points="parts",
        boxes="box",
        words="Dots: parts that show; frame: the bird. Sisters stand beside each other.",
        rows=tuple(range(16)),
    ),
    "synthetic_faces": Sample(
        options={"count": 16, "size": 128, "per_subject": 1},
        points="landmarks",
        rows=tuple(range(16)),
        words="Dots: the 66 landmarks, also where something hides them; over each face its age group.",
    ),
    "synthetic_pain": Sample(
        split="all",
        options={"size": 96, "subjects": 1, "sequences": 1, "length": 64},
        rows=tuple(range(0, 48, 3)),
        words="Every third frame of one video.",
    ),
    "synthetic_emotions": Sample(
        split="all",
        options={"last": 1, "size": 96, "sequences": 120},
        words="The apex of videos of each emotion.",
    ),
}
MEMBERS = ("cifar10", "cifar100", "fashion_mnist", "mnist", "mnist_5k", "svhn")  # sets that are read into memory


def pictures(entry: Manifest, folder: Path) -> str:
    """Draw what can be shown of a set into `folder` and return the Markdown that shows it; "" if nothing can.

    A generated set is drawn; a fetched one is shown where it lies on this machine. No face of a restricted set is
    ever put into the book.
    """
    generated = entry.kind == "generated"
    if entry.name not in readable() or not (generated or entry.name in MEMBERS):
        return ""
    if not generated and state(entry.name) != "verified":
        return "*Not on the machine that built this book: no pictures.*\n"
    sample = SAMPLES.get(entry.name, Sample())
    images = load(entry.name, sample.split, **sample.options)
    chosen = images.select(list(sample.rows) if sample.rows else in_turn(images.targets, SHOWN))
    drawn = {name: chosen.annotations[kind] for name, kind in _drawn(sample).items()}
    titles = [short(chosen.classes[target]) for target in chosen.targets]
    name = f"{entry.name}.png"
    with atomic_path(folder / name) as file:
        file.write_bytes(sheet(chosen.images, titles, columns=8, **drawn)._repr_png_())
    words = f"{len(chosen)} images of {entry.title}. {sample.words}"
    text = f"```{{figure}} _drawn/{name}\n:alt: A sheet of {words}\n\n{words}\n```\n"
    return text + (_counts(entry, images, folder) if not generated else "")


def _drawn(sample: Sample) -> dict[str, str]:
    kinds = {"points": sample.points, "boxes": sample.boxes, "masks": sample.masks}
    return {name: kind for name, kind in kinds.items() if kind}


def _counts(entry: Manifest, images: ImageSet, folder: Path) -> str:
    name = f"{entry.name}-counts.png"
    with atomic_path(folder / name) as file:
        file.write_bytes(class_counts(images.targets, images.classes)._repr_png_())
    words = f"Images a class in the {images.split} part of {entry.title}."
    return f"\n```{{figure}} _drawn/{name}\n:alt: Bars. {words}\n\n{words}\n```\n"


def in_turn(targets: torch.Tensor, count: int) -> list[int]:
    """Return the rows of the first image of every class, then of the second, ...: `count` in all.

    Example:
        >>> in_turn(torch.tensor([0, 0, 1, 1, 1]), 3)
        [0, 2, 1]
    """
    seen: dict[int, int] = {}
    order = []
    for row, target in enumerate(targets.tolist()):
        seen[target] = seen.get(target, 0) + 1
        order.append((seen[target], target, row))
    return [row for _, _, row in sorted(order)[:count]]


def short(name: str) -> str:
    """Return a class name that fits over a small picture."""
    return name if len(name) <= 14 else f"{name[:12]}…"
