"""Which scale does a code need? With too small a one the loss cannot fall, however good the network."""

import math

import torch
from torch import Tensor

from fgr.checks import check_positive, check_shape
from fgr.output_codes.loss import code_loss
from fgr.output_codes.validation import check_sizes

CHUNK = 4096
LARGEST = 1e6
ROUNDING = 1e-6  # of a loss in float32: closer to guessing than this, a scale means nothing


@torch.no_grad()
def loss_floor(codes: Tensor, scale: float | None = None, normalize: str = "both") -> float:
    """Return the mean loss in nats when every output lies exactly on its own codeword.

    Args:
        codes: (n, k).
        scale, normalize: as in `decode`.

    Example:
        >>> hundred = torch.eye(100)
        >>> round(loss_floor(hundred, scale=1.0), 1), round(loss_floor(hundred, scale=10.0), 4)
        (3.6, 0.0045)
    """
    n = len(codes)
    total = 0.0
    for rows in torch.arange(n, device=codes.device).split(CHUNK):
        total += code_loss(codes[rows], codes, rows, scale, normalize, chunk=CHUNK).item() * len(rows)
    return total / n


def scale_for_loss(codes: Tensor, loss: float = 0.01, normalize: str = "both") -> float:
    """Return the smallest scale, to a thousandth, at which `loss_floor` is at most `loss`.

    A like-for-like temperature for codes of different kinds and lengths: similar words need a larger one.

    Args:
        codes: (n, k) with distinct rows.
        loss: nats, above 0 and below ln n, the loss of guessing, to which it tends as the scale falls to 0.
        normalize: as in `decode`. With "output" unequal rows may never get there.

    Raises:
        ValueError: on a loss out of its range; if no scale up to a million reaches it: some words are equal, or a
            shorter one wins.

    Example:
        >>> round(scale_for_loss(torch.eye(100), 0.01), 1)
        9.2
    """
    check_positive(loss, "loss")
    check_shape(codes, "n k", "codes")
    check_sizes(*codes.shape)
    guessing = math.log(len(codes))
    if loss >= guessing * (1 - ROUNDING):
        raise ValueError(
            f"loss must be above 0 and below ln {len(codes)} = {guessing:.6g} nats, what guessing among {len(codes)} "
            f"classes costs at any scale however small, got {loss:g}"
        )
    low, high = 0.0, 1.0
    while loss_floor(codes, high, normalize) > loss:
        low, high = high, 2 * high
        if high > LARGEST:
            raise ValueError(
                f"no scale up to {LARGEST:g} brings the loss on the codewords themselves to {loss:g}: some words are "
                "equal, or unequal lengths make a shorter word win (normalize='both')"
            )
    while high - low > 1e-3 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if loss_floor(codes, middle, normalize) <= loss else (middle, high)
    return high
