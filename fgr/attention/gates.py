"""Global gates: how much each attention module and the network itself count in the final answer (Eq. 4.6 to 4.8).

The released runs differ from the printed equations in two places, followed here by default: the gate scores are batch
normalised before the tanh, and the hypotheses are log-probabilities when they are summed.
"""

from torch import Tensor, nn

from fgr.checks import check_choice, check_shape

KINDS = ("softmax", "sigmoid")
SUMS = ("log_probabilities", "probabilities", "scores")


class GlobalGates(nn.Module):
    """Weigh J hypotheses by the network's last features: normalised softmax or sigmoid of c = tanh(BN(W_G v)).

    The tanh keeps a softmax gate away from 0 and 1: with J = 2, 3, 4 hypotheses it stays within [0.119, 0.881],
    [0.063, 0.787], [0.043, 0.711], so no module is ever switched off.

    Args:
        in_features: F, length of v, the spatial mean of the last feature map.
        hypotheses: J, the modules and the network itself.
        kind: "softmax" of c (Eq. 4.7), or "sigmoid" of c divided by 1e-6 plus its sum over hypotheses, the switch of
            the released code.
        batch_norm: False for c = tanh(W_G v) as Eq. 4.6 is printed.

    Shapes: v (B, F) -> gates (B, J).

    Raises:
        ValueError: on an unknown kind, features of another length, or a batch of one in training with batch_norm.

    Example:
        >>> import torch
        >>> gates = GlobalGates(in_features=8, hypotheses=3)(torch.randn(4, 8))
        >>> gates.shape, bool(torch.isclose(gates.sum(1), torch.ones(4)).all())
        (torch.Size([4, 3]), True)
    """

    def __init__(self, in_features: int, hypotheses: int, kind: str = "softmax", batch_norm: bool = True) -> None:
        super().__init__()
        check_choice(kind, KINDS, "kind")
        self.kind = kind
        self.linear = nn.Linear(in_features, hypotheses, bias=False)
        self.norm = nn.BatchNorm1d(hypotheses) if batch_norm else nn.Identity()
        nn.init.kaiming_normal_(self.linear.weight, nonlinearity="relu")

    def forward(self, features: Tensor) -> Tensor:
        check_shape(features, f"B {self.linear.in_features}", "features")
        scores = self.norm(self.linear(features)).tanh()  # (B, J)
        if self.kind == "softmax":
            return scores.softmax(1)
        gates = scores.sigmoid()
        return gates / (1e-6 + gates.sum(1, keepdim=True))


def combine(scores: Tensor, gates: Tensor, sum_of: str = "log_probabilities") -> Tensor:
    """Return the gate-weighted sum of J hypotheses, ready for the negative log-likelihood (Eq. 4.8).

    Args:
        scores: (B, J, L) raw class scores.
        gates: (B, J), not negative; above 0 where "probabilities" are to have a gradient by them.
        sum_of: what the gates weigh.
            "log_probabilities", the released computation: sum_j q_j log p_j. It is not normalised (its exponentials
            sum to at most 1), so the loss is the gate-weighted sum of the hypotheses' own losses; the chosen class is
            that of the normalised product.
            "probabilities", a true mixture: log sum_j q_j p_j.
            "scores", Eq. 4.8 as printed, on raw outputs: log-softmax of sum_j q_j o_j.

    Returns:
        (B, L) log scores for `torch.nn.functional.nll_loss`, not for cross-entropy.

    Raises:
        ValueError: on another `sum_of` or shapes that do not fit.

    Example:
        >>> import torch
        >>> two = torch.tensor([[[0.0, 0.0], [4.0, 0.0]]])
        >>> combine(two, torch.tensor([[0.5, 0.5]])).exp().sum() < 1
        tensor(True)
    """
    check_choice(sum_of, SUMS, "sum_of")
    check_shape(scores, "B J L", "scores")
    check_shape(gates, f"B {scores.shape[1]}", "gates")
    weights = gates.unsqueeze(2)  # (B, J, 1)
    if sum_of == "scores":
        return (weights * scores).sum(1).log_softmax(1)
    log_p = scores.log_softmax(2)
    if sum_of == "probabilities":
        return (weights.log() + log_p).logsumexp(1)
    return (weights * log_p).sum(1)
