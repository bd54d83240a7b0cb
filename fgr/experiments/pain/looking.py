"""Where a pain network looks: mean saliency (Eq. 2.10, 2.11), and how much of it lies where pain shows."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fgr.attribution import attribute, mass_inside
from fgr.data import ImageSet
from fgr.data.splits import Split
from fgr.data.synthetic.faces import ACTION_REGIONS, FACE_REGIONS, region
from fgr.experiments.pain.cells import PAIN, Cell, targets_of
from fgr.experiments.pain.network import Trained
from fgr.experiments.pain.preprocess import frames, masks_in_shape, prepared

SCORED = (4, 6, 7, 9, 10, 43)  # the action units of PSPI
PLACES = ("face", "muscles", "background")  # the last: everything but the face, so hair and neck too
BATCH = 100


class Looks(NamedTuple):
    """Mean saliency and mean face, and the share of each frame's saliency and area by place.

    A frame at which no unit of fc6 or fc7 answers has no saliency at all: it counts in no mean.
    """

    saliency: Tensor  # (S, S), of sum 1; NaN if no frame has any
    face: Tensor  # (3, S, S) in [0, 1]
    shares: Tensor  # (n, 3) by PLACES; NaN for a frame without saliency
    areas: Tensor  # (n, 3): what a map without any preference would have there

    @property
    def seen(self) -> Tensor:
        """Return which frames have a saliency (n,) bool."""
        return self.shares.isfinite().all(1)

    def means(self) -> tuple[Tensor, Tensor]:
        """Return the mean shares of saliency and of area (3,) each, of the frames that have a saliency."""
        return self.shares[self.seen].double().mean(0), self.areas[self.seen].double().mean(0)


def joined(looks: Sequence[Looks]) -> Looks:
    """Return the looks of several folds as one: maps and faces averaged, frames one after the other."""
    return Looks(
        torch.stack([one.saliency for one in looks]).nanmean(0),
        torch.stack([one.face for one in looks]).mean(0),
        torch.cat([one.shares for one in looks]),
        torch.cat([one.areas for one in looks]),
    )


def places(whole: ImageSet, rows: Tensor) -> Tensor:
    """Return (n, 3, H, W) bool by PLACES: the face, the muscles of the scored units active in the frame, and the rest.

    A unit is active from grade 1 on. Muscles move the skin of `ACTION_REGIONS`.
    """
    shown = whole.annotations["regions"][rows].long()  # (n, H, W)
    face = torch.isin(shown, torch.tensor([region(name) for name in FACE_REGIONS]))
    muscles = torch.zeros_like(face)
    for unit in SCORED:
        column = whole.labels["aus"].index(f"AU{unit}")
        active = whole.annotations["aus"][rows, column] >= 1
        moved = torch.isin(shown, torch.tensor([region(name) for name in ACTION_REGIONS[unit]]))
        muscles |= moved & active[:, None, None]
    return torch.stack([face, muscles & face, ~face], 1)


def look(cell: Cell, trained: Trained, split: Split, device: torch.device | str = "cpu") -> Looks:
    """Measure the saliency of the pain level on the first `cell.looked` test frames with pain, evenly spread.

    Raises:
        ValueError: if the data do not say what each pixel shows; only generated ones do.
    """
    whole = frames(cell.source)
    if "regions" not in whole.annotations:
        raise ValueError(f"{cell.dataset} does not say what each pixel shows; set looked=0")
    rows = split.test[targets_of(cell, whole)[split.test] >= PAIN]
    rows = rows[torch.linspace(0, len(rows) - 1, min(cell.looked, len(rows))).long()]
    images = prepared(cell.source, cell.variant).images[rows]
    trained.model.to(device)
    maps = torch.cat(
        [
            attribute("saliency", trained.model, trained.intensity.apply(x).to(device), scores=lambda out: out[:, 0])
            for x in images.split(BATCH)
        ]
    ).cpu()  # (n, S, S)
    where = masks_in_shape(cell.source, cell.variant, rows, places(whole, rows))  # (n, 3, S, S)
    where[:, 2] = ~where[:, 0]  # what lies outside the frame is background too
    shares = torch.stack([mass_inside(maps, where[:, k]) for k in range(len(PLACES))], 1)
    average = (maps / maps.sum((1, 2), keepdim=True)).nanmean(0)
    return Looks(average, images.float().mean(0) / 255, shares, where.double().mean((2, 3)))
