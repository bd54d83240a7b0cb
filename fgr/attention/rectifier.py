"""The attention of a whole network: a module on each tap, global gates, and their sum with the network's own answer."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fgr.attention.gates import KINDS, SUMS, GlobalGates, combine
from fgr.attention.module import AttentionModule
from fgr.checks import check_choice, check_shape

GATES = (*KINDS, "none", "projection")


class AttentionOutput(NamedTuple):
    """Log scores (B, L) for `nll_loss`; masks, one (B, K, H, W) a tap; gates (B, taps + 1), the network's own last."""

    log_scores: Tensor
    masks: tuple[Tensor, ...]
    gates: Tensor


class Observed(NamedTuple):
    """What the attention reads of a network: its logits (B, L), its last features (B, F), and its taps (B, C, H, W)."""

    logits: Tensor
    features: Tensor
    taps: tuple[Tensor, ...]


class Rectifier(nn.Module):
    """Correct a network's answer by what attention modules see in its feature maps (Eq. 4.1 to 4.8, Fig. 4.1).

    Defaults are the computation behind the published numbers, which departs from the printed equations: hypotheses
    are log-probabilities when they are summed, and the gate scores are batch-normalised.

    Args:
        channels: C of each tap, in the order of modules, masks and gates; the thesis starts with the deepest.
        in_features: F, length of the last features, which the global gates read.
        num_classes: L, how many classes there are.
        heads: K of each module (attention width; the attention depth is the number of taps).
        gates: "softmax" or "sigmoid" global gates (`GlobalGates`); "none" for equal weights 1 / (taps + 1), as in the
            released code (the text divides by the number of modules alone); "projection" for one linear map of all
            concatenated log-probabilities to log-softmax scores. The thesis names the last without a formula; with it
            the returned gates have no columns, (B, 0).
        sum_of: what the gates weigh, see `combine`. "scores" with gate_norm=False is Eq. 4.6 to 4.8 as printed.
        gate_norm: batch-normalise the gate scores, as in the released runs.
        masks, head_gates: see `attend`.
        tap_norm: BatchNorm and ReLU of its own on each tap.
        look_first: the same function for a fraction of the work, see `AttentionModule`.
        block_gradients: the attention sends no gradient into the network, neither from modules nor from gates; only
            the network's own hypothesis trains it. (The thesis does not say whether its gates did.)

    Shapes: `Observed` -> `AttentionOutput`.

    Raises:
        ValueError: on an unknown option, another number of taps, or shapes that do not fit.

    Example:
        >>> rectifier = Rectifier(channels=[8, 4], in_features=8, num_classes=5, heads=2)
        >>> taps = (torch.randn(3, 8, 4, 4), torch.randn(3, 4, 8, 8))
        >>> output = rectifier(Observed(torch.randn(3, 5), torch.randn(3, 8), taps))
        >>> output.log_scores.shape, output.gates.shape, [mask.shape[2] for mask in output.masks]
        (torch.Size([3, 5]), torch.Size([3, 3]), [4, 8])
    """

    def __init__(
        self,
        channels: Sequence[int],
        in_features: int,
        num_classes: int,
        heads: int = 4,
        gates: str = "softmax",
        sum_of: str = "log_probabilities",
        gate_norm: bool = True,
        masks: str = "softmax",
        head_gates: bool = True,
        tap_norm: bool = False,
        block_gradients: bool = False,
        look_first: bool = False,
    ) -> None:
        super().__init__()
        check_choice(gates, GATES, "gates")
        check_choice(sum_of, SUMS, "sum_of")
        if not channels:
            raise ValueError("channels must hold one number a tap, got none")
        hypotheses = len(channels) + 1
        self.num_classes, self.sum_of, self.block_gradients = num_classes, sum_of, block_gradients
        self.attention = nn.ModuleList(
            AttentionModule(size, num_classes, heads, masks, head_gates, tap_norm, look_first) for size in channels
        )
        self.gates = GlobalGates(in_features, hypotheses, gates, gate_norm) if gates in KINDS else None
        self.projection = nn.Linear(hypotheses * num_classes, num_classes) if gates == "projection" else None

    def forward(self, observed: Observed) -> AttentionOutput:
        logits, features, taps = observed
        check_shape(logits, f"B {self.num_classes}", "logits")
        if len(taps) != len(self.attention):
            raise ValueError(f"there must be {len(self.attention)} taps, one a module, got {len(taps)}")
        if self.block_gradients:
            features, taps = features.detach(), tuple(tap.detach() for tap in taps)
        seen = [module(tap) for module, tap in zip(self.attention, taps)]
        masks = tuple(hypothesis.masks for hypothesis in seen)
        scores = torch.stack([*(hypothesis.scores for hypothesis in seen), logits], dim=1)  # (B, J, L)
        if self.projection is not None:
            log_scores = self.projection(scores.log_softmax(2).flatten(1)).log_softmax(1)
            return AttentionOutput(log_scores, masks, scores[:, :0, 0])
        if self.gates is not None:
            gates = self.gates(features)  # (B, J)
        else:
            gates = torch.full_like(scores[:, :, 0], 1 / scores.shape[1])
        return AttentionOutput(combine(scores, gates, self.sum_of), masks, gates)
