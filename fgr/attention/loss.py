"""What a network with attention is trained on: the negative log-likelihood and a penalty on masks that overlap."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.attention.rectifier import AttentionOutput
from fgr.checks import check_shape


def mask_penalty(masks: Sequence[Tensor], pool: int = 2) -> Tensor:
    """Return the inter-mask penalty of the released runs, the mean over modules of each one's R::

        m_k = mask k, average-pooled 2 x 2       R = mean over (b, k, k') of ([k != k'] <m_k, m_k'>)^2

    The thesis cites a regulariser without a formula; this is what its code computes. Pooled masks (which sum to 1/4)
    overlap by 1/16 at most, so the penalty cannot exceed (K - 1) / K / 256 < 0.0039: at the released weight of 0.001
    it is inert, a weight that matters is 1e2 to 1e4.

    Args:
        masks: one (B, K, H, W) tensor a module. An odd last row or column is left out by pooling.
        pool: side of the pooled squares; 1 leaves the masks as they are, as in the earlier code for cluttered digits.

    Returns:
        A scalar; 0 for one head.

    Raises:
        ValueError: on no masks, or masks smaller than `pool`.

    Example:
        >>> one_place = torch.zeros(1, 2, 4, 4); one_place[..., 0, 0] = 1.0
        >>> mask_penalty([one_place]) == 1 / 2 / 256
        tensor(True)
    """
    if not masks:
        raise ValueError("masks must hold at least one tensor, one a module")
    return torch.stack([_overlap(mask, pool) for mask in masks]).mean()


def _overlap(masks: Tensor, pool: int) -> Tensor:
    """Return R of one module."""
    check_shape(masks, "B K H W", "masks")
    if not 1 <= pool <= min(masks.shape[2:]):
        raise ValueError(
            f"masks of {tuple(masks.shape[2:])} cannot be pooled by {pool}: give pool=1, tap an earlier layer, or set "
            "the penalty's weight to 0"
        )
    m = F.avg_pool2d(masks, pool).flatten(2)  # (B, K, H W / pool^2)
    others = 1 - torch.eye(m.shape[1], dtype=m.dtype, device=m.device)
    return ((m @ m.mT) * others).square().mean()


def attention_loss(output: AttentionOutput, targets: Tensor, penalty_weight: float = 0.001, pool: int = 2) -> Tensor:
    """Return the mean negative log-likelihood plus `penalty_weight` times the inter-mask penalty.

    Its log scores are logarithms already, so cross-entropy would be another loss. The released runs penalise in
    training only: evaluate with a weight of 0.

    Args:
        output: of a network with attention.
        targets: (B,) class numbers.
        penalty_weight: 0.001 in the released runs, in which the penalty is inert (`mask_penalty`), and 0 in the run
            of 17.82 % on CIFAR-100; 0 leaves it out.
        pool: see `mask_penalty`.

    Returns:
        A scalar.

    Raises:
        ValueError: on a negative weight, or masks that cannot be pooled.

    Example:
        >>> masks = (torch.ones(1, 1, 2, 2) / 4,)
        >>> output = AttentionOutput(torch.tensor([[0.25, 0.75]]).log(), masks, gates=torch.ones(1, 2))
        >>> round(attention_loss(output, torch.tensor([1])).item(), 4)
        0.2877
    """
    if not 0 <= penalty_weight < float("inf"):
        raise ValueError(f"penalty_weight must be a finite number of at least 0, got {penalty_weight}")
    loss = F.nll_loss(output.log_scores, targets)
    return loss + penalty_weight * mask_penalty(output.masks, pool) if penalty_weight else loss
