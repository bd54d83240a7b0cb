"""The multilayer perceptron of the thesis's verification experiments (section 5.3.1)."""

from itertools import pairwise

from torch import nn


def mlp(in_features: int = 1024, hidden: int = 1024, depth: int = 3, num_classes: int = 10) -> nn.Sequential:
    """Build a ReLU perceptron with `depth` hidden layers of `hidden` units on flattened images.

    The defaults are the thesis's network: three hidden layers of 1024 units on 32 x 32 grey images.

    Returns:
        A model from (B, ...) images with `in_features` values each to (B, num_classes) logits.

    Example:
        >>> import torch
        >>> mlp(in_features=64, hidden=16)(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 10])
    """
    widths = [in_features] + [hidden] * depth
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], num_classes))
