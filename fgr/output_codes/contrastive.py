"""The supervised contrastive loss: a modern way to arrange classes without any output layer."""

import torch
from torch import Tensor

from fgr.checks import check_positive, check_shape
from fgr.output_codes.decoder import unit_rows
from fgr.output_codes.validation import class_numbers


def supervised_contrastive(features: Tensor, targets: Tensor, temperature: float = 0.1) -> Tensor:
    """Return the loss L_out of P. Khosla et al.: Supervised Contrastive Learning, NeurIPS 2020, Eq. 2::

        mean over anchors i of   -1/|P(i)| sum_(p in P(i)) log( exp(z_i z_p / t) / sum_(a != i) exp(z_i z_a / t) )

    P(i) are the other samples of i's class. An anchor that is alone in its class has no term, so a batch of all
    different classes has loss 0 and no gradient: draw batches with several samples a class, or several views of each.

    Args:
        features: (B, d) of any length; they are normalised here. Several views of one image are several rows.
        targets: (B,) class numbers, of any integer type.
        temperature: t, above 0; 0.1 in the paper.

    Returns:
        A scalar, at least 0.

    Raises:
        ValueError: on shapes that do not fit, targets that are no whole numbers, or a temperature not above 0.

    Example:
        >>> features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
        >>> supervised_contrastive(features, torch.tensor([0, 0, 1, 1])) < 1e-3
        tensor(True)
    """
    check_positive(temperature, "temperature")
    check_shape(features, "B d", "features")
    targets = class_numbers(targets, len(features))
    z = unit_rows(features)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature).masked_fill(itself, -torch.inf)  # (B, B)
    positive = (targets[:, None] == targets) & ~itself
    log_p = logits - logits.logsumexp(1, keepdim=True)
    partners = positive.sum(1)  # (B,)
    anchors = partners > 0
    terms = torch.where(positive, log_p, torch.zeros_like(log_p)).sum(1) / partners.clamp_min(1)
    return -(terms * anchors).sum() / anchors.sum().clamp_min(1)
