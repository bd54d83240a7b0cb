"""The small CIFAR network of Caffe's examples, `cifar10_quick`, that Table 6.1 is measured on.

Three 5 x 5 convolutions and two linear layers without a rectifier between them. Caffe rounds the size of pooled maps up
(32, 16, 8, 4), rectifies after the first pooling and draws weights from N(0, s^2) with an s for each layer. Its own
recipe: lr 0.001 (twice that for biases), momentum 0.9, weight decay 0.004, batches of 100; the thesis gives 100 epochs
and no learning rate.
"""

from torch import nn

SPREAD = (1e-4, 0.01, 0.01, 0.1, 0.1)  # standard deviation of the initial weights, layer by layer


def cifar_quick(num_outputs: int = 10) -> nn.Sequential:
    """Build cifar_quick; everything but its last layer, `model[:-1]`, gives its 64 hidden features.

    Args:
        num_outputs: the number of classes, or the length of an output code (`fgr.output_codes.CodeHead`).

    Returns:
        A model from (B, 3, 32, 32) images to (B, num_outputs). Caffe's inputs are pixels in [0, 255] minus the mean
        image, for which the small first weights are made.

    Example:
        >>> import torch
        >>> cifar_quick(66)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 66])
        >>> sum(p.numel() for p in cifar_quick().parameters())
        145578
    """
    model = nn.Sequential(
        nn.Conv2d(3, 32, 5, padding=2),  # (B, 32, 32, 32)
        nn.MaxPool2d(3, stride=2, ceil_mode=True),  # (B, 32, 16, 16)
        nn.ReLU(),
        nn.Conv2d(32, 32, 5, padding=2),
        nn.ReLU(),
        nn.AvgPool2d(3, stride=2, ceil_mode=True),  # (B, 32, 8, 8)
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.AvgPool2d(3, stride=2, ceil_mode=True),  # (B, 64, 4, 4)
        nn.Flatten(),
        nn.Linear(1024, 64),
        nn.Linear(64, num_outputs),
    )
    layers = [module for module in model if isinstance(module, (nn.Conv2d, nn.Linear))]
    for layer, spread in zip(layers, SPREAD, strict=True):
        nn.init.normal_(layer.weight, std=spread)
        nn.init.zeros_(layer.bias)
    return model
