"""The attention module: K heads look at a feature map, each classifies what it sees, head gates weigh their opinions.

Thesis chapter 4, Eq. 4.1 to 4.5; P. Rodríguez et al.: Attend and Rectify: a Gated Attention Mechanism for Fine-Grained
Recognition, ECCV 2018. All three linear maps (mask, class scores, head gate) are one 3 x 3 convolution without bias, as
the thesis suggests. The class scores of a head stay raw here; the log-softmax that the thesis does not print comes
where the hypotheses of several modules meet (`combine`).
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.checks import check_choice, check_positive, check_shape

MASKS = ("softmax", "sigmoid")


class Hypothesis(NamedTuple):
    """What one attention module says: class scores (B, L), masks (B, K, H, W), head gates (B, K)."""

    scores: Tensor
    masks: Tensor
    gates: Tensor


def attend(maps: Tensor, heads: int, masks: str = "softmax", head_gates: bool = True) -> Hypothesis:
    """Read the class scores of a feature map where its masks look, and average over heads (Eq. 4.1 to 4.5)::

        H_k = softmax over positions of the mask channel          o_k = sum_p H_k(p) O_k(p)
        g   = softmax over heads of tanh(sum_p H_k(p) G_k(p))     o   = sum_k g_k o_k

    Args:
        maps: (B, K (L + 2), H, W), for each head in turn its mask channel, its head-gate channel and its L class
            channels; without head gates (B, K (L + 1), H, W).
        heads: K, how many heads.
        masks: "softmax" over positions (Eq. 4.1). "sigmoid", which the thesis names without a formula, is here the
            mean over positions of sigmoid-masked scores, H_k = sigmoid / (H W): a mask can close (all zero) or open
            fully (average pooling), the degeneration that the thesis warns of.
        head_gates: without them every head counts 1 / K (our own form of that ablation).

    Returns:
        A `Hypothesis`; its scores are raw, and softmax masks and gates sum to one.

    Raises:
        ValueError: on an unknown option, no heads, or channels that do not fit them.

    Example:
        >>> scores, masks, gates = attend(torch.zeros(2, 3 * (10 + 2), 4, 4), heads=3)
        >>> scores.shape, masks.sum((2, 3))[0], gates[0]
        (torch.Size([2, 10]), tensor([1., 1., 1.]), tensor([0.3333, 0.3333, 0.3333]))
    """
    check_choice(masks, MASKS, "masks")
    check_positive(heads, "heads")
    check_shape(maps, "B C H W", "maps")
    B, channels, H, W = maps.shape
    others = 2 if head_gates else 1
    if channels % heads or channels // heads <= others:
        raise ValueError(f"maps must have heads x (classes + {others}) channels, got {channels} for {heads} heads")
    look, values = maps.reshape(B, heads, channels // heads, H * W).split([1, channels // heads - 1], dim=2)
    look = _mask(look.transpose(2, 3), masks)  # (B, K, H W, 1)
    seen = (values @ look).squeeze(-1)  # (B, K, L + 1): the head gate's value, then the class scores
    return _vote(seen, look.reshape(B, heads, H, W), head_gates)


def attend_first(
    features: Tensor, weight: Tensor, heads: int, masks: str = "softmax", head_gates: bool = True
) -> Hypothesis:
    """Return what `attend` returns of a 3 x 3 convolution of the features, for a fraction of the work.

    Class scores are linear in the features, and so is the sum over the positions p where a mask looks; the two can
    change places, with d running over the nine offsets of the kernel::

        o_k = sum_p H_k(p) sum_d W_k(d) Z(p + d) = sum_d W_k(d) (sum_q H_k(q - d) Z(q))

    So only the K mask channels are computed everywhere. What they select is gathered once, 9 C numbers a head, and
    classified afterwards: about 18 C K multiply-accumulates a position instead of 9 C K (L + 2), whatever L is.

    Args:
        features: Z, (B, C, H, W).
        weight: of the convolution, padded by 1, (K (L + 2), C, 3, 3), its channels in the order of `attend`.
        heads, masks, head_gates: as in `attend`.

    Raises:
        ValueError: on an unknown option, no heads, or channels that do not fit them.

    Example:
        >>> features, weight = torch.randn(2, 8, 5, 5), torch.randn(3 * (10 + 2), 8, 3, 3)
        >>> quick = attend_first(features, weight, heads=3)
        >>> slow = attend(torch.nn.functional.conv2d(features, weight, padding=1), heads=3)
        >>> torch.allclose(quick.scores, slow.scores, atol=1e-4)
        True
    """
    check_choice(masks, MASKS, "masks")
    check_positive(heads, "heads")
    B, C, H, W = features.shape
    others = 2 if head_gates else 1
    if len(weight) % heads or len(weight) // heads <= others:
        raise ValueError(f"weight must have heads x (classes + {others}) channels, got {len(weight)} for {heads} heads")
    look_weight, value_weight = weight.unflatten(0, (heads, -1)).split([1, len(weight) // heads - 1], dim=1)
    look = F.conv2d(features, look_weight.squeeze(1), padding=1).flatten(2)  # (B, K, H W)
    look = _mask(look.unsqueeze(3), masks).view(B, heads, H, W)
    shifted = F.unfold(look, 3, padding=1)  # (B, 9 K, H W): H_k(q + d) for every offset d
    gathered = shifted @ features.flatten(2).transpose(1, 2)  # (B, 9 K, C)
    gathered = gathered.view(B, heads, 9, C).flip(2)  # H_k(q - d), the offsets as a convolution counts them
    seen = torch.einsum("bkdc,klcd->bkl", gathered, value_weight.flatten(3))  # (B, K, L + 1)
    return _vote(seen, look, head_gates)


def _mask(look: Tensor, masks: str) -> Tensor:
    """Turn mask scores (B, K, H W, 1) into masks."""
    return look.softmax(2) if masks == "softmax" else look.sigmoid() / look.shape[2]


def _vote(seen: Tensor, look: Tensor, head_gates: bool) -> Hypothesis:
    """Average what heads saw, (B, K, L + 1) or without head gates (B, K, L), by their gates."""
    if head_gates:
        gate, seen = seen.split([1, seen.shape[2] - 1], dim=2)
        gates = gate.tanh().softmax(1)  # (B, K, 1)
    else:
        gates = torch.full_like(seen[:, :, :1], 1 / seen.shape[1])
    return Hypothesis((gates * seen).sum(1), look, gates.squeeze(2))


class AttentionModule(nn.Module):
    """Attend to a feature map and classify what is seen: one convolution, then `attend`.

    Args:
        in_channels: C of the feature map.
        num_classes: L, how many classes there are.
        heads: K, the attention width (AW).
        masks, head_gates: as in `attend`.
        batch_norm: normalise and rectify the features first. Unnecessary where they already are, as in WARN, which
            shares the normalisation of the next stage; the fine-tuned networks of the thesis read raw outputs.
        look_first: compute the same by `attend_first`, twice as fast with ten classes; with a hundred, WARN-16-4 takes
            1.1 times as long as its network instead of 2.2 times (`benchmarks/attention.csv`, a training step on a
            CPU). Costs of the thesis are counted without it. It can be switched on a trained module.

    Shapes: features (B, C, H, W) -> `Hypothesis`.

    Raises:
        ValueError: on an unknown option or a size that is not above 0.

    Example:
        >>> module = AttentionModule(in_channels=8, num_classes=5, heads=2)
        >>> module.conv.weight.numel() == 9 * 8 * 2 * (5 + 2)
        True
        >>> module(torch.randn(3, 8, 6, 6)).scores.shape
        torch.Size([3, 5])
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        heads: int = 4,
        masks: str = "softmax",
        head_gates: bool = True,
        batch_norm: bool = False,
        look_first: bool = False,
    ) -> None:
        super().__init__()
        check_choice(masks, MASKS, "masks")
        for name, value in (("in_channels", in_channels), ("num_classes", num_classes), ("heads", heads)):
            check_positive(value, name)
        self.heads, self.masks, self.head_gates, self.look_first = heads, masks, head_gates, look_first
        self.norm = nn.Sequential(nn.BatchNorm2d(in_channels), nn.ReLU()) if batch_norm else nn.Identity()
        channels = heads * (num_classes + 1 + head_gates)
        self.conv = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, features: Tensor) -> Hypothesis:
        check_shape(features, f"B {self.conv.in_channels} H W", "features")
        features, options = self.norm(features), (self.heads, self.masks, self.head_gates)
        if self.look_first:
            return attend_first(features, self.conv.weight, *options)
        return attend(self.conv(features), *options)
