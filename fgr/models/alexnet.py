"""AlexNet with its last two layers, fc7 and fc8, made anew and trained ten times as fast (thesis section 6.4.2).

A. Krizhevsky: One Weird Trick for Parallelizing Convolutional Neural Networks, 2014, as torchvision builds it. The
thesis fine-tunes Caffe's AlexNet of 2012, which has grouped convolutions and local response normalisation: weights of
one do not fit the other.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchvision import models

from fgr.checks import check_positive

FC7, FC8 = 4, 6  # places in torchvision's classifier: dropout, fc6, ReLU, dropout, fc7, ReLU, fc8


def alexnet(num_outputs: int, weights: Mapping[str, Tensor] | None = None) -> nn.Module:
    """Build AlexNet with fc7 and fc8 drawn anew, as Caffe draws them, on top of given weights.

    Args:
        num_outputs: the number of classes, or the length of an output code (`fgr.output_codes.CodeHead`).
        weights: a state dict of torchvision's AlexNet with any last layer, e.g. one trained on ImageNet; its fc7 and
            fc8 are not used. Without it all weights are random.

    Returns:
        A model from (B, 3, H, W) images, 224 x 224 as trained and at least 63 x 63, to (B, num_outputs).

    Raises:
        ValueError: on weights that are not AlexNet's (names what is missing or does not fit).

    Example:
        >>> with torch.device("meta"):  # sizes without numbers
        ...     model = alexnet(num_outputs=66)
        >>> model.classifier[4].out_features, model.classifier[6].out_features
        (4096, 66)
    """
    check_positive(num_outputs, "num_outputs")
    model = models.alexnet(weights=None, num_classes=num_outputs)
    if weights is not None:
        _load(model, weights)
    fc7, fc8 = model.classifier[FC7], model.classifier[FC8]
    nn.init.normal_(fc7.weight, std=0.005)
    nn.init.constant_(fc7.bias, 0.1)
    nn.init.normal_(fc8.weight, std=0.01)
    nn.init.zeros_(fc8.bias)
    return model


def _retrained(name: str) -> bool:
    return name.startswith((f"classifier.{FC7}.", f"classifier.{FC8}."))


@torch.no_grad()
def _load(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy all but fc7 and fc8, after checking that every name and shape fits."""
    kept = {name: value for name, value in model.state_dict().items() if not _retrained(name)}
    for name, value in kept.items():
        found = tuple(weights[name].shape) if name in weights else "nothing"
        if found != tuple(value.shape):
            raise ValueError(f"weights must be of torchvision's AlexNet: {name} is {found}, not {tuple(value.shape)}")
    for name, value in kept.items():
        value.copy_(weights[name])


def retraining_groups(
    model: nn.Module, lr: float = 0.001, multiplier: float = 10.0, freeze: bool = False
) -> list[dict[str, object]]:
    """Return parameter groups for an optimiser: the old layers at `lr`, fc7 and fc8 at `multiplier` times that.

    Args:
        model: of `alexnet`.
        lr: 0.001 in the thesis.
        multiplier: 10 in the thesis.
        freeze: leave the old layers out and stop their gradients, so that fc6 may be computed once for all images.

    Returns:
        Two groups, or one if the old layers are frozen.

    Raises:
        ValueError: on a rate or a multiplier that is not above 0.

    Example:
        >>> with torch.device("meta"):
        ...     groups = retraining_groups(alexnet(num_outputs=10))
        >>> [(group["lr"], len(group["params"])) for group in groups]
        [(0.001, 12), (0.01, 4)]
    """
    check_positive(lr, "lr")
    check_positive(multiplier, "multiplier")
    new = [p for name, p in model.named_parameters() if _retrained(name)]
    old = [p for name, p in model.named_parameters() if not _retrained(name)]
    groups: list[dict[str, object]] = [{"params": new, "lr": lr * multiplier}]
    if freeze:
        for parameter in old:
            parameter.requires_grad_(False)
        return groups
    return [{"params": old, "lr": lr}, *groups]
