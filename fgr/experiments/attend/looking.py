"""Where a trained network looks, measured: attention and attribution maps against regions that are known to matter."""

from dataclasses import dataclass, fields

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.attention import AttendAndRectify
from fgr.attribution import METHODS as ATTRIBUTIONS
from fgr.attribution import attribute, centre_prior, mask_iou, mass_inside, pointing_game
from fgr.checks import check_choice
from fgr.config import as_json
from fgr.data import ImageSet
from fgr.data.synthetic.birds import separating_parts
from fgr.data.transforms import standardize
from fgr.experiments.attend.runs import Cell, cell_of, from_json, image_sets, run_cell, scale, scores_of
from fgr.results.published import as_text
from fgr.results.rows import Row, Run, with_config
from fgr.results.statistics import interval

EXPERIMENT = "attend_looking"
GATES = "attend_gates"
METHODS = ("attention", *ATTRIBUTIONS, "centre prior")
MEASURES = {"pointing_game": pointing_game, "mass_inside": mass_inside, "iou": mask_iou}
BATCH = 100


@dataclass(frozen=True)
class Look(Cell):
    """One method of looking into one trained network."""

    method: str = "attention"  # one of METHODS
    looked: int = 500  # test images, the first ones


def look(cell: Cell, method: str, looked: int) -> Look:
    """Return the look of a method into the network of a cell."""
    return Look(**{field.name: getattr(cell, field.name) for field in fields(Cell)}, method=method, looked=looked)


@torch.no_grad()
def attention_map(model: AttendAndRectify, images: Tensor) -> Tensor:
    """Return where a network attends: masks averaged over heads and modules by their gates, (B, H, W), sum one.

    Head gates weigh the heads of a module, global gates the modules (the network's own gate is left out); each mask
    is brought to the size of the image (bilinear) and made to sum to one first.
    """
    model.eval()
    observed = model.observe(images)
    gates = model.rectifier(observed).gates  # (B, AD + 1), or (B, 0) of a projection
    total = torch.zeros_like(images[:, 0])  # (B, H, W)
    for position, (module, tap) in enumerate(zip(model.rectifier.attention, observed.taps)):
        _, masks, head_gates = module(tap)
        large = F.interpolate(masks, images.shape[2:], mode="bilinear", align_corners=False)  # (B, K, H, W)
        large = large / large.sum((2, 3), keepdim=True)
        weight = gates[:, position] if gates.shape[1] else torch.ones(len(images))
        total += weight[:, None, None] * (head_gates[:, :, None, None] * large).sum(1)
    return total / total.sum((1, 2), keepdim=True)


def maps_of(method: str, model: AttendAndRectify, images: Tensor) -> Tensor:
    """Return the map of each image (B, H, W) by one of METHODS; attributions are of the class that was predicted.

    Grad-CAM reads the deepest tap; the centre prior sees nothing.
    """
    check_choice(method, METHODS, "method")
    if method == "centre prior":
        return centre_prior(*images.shape[2:]).expand(len(images), -1, -1)
    if method == "attention":
        return attention_map(model, images)
    layer = model.base.get_submodule(model.taps[0]) if method == "grad_cam" else None
    model.eval()
    with torch.no_grad():
        predicted = model(images).log_scores.argmax(1)
    return attribute(method, model, images, predicted, layer, scores_of)


@torch.no_grad()
def heads_of(model: AttendAndRectify, image: Tensor) -> tuple[Tensor, list[str]]:
    """Return the masks of every module and head on one image (1, C, H, W), and titles: (AD K, H, W), 1 at the most."""
    masks, gates = model.eval()(image)[1:]
    large = [F.interpolate(mask, image.shape[2:], mode="nearest")[0] for mask in masks]  # (K, H, W) each
    large = [mask / mask.amax((1, 2), keepdim=True) for mask in large]
    titles = [
        f"{name}, gate {gate:.2f}"
        for name, mask, gate in zip(model.taps, large, [*gates[0], *[torch.nan] * len(large)])
        for _ in mask
    ]
    return torch.cat(large), titles


