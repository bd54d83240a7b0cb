"""The small digit network c32-c64-l512-d0.5-l10 of Table 5.1.

The thesis gives the widths only. Kernels and pooling are those of the Torch digit-classifier demo it builds on:
5 x 5 kernels, 3 x 3 pooling with padding 1, then 2 x 2 pooling, on 32 x 32 images.
"""

from torch import nn


def digit_cnn(num_classes: int = 10, dropout: float = 0.0, hidden: int = 512) -> nn.Sequential:
    """Build the network of Table 5.1; `dropout` is 0.5 in its middle column and absent (0) in the others.

    Returns:
        A model from (B, 1, 32, 32) images to (B, num_classes) logits.

    Example:
        >>> import torch
        >>> digit_cnn(dropout=0.5)(torch.zeros(2, 1, 32, 32)).shape
        torch.Size([2, 10])
    """
    return nn.Sequential(
        nn.Conv2d(1, 32, 5),  # (B, 32, 28, 28)
        nn.ReLU(),
        nn.MaxPool2d(3, padding=1),  # (B, 32, 10, 10)
        nn.Conv2d(32, 64, 5),  # (B, 64, 6, 6)
        nn.ReLU(),
        nn.MaxPool2d(2),  # (B, 64, 3, 3)
        nn.Flatten(),
        nn.Linear(576, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, num_classes),
    )
