"""The earlier design of the attention, which the author's code for cluttered digits holds: masked maps are classified.

It is not the mechanism of Eq. 4.1 to 4.8: masks multiply the feature map, fully connected layers classify each masked
map, and the hypotheses of all heads of all modules meet in one softmax over gates, without gates inside a module. Its
fully connected layers grow with the map: sixteen masks on four stages nearly triple the small network for digits, and
a module on a 2048-channel network of 224 x 224 images takes tens of millions of parameters. Whether Fig. 4.4 was made
by this design or by the printed one is not known. Its mask penalty is `mask_penalty(masks, pool=1)`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fgr.attention.gates import combine
from fgr.attention.module import Hypothesis
from fgr.attention.rectifier import AttentionOutput, Observed
from fgr.checks import check_positive, check_shape


class MaskedFeatures(nn.Module):
    """Mask a feature map by K heads and classify each masked map, with r = C / 2:

        X = BN(conv1x1(Z))     A_k = softmax over positions of conv3x3(X)_k     M_k = BN(A_k X), shared by heads
        u_k = BN(relu(F_k M_k))     o_k = O_k u_k + b_k     s_k = tanh(BN(<w_k, u_k>))

    Args:
        shape: (C, H, W) of the feature map.
        num_classes: L, how many classes there are.
        heads: K, how many heads.
        joint_masks: one softmax over heads and positions together, as in the code before 30 January 2018.

    Shapes: features (B, C, H, W) -> scores (B, K, L), masks (B, K, H, W), gate scores (B, K) in [-1, 1].

    Raises:
        ValueError: on fewer than two channels, no heads or classes, or features of another shape.

    Example:
        >>> scores, masks, gates = MaskedFeatures((8, 4, 4), num_classes=5, heads=3)(torch.randn(2, 8, 4, 4))
        >>> scores.shape, masks.shape, gates.shape
        (torch.Size([2, 3, 5]), torch.Size([2, 3, 4, 4]), torch.Size([2, 3]))
    """

    def __init__(
        self, shape: tuple[int, int, int], num_classes: int, heads: int = 4, joint_masks: bool = False
    ) -> None:
        super().__init__()
        C, H, W = shape
        r = C // 2
        for name, value in (("channels / 2", r), ("num_classes", num_classes), ("heads", heads)):
            check_positive(value, name)
        self.shape, self.heads, self.joint_masks = tuple(shape), heads, joint_masks
        self.reduce = nn.Sequential(nn.Conv2d(C, r, 1, bias=False), nn.BatchNorm2d(r))
        self.look = nn.Conv2d(r, heads, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(r)
        # one convolution as large as the map, in a group a head: F_1 to F_K at once; likewise O_k and w_k
        self.hidden = nn.Conv2d(heads * r, heads * r, (H, W), groups=heads, bias=False)
        self.hidden_norm = nn.BatchNorm1d(heads * r)
        self.classify = nn.Conv1d(heads * r, heads * num_classes, 1, groups=heads)
        self.gate = nn.Conv1d(heads * r, heads, 1, groups=heads, bias=False)
        self.gate_norm = nn.BatchNorm1d(heads)
        for module in self.modules():
            if isinstance(module, (nn.Conv1d, nn.Conv2d)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, features: Tensor) -> Hypothesis:
        check_shape(features, "B {} {} {}".format(*self.shape), "features")
        X = self.reduce(features)  # (B, r, H, W)
        B, r, H, W = X.shape
        looks = self.look(X).flatten(1 if self.joint_masks else 2)
        masks = looks.softmax(-1).reshape(B, self.heads, H, W)
        masked = self.norm((masks.unsqueeze(2) * X.unsqueeze(1)).flatten(0, 1))  # (B K, r, H, W)
        hidden = self.hidden(masked.reshape(B, self.heads * r, H, W)).flatten(1).relu()  # (B, K r)
        hidden = self.hidden_norm(hidden).unsqueeze(2)  # (B, K r, 1)
        scores = self.classify(hidden).view(B, self.heads, -1)  # (B, K, L)
        return Hypothesis(scores, masks, self.gate_norm(self.gate(hidden).squeeze(2)).tanh())


class MaskedRectifier(nn.Module):
    """Correct a network's answer by `MaskedFeatures` on its taps, all heads and the network weighed by one softmax.

    It takes the place of `Rectifier` in `AttendAndRectify`.

    Args:
        shapes: (C, H, W) of each tap.
        in_features: F, length of the last features, from which the network's own gate is computed.
        num_classes: L, how many classes there are.
        heads: K of each tap.
        gates: False weighs all hypotheses alike.
        joint_masks: see `MaskedFeatures`.

    Shapes: `Observed` -> `AttentionOutput` with gates (B, K taps + 1), the network's own last.

    Raises:
        ValueError: on no taps, another number of them, or shapes that do not fit.

    Example:
        >>> rectifier = MaskedRectifier([(8, 4, 4), (4, 8, 8)], in_features=8, num_classes=5, heads=2)
        >>> taps = (torch.randn(3, 8, 4, 4), torch.randn(3, 4, 8, 8))
        >>> rectifier(Observed(torch.randn(3, 5), torch.randn(3, 8), taps)).gates.shape
        torch.Size([3, 5])
    """

    def __init__(
        self,
        shapes: Sequence[tuple[int, int, int]],
        in_features: int,
        num_classes: int,
        heads: int = 4,
        gates: bool = True,
        joint_masks: bool = False,
    ) -> None:
        super().__init__()
        if not shapes:
            raise ValueError("shapes must hold one (C, H, W) a tap, got none")
        self.num_classes, self.gates = num_classes, gates
        self.attention = nn.ModuleList(MaskedFeatures(shape, num_classes, heads, joint_masks) for shape in shapes)
        self.own_gate = nn.Sequential(nn.Linear(in_features, 1, bias=False), nn.BatchNorm1d(1), nn.Tanh())

    def forward(self, observed: Observed) -> AttentionOutput:
        logits, features, taps = observed
        check_shape(logits, f"B {self.num_classes}", "logits")
        if len(taps) != len(self.attention):
            raise ValueError(f"there must be {len(self.attention)} taps, one a module, got {len(taps)}")
        seen = [module(tap) for module, tap in zip(self.attention, taps)]
        scores = torch.cat([*(hypothesis.scores for hypothesis in seen), logits.unsqueeze(1)], 1)  # (B, J, L)
        gates = torch.cat([*(hypothesis.gates for hypothesis in seen), self.own_gate(features)], 1)  # (B, J)
        gates = gates.softmax(1) if self.gates else torch.full_like(gates, 1 / gates.shape[1])
        return AttentionOutput(combine(scores, gates), tuple(hypothesis.masks for hypothesis in seen), gates)