def regions(part: ImageSet, num_classes: int) -> dict[str, Tensor]:
    """Return what is known to matter in each image, name -> (B, H, W) bool.

    "object" is the strokes of the digit, or the bird. "part" of birds: where the parts show in which a species
    differs from its sister, the one most like it; empty where they are hidden.
    """
    if "mask" in part.annotations:
        return {"object": part.annotations["mask"]}
    labels = part.annotations["part_labels"].long()  # (B, H, W): 0, or 1 + part
    sister = (part.targets ^ 1).clamp_max(num_classes - 1)
    differs = separating_parts(part.targets, sister, num_classes)  # (B, P)
    table = F.pad(differs, (1, 0))  # (B, 1 + P): off the bird, nothing
    return {"object": labels > 0, "part": table.gather(1, labels.flatten(1)).view_as(labels)}


def tested(cell: Cell, looked: int) -> tuple[ImageSet, Tensor]:
    """Return the first test images of a cell, as they are and as its network takes them."""
    shown = image_sets(cell)["test"].select(slice(looked))
    return shown, standardize(shown.images, *scale(cell))


def look_rows(one: Look, seed: int, profile: str, model: AttendAndRectify) -> list[Row]:
    """Measure one method on one network: pointing game, mass inside and overlap with each region, means over images.

    An image whose region is empty, or whose map is all zero, does not count for that region.
    """
    shown, inputs = tested(one, one.looked)
    maps = torch.cat([maps_of(one.method, model, batch) for batch in inputs.split(BATCH)])  # (B, H, W)
    run = Run(EXPERIMENT, as_json(one), one.dataset, seed, profile, "cpu")
    rows = []
    for name, region in regions(shown, one.num_classes).items():
        counts = region.flatten(1).any(1) & (maps.flatten(1).amax(1) > 0)
        prefix = "" if name == "object" else f"{name}_"
        rows += [
            run.row(f"{prefix}{measure}", value, "fraction", "test", "last", one.epochs)
            for measure, value in (
                (key, function(maps[counts], region[counts]).double().mean().item())
                for key, function in MEASURES.items()
            )
        ]
        rows.append(run.row(f"{prefix}area", region[counts].double().mean().item(), "fraction", "test", "last", 0))
    return rows


@torch.no_grad()
def gate_rows(cell: Cell, looked: int, seed: int, profile: str, model: AttendAndRectify) -> list[Row]:
    """Measure the global gates on test images: the network's own, and how much gates deviate from being equal."""
    gates = model.eval()(tested(cell, looked)[1]).gates  # (B, AD + 1)
    run = Run(GATES, as_json(cell), cell.dataset, seed, profile, "cpu")
    spread = (gates - 1 / gates.shape[1]).square().mean().sqrt()
    return [
        run.row("own_gate", gates[:, -1].mean().item(), "fraction", "test", "last", cell.epochs),
        run.row("gate_deviation", spread.item(), "fraction", "test", "last", cell.epochs),
    ]


def summary(rows: pd.DataFrame, dataset: str, region: str = "object") -> pd.DataFrame:
    """Return the measures of every method in percent, means over seeds with 95% half-widths; empty without rows.

    The line "an even map" is what a map without any preference would have inside: the share of the image.
    """
    prefix = "" if region == "object" else f"{region}_"
    columns = ["looked with", "pointing game (%)", "mass inside (%)", "overlap (%)"]
    table = with_config(rows[rows["dataset"] == dataset]) if len(rows) else rows
    if table.empty:
        return pd.DataFrame(columns=columns)
    lines = []
    for method in METHODS:
        mine = table[table["method"] == method]
        values = [100 * mine[mine["metric"] == f"{prefix}{measure}"]["value"] for measure in MEASURES]
        lines.append([method.replace("_", " "), *(as_text(interval(value.tolist()), 1) for value in values)])
    area = 100 * table[table["metric"] == f"{prefix}area"]["value"].mean()
    lines.append(["an even map", f"{area:.1f}", f"{area:.1f}", ""])
    return pd.DataFrame(lines, columns=columns)


def rerun(config: str, seed: int, profile: str) -> list[Row]:
    """Train the network of a recorded look anew and return the rows of the look."""
    one = from_json(config, Look)
    return look_rows(one, seed, profile, run_cell(cell_of(one), seed, profile).model.cpu())
