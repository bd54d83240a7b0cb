"""The decoder: class scores are negative squared distances between a network's output and the classes' codewords.

Thesis section 6.3.1, D_i = -1/2 ||M_i - U||^2 with U = z / ||z||, followed by a softmax. Two things that the text
leaves open are explicit here:

- Normalisation. Where the rows of M differ in length (Gaussian, spectral codes), -1/2 ||M_i||^2 prefers short words
  whatever the output says, so by default both sides have unit length.
- Scale, the inverse temperature of the softmax. Between unit vectors D spans at most 2, and cross-entropy cannot fall
  far below chance (100 classes: 3.6 of 4.6 nats). The default sqrt(k) is what -1 / +1 words of k bits get under the
  printed formula; `scale_for_loss` finds the scale that a code needs.
"""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor

from fgr.checks import check_choice, check_positive, check_shape

NORMALIZATIONS = ("both", "output", "codes", "none")


class Prediction(NamedTuple):
    """The best classes of each sample, best first: their scores (B, top) and their numbers (B, top)."""

    scores: Tensor
    classes: Tensor


def at_least_float32(values: Tensor) -> Tensor:
    """Return half-precision values in float32, whose squares do not overflow, and others as they are."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def full_precision(values: Tensor) -> AbstractContextManager:
    """Return a context in which products keep the precision of `values`: autocast's bfloat16 cannot part close words.

    Example:
        >>> x = torch.ones(2, 2)
        >>> with torch.autocast("cpu", torch.bfloat16):
        ...     with full_precision(x):
        ...         exact = x @ x
        ...     (x @ x).dtype, exact.dtype
        (torch.bfloat16, torch.float32)
    """
    kind = values.device.type
    # the meta device has no autocast to switch off
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()


def unit_rows(rows: Tensor) -> Tensor:
    """Return rows at unit length, in float32 at least; a row of zeros stays zero (and passes gradients on as they are).

    Example:
        >>> unit_rows(torch.tensor([[3.0, 4.0], [0.0, 0.0], [1e-30, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000],
                [1.0000, 0.0000]])
    """
    rows = at_least_float32(rows)
    largest = rows.detach().abs().amax(-1, keepdim=True)  # divided out first: squares neither overflow nor vanish
    rows = rows / torch.where(largest > 0, largest, torch.ones_like(largest))
    return torch.where(largest > 0, rows / torch.linalg.vector_norm(rows, dim=-1, keepdim=True).clamp_min(0.5), rows)


def default_scale(length: int) -> float:
    """Return sqrt(k): dot products of a unit vector with -1 / +1 words of k bits span [-sqrt(k), sqrt(k)]."""
    return math.sqrt(length)


def words_of(codes: Tensor, normalize: str) -> tuple[Tensor, Tensor]:
    """Return the words that outputs are compared with, (n, k), and their offsets -1/2 ||M_i||^2, (n,)."""
    check_choice(normalize, NORMALIZATIONS, "normalize")
    check_shape(codes, "n k", "codes")
    words = unit_rows(codes) if normalize in ("both", "codes") else at_least_float32(codes)
    return words, -0.5 * torch.linalg.vector_norm(words, dim=1).square()


def outputs_of(z: Tensor, length: int, normalize: str) -> Tensor:
    """Return U: the outputs, at unit length if they are normalised."""
    check_shape(z, f"B {length}", "z")
    return unit_rows(z) if normalize in ("both", "output") else at_least_float32(z)


def scores_of(U: Tensor, words: Tensor, offsets: Tensor, scale: float | Tensor) -> Tensor:
    """Return scale * -1/2 ||M_i - U||^2, (B, n), by one product instead of n differences."""
    with full_precision(U):
        scores = torch.addmm(offsets.to(U.dtype), U, words.to(U.dtype).T)
        return scores.sub_(0.5 * U.square().sum(1, keepdim=True)).mul_(scale)  # in place: (B, n) may be large


def decode(z: Tensor, codes: Tensor, scale: float | None = None, normalize: str = "both") -> Tensor:
    """Return class logits scale * -1/2 ||M_i - U||^2.

    Args:
        z: (B, k) outputs of a network.
        codes: (n, k) code matrix M.
        scale: inverse temperature above 0; sqrt(k) by default. 1 in the thesis's formula.
        normalize: "both" outputs and codewords to unit length; "output" only, as the thesis prints; "codes" only; or
            "none", the Euclidean decoder.

    Returns:
        (B, n), in float32 at least, under autocast too; the largest is the predicted class.

    Raises:
        ValueError: on shapes that do not fit, another normalisation, a scale not above 0.

    Example:
        >>> decode(torch.tensor([[0.0, 2.0]]), torch.eye(2), scale=3.0)
        tensor([[-3.,  0.]])
    """
    words, offsets = words_of(codes, normalize)
    scale = default_scale(codes.shape[1]) if scale is None else scale
    check_positive(scale, "scale")
    return scores_of(outputs_of(z, codes.shape[1], normalize), words, offsets, scale)


@torch.no_grad()
def best_of(
    U: Tensor, words: Tensor, offsets: Tensor, scale: float | Tensor, top: int = 1, chunk: int = 8192
) -> Prediction:
    """Return the `top` classes of each output, scoring `chunk` classes at a time."""
    if not 1 <= top <= len(words):
        raise ValueError(f"top must be in [1, {len(words)}], got {top}")
    check_positive(chunk, "chunk")
    scores = U.new_empty(len(U), 0)
    classes = torch.empty(len(U), 0, dtype=torch.long, device=U.device)
    for start in range(0, len(words), chunk):
        part = scores_of(U, words[start : start + chunk], offsets[start : start + chunk], scale)
        found, place = part.topk(min(top, part.shape[1]), dim=1)
        scores, classes = torch.cat([scores, found], 1), torch.cat([classes, place + start], 1)
        scores, order = scores.topk(min(top, scores.shape[1]), dim=1)
        classes = classes.gather(1, order)
    return Prediction(scores, classes)


def predict(
    z: Tensor, codes: Tensor, scale: float | None = None, normalize: str = "both", top: int = 1, chunk: int = 8192
) -> Prediction:
    """Return the best classes of each output in memory for B x chunk scores, however many classes there are.

    Args:
        z, codes, scale, normalize: as in `decode`.
        top: how many classes, in [1, n].
        chunk: classes scored at a time.

    Returns:
        A `Prediction`; among equal scores any class may come first.

    Raises:
        ValueError: as `decode`; on a `top` or `chunk` out of range.

    Example:
        >>> predict(torch.tensor([[0.0, 2.0]]), torch.eye(2)).classes
        tensor([[1]])
    """
    words, offsets = words_of(codes, normalize)
    scale = default_scale(codes.shape[1]) if scale is None else scale
    check_positive(scale, "scale")
    return best_of(outputs_of(z, codes.shape[1], normalize), words, offsets, scale, top, chunk)
