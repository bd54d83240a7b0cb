"""Which scale does a code need? With too small a one the loss cannot fall, however good the network."""

import torch
from torch import Tensor

from fgr.checks import check_positive
from fgr.output_codes.loss import code_loss

CHUNK = 4096
LARGEST = 1e6


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
        loss: nats, above 0.
        normalize: as in `decode`. With "output" unequal rows may never get there.

    Raises:
        ValueError: if no scale up to a million reaches it: some words are equal, or a shorter one wins.

    Example:
        >>> round(scale_for_loss(torch.eye(100), 0.01), 1)
        9.2
    """
    check_positive(loss, "loss")
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
