"""Cross-entropy of the decoder, whole or in chunks of classes so that no (B, n) matrix is ever held.

Its gradient (Eq. 6.3, corrected) is, with respect to U, scale times the softmax-weighted mean of all codewords minus
the own codeword. Both the loss and that mean come out of one pass over the classes, which leaves nothing to store for
the backward pass but a (B, k) matrix.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.checks import check_positive
from fgr.output_codes.decoder import default_scale, full_precision, outputs_of, scores_of, words_of
from fgr.output_codes.validation import class_numbers


class _ChunkedCrossEntropy(torch.autograd.Function):
    """Loss of each sample by a running log-sum-exp; the codewords are constants."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        U: Tensor,
        words: Tensor,
        offsets: Tensor,
        targets: Tensor,
        scale: float | Tensor,
        chunk: int,
    ) -> Tensor:
        highest = U.new_full((len(U), 1), -torch.inf)
        total, mean = U.new_zeros(len(U), 1), torch.zeros_like(U)
        for part, offset in zip(words.split(chunk), offsets.split(chunk)):
            logits = scale * torch.addmm(offset.to(U.dtype), U, part.to(U.dtype).T)  # (B, chunk)
            higher = torch.maximum(highest, logits.amax(1, keepdim=True))
            weights = logits.sub_(higher).exp_()
            fade = (highest - higher).exp()
            total = total * fade + weights.sum(1, keepdim=True)
            mean = mean * fade + weights @ part.to(U.dtype)
            highest = higher
        own = words[targets].to(U.dtype)
        ctx.save_for_backward(mean / total - own, torch.as_tensor(scale))
        own_logit = scale * ((U * own).sum(1) + offsets[targets].to(U.dtype))
        return (highest + total.log()).squeeze(1) - own_logit

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, upstream: Tensor) -> tuple[Tensor | None, ...]:
        pull, scale = ctx.saved_tensors
        return upstream[:, None] * scale.to(pull) * pull, None, None, None, None, None


def loss_of(
    U: Tensor, words: Tensor, offsets: Tensor, targets: Tensor, scale: float | Tensor, chunk: int | None
) -> Tensor:
    """Return the mean loss of prepared outputs and words."""
    targets = class_numbers(targets, len(U), len(words))
    if chunk is None:
        return F.cross_entropy(scores_of(U, words, offsets, scale), targets)
    check_positive(chunk, "chunk")
    if words.requires_grad:
        raise ValueError("chunked loss takes fixed codes; learned ones need chunk=None")
    with full_precision(U):
        return _ChunkedCrossEntropy.apply(U, words, offsets, targets, scale, chunk).mean()


def code_loss(
    z: Tensor,
    codes: Tensor,
    targets: Tensor,
    scale: float | None = None,
    normalize: str = "both",
    chunk: int | None = None,
) -> Tensor:
    """Return the mean cross-entropy of the decoded outputs.

    Args:
        z: (B, k) outputs of a network.
        codes: (n, k).
        targets: (B,) class numbers in [0, n), of any integer type.
        scale, normalize: as in `decode`.
        chunk: classes handled at a time; None takes all at once, through autograd (twice differentiable, and the only
            way to train the codes themselves).

    Returns:
        A scalar.

    Raises:
        ValueError: as `decode`; on targets that are no classes (whose range is not checked while exported or compiled);
            on a chunk with codes that need a gradient.

    Example:
        >>> z, codes, targets = torch.tensor([[0.0, 2.0]]), torch.eye(2), torch.tensor([1])
        >>> code_loss(z, codes, targets, scale=3.0), code_loss(z, codes, targets, scale=3.0, chunk=1)
        (tensor(0.0486), tensor(0.0486))
    """
    words, offsets = words_of(codes, normalize)
    scale = default_scale(codes.shape[1]) if scale is None else scale
    check_positive(scale, "scale")
    return loss_of(outputs_of(z, codes.shape[1], normalize), words, offsets, targets, scale, chunk)
