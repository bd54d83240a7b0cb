"""What is measured on a trained network besides accuracy: confusions, groups of people, another set, where it looks."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from fgr.checks import check_choice
from fgr.config import as_json
from fgr.data import ImageSet
from fgr.data.age_groups import ADIENCE, IMAGES_OF_GROUPS, group_of, names, to_images_of_groups
from fgr.experiments.glimpses import looking
from fgr.experiments.glimpses.faces import groups_of
from fgr.experiments.glimpses.runs import Cell, Scaled, build, cell_of, image_sets, others, predict, run_cell
from fgr.metrics import one_off_accuracy
from fgr.results.rows import Row, Run

EXPERIMENT = "glimpse_details"
PARTS = ("confusion", "people", "looks", "start", "uniform", "agreement", "cross")
GENDERS = ("women", "men")
TONES = {"light": (1, 2), "medium": (3, 4), "dark": (5, 6)}
OF_ALL = "all tones"  # of faces whose tone is not known
Trained = Callable[[Cell, int], Scaled]  # (cell, seed) -> its trained network

Measure = tuple[str, float, str]  # metric, value, unit


@dataclass(frozen=True)
class Detail(Cell):
    """One part of what is measured on the network of a cell."""

    part: str = "looks"  # one of PARTS
    against: int = 0  # agreement: the seed of the network that it is compared with
    members: tuple[int, ...] = ()  # cross: seeds of the networks whose answers are averaged; (): the run's own
    tested: str = ""  # cross: the population that tests


def detail(cell: Cell, part: str, **more: object) -> Detail:
    """Return a part of what is measured on the network of a cell."""
    return Detail(**{field.name: getattr(cell, field.name) for field in fields(Cell)}, part=part, **more)


def confusion(predicted: Tensor, faces: ImageSet) -> list[Measure]:
    """Return Table 3.7: for each age group the shares that it was taken for."""
    found = []
    for true, name in enumerate(faces.classes):
        mine = predicted[faces.targets == true]
        if len(mine):
            shares = mine.bincount(minlength=len(faces.classes)).double() / len(mine)
            found += [
                (f"confusion: {name} as {other}", s.item(), "fraction") for other, s in zip(faces.classes, shares)
            ]
    return found


def people(predicted: Tensor, faces: ImageSet) -> list[Measure]:
    """Return accuracy and number of faces for each gender, age group and skin tone that the test faces show."""
    gender, group = faces.annotations["gender"], groups_of(faces)
    tone = faces.annotations.get("skin_tone")
    tones = TONES if tone is not None else {OF_ALL: ()}
    right, found = predicted == faces.targets, []
    for g, who in enumerate(GENDERS):
        for a, age in enumerate(names(ADIENCE)):
            for word, levels in tones.items():
                mine = (gender == g) & (group == a)
                if tone is not None:
                    mine &= torch.isin(tone.long(), torch.tensor(levels))
                if mine.any():
                    key = f"{who}, {age}, {word}"
                    found.append((f"accuracy: {key}", right[mine].double().mean().item(), "fraction"))
                    found.append((f"faces: {key}", float(mine.sum()), "count"))
    return found


def looks(model: Scaled, faces: ImageSet) -> list[Measure]:
    """Return the shares of the renderer's regions in the grid, in the cells read, in the image; how fixed eyes are."""
    seen = looking.glimpses(model, faces.images)
    found = [("weight_read", looking.weight_read(seen), "fraction"), ("constancy", looking.constancy(seen), "fraction")]
    for name, measured in looking.shares(seen, looking.region_masks(faces)).items():
        found += [(f"{kind}: {name}", value, "fraction") for kind, value in measured.items()]
    return found


def uniform(faces: ImageSet) -> list[Measure]:
    """Return the share that each of the renderer's regions would have of the weight of a uniform grid."""
    return [
        (f"weight: {name}", share, "fraction") for name, share in looking.areas(looking.region_masks(faces)).items()
    ]


def cross(scores: Sequence[Tensor], faces: ImageSet, labels: str) -> list[Measure]:
    """Return Table 3.8: accuracy of the mean probabilities of several networks on faces of another set.

    Ages are judged in the seven groups of Images of Groups, to which answers are translated by Table 3.2.

    Args:
        scores: (B, L) of each network.
        faces: with `age` in years.
        labels: "age" or "gender".
    """
    predicted = torch.stack([one.softmax(1) for one in scores]).mean(0).argmax(1)
    if labels == "gender":
        return [("accuracy", (predicted == faces.targets).double().mean().item(), "fraction")]
    guess = to_images_of_groups(predicted)
    true = group_of(faces.annotations["age"], groups=IMAGES_OF_GROUPS, between="nearest")
    accuracy = (guess == true).double().mean().item()
    return [("accuracy", accuracy, "fraction"), ("one_off_accuracy", one_off_accuracy(guess, true), "fraction")]


def measure(one: Detail, seed: int, trained: Trained) -> list[Measure]:
    """Return what a detail asks of trained networks."""
    check_choice(one.part, PARTS, "part")
    cell = cell_of(one)
    if one.part == "uniform":  # asks no network
        return uniform(image_sets(cell, seed)["test"])
    if one.part == "start":  # asks it before it is trained
        sets = image_sets(cell, seed)
        return looks(build(cell, seed, len(sets["train"].classes), sets["train"].images), sets["test"])
    model = trained(cell, seed)
    if one.part == "cross":
        faces = others(cell, one.tested)
        models = [trained(cell, member) for member in one.members] or [model]
        return cross([predict(each, faces.images) for each in models], faces, cell.labels)
    faces = image_sets(cell, seed)["test"]
    if one.part == "looks":
        return looks(model, faces)
    if one.part == "agreement":
        pair = [looking.glimpses(each, faces.images) for each in (model, trained(cell, one.against))]
        return [("agreement", looking.agreement(*pair), "fraction")]
    predicted = predict(model, faces.images).argmax(1)
    return confusion(predicted, faces) if one.part == "confusion" else people(predicted, faces)


def detail_rows(one: Detail, seed: int, profile: str, trained: Trained) -> list[Row]:
    """Measure a detail and return its rows."""
    run = Run(EXPERIMENT, as_json(one), one.dataset, seed, profile, "cpu")
    return [run.row(name, value, unit, "test", "last", one.epochs) for name, value, unit in measure(one, seed, trained)]


def rerun(config: str, seed: int, profile: str) -> list[Row]:
    """Train the networks of a recorded detail anew and return its rows."""
    values = json.loads(config)
    one = Detail(**{**values, "members": tuple(values["members"])})
    return detail_rows(one, seed, profile, lambda cell, of: run_cell(cell, of, profile).model)
