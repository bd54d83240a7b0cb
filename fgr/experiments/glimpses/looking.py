"""Where a trained network looks: the weights of its grid, and the cells it reads, against what the renderer drew."""

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.attribution import mass_inside
from fgr.data import ImageSet
from fgr.data.synthetic.faces import AGE_REGIONS, FACE_REGIONS, REGIONS
from fgr.experiments.glimpses.runs import BATCH, Scaled
from fgr.glimpse import Glimpse

# What is asked about -> the regions of the renderer that are it.
ASKED = {
    "skin that shows age": AGE_REGIONS,
    "face": FACE_REGIONS,
    "hair": ("hair",),
    "occluders": ("occluder",),
    "background": ("background", "background face"),
}


@torch.no_grad()
def glimpses(model: Scaled, images: Tensor) -> Glimpse:
    """Return what a network with glimpses does with images (B, 3, H, W) uint8: scores, grids, cells; on the CPU."""
    model.eval()
    where = next(model.parameters()).device
    found = [model(batch.to(where)) for batch in images.split(BATCH)]
    return Glimpse(*(torch.cat(part).cpu() for part in zip(*found)))


def spread(grid: Tensor, height: int, width: int) -> Tensor:
    """Return a grid (B, k, k) as a map over the pixels (B, height, width): each cell's weight on all of its pixels.

    Example:
        >>> spread(torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]), 2, 4).tolist()
        [[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]]]
    """
    return F.interpolate(grid[:, None], (height, width), mode="nearest")[:, 0]


def read_cells(seen: Glimpse) -> Tensor:
    """Return 1 for the cells that were read and 0 for the others, (B, k, k)."""
    flat = torch.zeros_like(seen.grid).flatten(1)  # (B, k^2)
    return flat.scatter_(1, seen.chosen, 1.0).view_as(seen.grid)


def region_masks(faces: ImageSet) -> dict[str, Tensor]:
    """Return what is asked about -> its pixels (B, H, W) bool; nothing for faces whose regions are not known."""
    if "regions" not in faces.annotations:
        return {}
    drawn = faces.annotations["regions"].long()  # (B, H, W) indices into REGIONS
    return {name: torch.tensor([part in parts for part in REGIONS])[drawn] for name, parts in ASKED.items()}


def shares(seen: Glimpse, masks: dict[str, Tensor]) -> dict[str, dict[str, float]]:
    """Return what is asked about -> shares of it in the grid's weight and in the cells read.

    A uniform grid, or cells drawn by lot, would have its share of the image (`areas`). Means over faces that show it.

    Args:
        seen: of `glimpses`.
        masks: of `region_masks`, (B, H, W) each.
    """
    found = {}
    for name, mask in masks.items():
        shown = mask.flatten(1).any(1)
        if shown.any():
            size = mask.shape[1:]
            found[name] = {
                "weight": mass_inside(spread(seen.grid[shown], *size), mask[shown]).mean().item(),
                "read": mass_inside(spread(read_cells(seen)[shown], *size), mask[shown]).mean().item(),
            }
    return found


def areas(masks: dict[str, Tensor]) -> dict[str, float]:
    """Return what is asked about -> its share of the image, mean over the faces that show it.

    Example:
        >>> areas({"ring": torch.tensor([[[True, False]], [[False, False]]])})
        {'ring': 0.5}
    """
    shown = {name: mask[mask.flatten(1).any(1)] for name, mask in masks.items()}
    return {name: mask.double().mean().item() for name, mask in shown.items() if len(mask)}


def weight_read(seen: Glimpse) -> float:
    """Return the share of the grid's weight that lies in the cells that were read, mean over the images."""
    return seen.grid.flatten(1).gather(1, seen.chosen).sum(1).mean().item()


def constancy(seen: Glimpse) -> float:
    """Return the share of the cells read that are among the n cells read most often: 1 for eyes that never move.

    Example:
        >>> still = Glimpse(torch.zeros(2, 3), torch.full((2, 2, 2), 0.25), torch.tensor([[0], [0]]))
        >>> constancy(still), constancy(still._replace(chosen=torch.tensor([[0], [3]])))
        (1.0, 0.5)
    """
    often = read_cells(seen).flatten(1).mean(0).topk(seen.chosen.shape[1]).values  # (n,)
    return often.mean().item()


def agreement(one: Glimpse, other: Glimpse) -> float:
    """Return the share of the cells read by one network that another reads in the same images.

    Cells drawn by lot would agree in n / k^2 of them.
    """
    return (read_cells(one) * read_cells(other)).flatten(1).sum(1).mean().item() / one.chosen.shape[1]
