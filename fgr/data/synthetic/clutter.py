"""Cluttered digits: one whole digit somewhere among pieces of other digits (thesis section 4.4.1, Fig. 4.4a).

V. Mnih, N. Heess, A. Graves, K. Kavukcuoglu: Recurrent Models of Visual Attention, NIPS 2014, for the task. Written
from the description of the released recipe: distractors first, then the digit added on top, the sum clipped.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fgr.checks import check_shape
from fgr.data.synthetic.hashing import integers

PIECE = 8  # pixels of a side of a distractor
INK = 128  # grey level from which a pixel belongs to the digit: half of white


class Cluttered(NamedTuple):
    """B pictures of a digit among distractors and where it is.

    images: (B, 1, size, size) uint8. targets: (B,) int64.
    boxes: (B, 4) float32 x0, y0, x1, y1 around the digit's mask, zeros around none.
    masks: (B, size, size) bool, the strokes of the digit: its own pixels of half brightness or more.
    distractors: (B, D, 4) int64 x0, y0, x1, y1 of every piece, whether there is ink in it or not.
    """

    images: Tensor
    targets: Tensor
    boxes: Tensor
    masks: Tensor
    distractors: Tensor


def clutter(
    digits: Tensor, targets: Tensor, index: Tensor, seed: int, distractors: int = 8, size: int = 40
) -> Cluttered:
    """Draw cluttered digits, each from (seed, index) alone.

    A digit is drawn with replacement and placed anywhere that it fits; each distractor is an 8 x 8 piece cut anywhere
    from another digit and placed anywhere. Grey levels are added and clipped at white. With more distractors the
    digit, its place and the first distractors stay the same.

    Args:
        digits: (N, 1, h, w) uint8, at least two.
        targets: (N,) int64, their classes.
        index: (B,) int64, which samples, 0 or above.
        seed: of the set.
        distractors: 0 or more.
        size: pixels of a side of the pictures, at least those of a digit.

    Raises:
        ValueError: on shapes that do not fit, fewer than two digits, or a size or number out of range.

    Example:
        >>> digits = torch.full((3, 1, 28, 28), 200, dtype=torch.uint8)
        >>> made = clutter(digits, torch.tensor([4, 5, 6]), torch.arange(2), seed=0)
        >>> made.images.shape, made.masks.sum((1, 2)).tolist()
        (torch.Size([2, 1, 40, 40]), [784, 784])
    """
    check_shape(digits, "N 1 H W", "digits")
    count, _, h, w = digits.shape
    check_shape(targets, f"{count}", "targets")
    if digits.dtype != torch.uint8 or count < 2 or min(h, w) < PIECE:
        raise ValueError(f"digits must be uint8, two at least and {PIECE} pixels a side; got {digits.dtype} {count}")
    if distractors < 0:
        raise ValueError(f"distractors must be 0 or above, got {distractors}")
    if size < max(h, w):
        raise ValueError(f"size must be {max(h, w)} at least, to hold a digit of {h} x {w}, got {size}")
    which = integers(seed, index, "digit", count)  # (B,)
    y, x = integers(seed, index, "row", size - h + 1), integers(seed, index, "column", size - w + 1)
    alone = _paste(digits[which], y[:, None], x[:, None], size)  # (B, size, size)
    skip = 1 + integers(seed, index, "other", count - 1, distractors)  # (B, D) never the digit itself
    from_y = integers(seed, index, "from row", h - PIECE + 1, distractors)
    from_x = integers(seed, index, "from column", w - PIECE + 1, distractors)
    pieces = _cut(digits[:, 0], (which[:, None] + skip) % count, from_y, from_x)  # (B, D, 8, 8)
    to_y = integers(seed, index, "to row", size - PIECE + 1, distractors)
    to_x = integers(seed, index, "to column", size - PIECE + 1, distractors)
    total = alone + _paste(pieces, to_y, to_x, size)
    images = total.clamp_max(255).to(torch.uint8)[:, None]  # (B, 1, size, size)
    masks = alone >= INK
    places = torch.stack([to_x, to_y, to_x + PIECE, to_y + PIECE], 2)  # (B, D, 4)
    return Cluttered(images, targets[which], _boxes(masks), masks, places)


def _cut(pictures: Tensor, which: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Return pieces (B, D, 8, 8) of pictures (N, h, w): of picture `which`, from row y and column x, (B, D) each."""
    side = torch.arange(PIECE, device=pictures.device)
    rows, columns = y[..., None, None] + side[:, None], x[..., None, None] + side  # (B, D, 8, 1), (B, D, 1, 8)
    return pictures[which[..., None, None], rows, columns]


def _paste(pieces: Tensor, y: Tensor, x: Tensor, size: int) -> Tensor:
    """Add pieces (B, D, h, w) at rows y and columns x, (B, D) each, to black pictures: (B, size, size) int32."""
    B, _, h, w = pieces.shape
    rows = y[..., None, None] + torch.arange(h, device=y.device)[:, None]  # (B, D, h, 1)
    columns = x[..., None, None] + torch.arange(w, device=x.device)  # (B, D, 1, w)
    place = (rows * size + columns).flatten(1)  # (B, D h w)
    total = torch.zeros(B, size * size, dtype=torch.int32, device=pieces.device)
    return total.scatter_add_(1, place, pieces.flatten(1).int()).view(B, size, size)


def _boxes(masks: Tensor) -> Tensor:
    """Return the edges of the smallest box around each mask (B, H, W), zeros around none: (B, 4)."""
    columns, rows = masks.any(1).byte(), masks.any(2).byte()  # (B, W), (B, H)
    near = [line.argmax(1) for line in (columns, rows)]
    far = [line.shape[1] - line.flip(1).argmax(1) for line in (columns, rows)]
    return torch.stack(near + far, 1).float() * masks.flatten(1).any(1, keepdim=True)
