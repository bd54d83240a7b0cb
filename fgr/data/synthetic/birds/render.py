"""Generated birds with their truth: species, parts, box and masks of every image."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fgr.checks import check_shape
from fgr.data.synthetic.birds.attributes import PARTS
from fgr.data.synthetic.birds.nuisance import nuisance
from fgr.data.synthetic.birds.plumage import Plumage, paint_birds
from fgr.data.synthetic.birds.scene import Scene, light, paint_before, paint_behind
from fgr.data.synthetic.birds.skeleton import part_points, skeleton
from fgr.data.synthetic.birds.taxonomy import check_num_species
from fgr.data.synthetic.canvas import Canvas

MIN_SIZE = 16
_CHUNK = 1 << 20  # pixels painted at once: enough that calls cost little, few enough to stay near the cache


class BirdBatch(NamedTuple):
    """B pictures of birds and what is true of them; coordinates in pixels, pixel k reaching from k to k + 1.

    images: (B, 3, H, W) uint8. species: (B,) int64.
    parts: (B, P, 3) float32, x, y, and 1 if the pixel there shows this very part, 0 if it is hidden or outside.
    boxes: (B, 4) float32 x0, y0, x1, y1 around all pixels of the bird that show; zeros if none does.
    masks: (B, H, W) bool, the bird as far as it shows.
    part_labels: (B, H, W) uint8, 0 where no bird shows, else 1 + which of `PARTS`.
    """

    images: Tensor
    species: Tensor
    parts: Tensor
    boxes: Tensor
    masks: Tensor
    part_labels: Tensor


def render_birds(
    index: Tensor | Sequence[int],
    size: int = 64,
    num_species: int = 100,
    difficulty: float = 0.5,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> BirdBatch:
    """Paint birds, each from (seed, index) alone: the same under any batch size and order, on every machine.

    Sample i is of species i mod num_species, so that num_species samples in a row show each species once; attributes
    are `taxonomy(num_species).attributes[species]`.

    The time goes into many small steps, which threads do not speed up: one thread a process is best
    (`torch.set_num_threads(1)`), and several processes may share the indices out.

    Args:
        index: (B,) which samples, 0 or above, B at least 1.
        size: H = W in pixels, at least 16; the same scene at any size.
        num_species: L, 20 to 200, see `taxonomy`.
        difficulty: 0 to 1, a dial over all nuisance and clutter (`Nuisance` and `Scene` state every range): at 0 all
            birds stand alike, large, in even light before a calm background; at 1 they are turned, small, badly lit,
            among clutter in the colours of plumage and partly behind leaves.
        seed: of the set.
        device: where to paint; None for the device of index.

    Returns:
        See `BirdBatch`.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> birds = render_birds(range(3), size=32, num_species=20)
        >>> birds.images.shape, birds.species.tolist(), birds.parts.shape
        (torch.Size([3, 3, 32, 32]), [0, 1, 2], torch.Size([3, 12, 3]))
    """
    index = torch.as_tensor(index if isinstance(index, Tensor) else list(index))
    check_shape(index, "B", "index")
    if not len(index) or index.is_floating_point() or index.dtype == torch.bool or int(index.min()) < 0:
        raise ValueError(f"index must hold at least one integer, all 0 or above, got {index}")
    if size < MIN_SIZE:
        raise ValueError(f"size must be at least {MIN_SIZE} pixels, got {size}")
    if not 0 <= difficulty <= 1:
        raise ValueError(f"difficulty must lie in [0, 1], got {difficulty}")
    check_num_species(num_species)
    index = index.long().to(device or index.device)
    chunks = index.split(max(8, _CHUNK // size**2))
    batches = [_paint(part, size, num_species, difficulty, seed) for part in chunks]
    return BirdBatch(*(torch.cat(values) for values in zip(*batches, strict=True)))


def _paint(index: Tensor, size: int, num_species: int, difficulty: float, seed: int) -> BirdBatch:
    species = index % num_species
    pose, scene = nuisance(seed, index, difficulty), Scene(seed, index, difficulty)
    bones = skeleton(species, num_species, pose)
    canvas = Canvas(len(index), size, size, scene.background(), index.device)
    paint_behind(canvas, scene, bones)
    paint_birds(canvas, bones, Plumage(species, num_species, pose))
    paint_before(canvas, scene)
    light(canvas, scene, pose)
    masks = canvas.labels > 0
    points = part_points(bones) * size  # (B, P, 2)
    parts = torch.cat([points, _visible(points, canvas.labels)[..., None]], 2)
    return BirdBatch(canvas.uint8(), species, parts, _boxes(masks), masks, canvas.labels)


def _visible(points: Tensor, labels: Tensor) -> Tensor:
    """Return 1 where the pixel at a part's point shows that part: (B, P)."""
    size = labels.shape[-1]
    pixel = points.floor().long()
    inside = ((pixel >= 0) & (pixel < size)).all(2)  # (B, P)
    x, y = pixel.clamp(0, size - 1).unbind(2)
    here = labels.flatten(1).gather(1, y * size + x)  # (B, P)
    return (inside & (here == torch.arange(1, len(PARTS) + 1, device=labels.device))).float()


def _boxes(masks: Tensor) -> Tensor:
    """Return the edges of the smallest box around each mask (B, H, W), zeros around none: (B, 4)."""
    columns, rows = masks.any(1).byte(), masks.any(2).byte()  # (B, W), (B, H)
    near = [line.argmax(1) for line in (columns, rows)]
    far = [line.shape[1] - line.flip(1).argmax(1) for line in (columns, rows)]
    return torch.stack(near + far, 1).float() * masks.flatten(1).any(1, keepdim=True)
