"""A spatial transformer: a small network turns, scales and shifts the image before another one classifies it.

M. Jaderberg, K. Simonyan, A. Zisserman, K. Kavukcuoglu: Spatial Transformer Networks, NeurIPS 2015. The baseline of
Fig. 4.4e puts one before the network for cluttered digits and trains it at a hundredth of the learning rate. Its
layout is not published with the thesis; the localization here is the usual one for digits: two 5 x 5 convolutions
between poolings, one hidden layer.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.checks import check_shape


def localization_cnn(in_channels: int = 1, size: int = 40, hidden: int = 32) -> nn.Sequential:
    """Build a network from images (B, C, size, size) to the 6 numbers of an affine map, at first the identity.

    Raises:
        ValueError: if `size` is too small for its convolutions.

    Example:
        >>> import torch
        >>> localization_cnn()(torch.rand(1, 1, 40, 40))
        tensor([[1., 0., 0., 0., 1., 0.]], grad_fn=<AddmmBackward0>)
    """
    side = ((size // 2 - 4) // 2) - 4
    if side < 1:
        raise ValueError(f"size must be at least 28 for two convolutions after pooling, got {size}")
    affine = nn.Linear(hidden, 6)
    nn.init.zeros_(affine.weight)
    with torch.no_grad():
        affine.bias.copy_(torch.tensor([1.0, 0, 0, 0, 1, 0]))
    return nn.Sequential(
        nn.MaxPool2d(2),
        nn.Conv2d(in_channels, 20, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 20, 5),  # (B, 20, side, side)
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(20 * side**2, hidden),
        nn.ReLU(),
        affine,
    )


class SpatialTransformer(nn.Module):
    """Look at an image through an affine map chosen for it, then classify what is seen (bilinear, zeros outside).

    Train with `fgr.attention.parameter_groups(model, model.localization, lr, scale=0.01)`.

    Args:
        classifier: module from images (B, C, H, W) to (B, L) logits.
        localization: module from images to (B, 6), rows (a, b, x), (c, d, y) of the map from output to input
            coordinates, both in [-1, 1] across the image.

    Shapes: images (B, C, H, W) -> logits (B, L).

    Raises:
        ValueError: if the localization puts out something else than (B, 6).

    Example:
        >>> import torch
        >>> from fgr.models import cluttered_cnn
        >>> model = SpatialTransformer(cluttered_cnn(), localization_cnn())
        >>> model(torch.rand(2, 1, 40, 40)).shape
        torch.Size([2, 10])
    """

    def __init__(self, classifier: nn.Module, localization: nn.Module) -> None:
        super().__init__()
        self.classifier, self.localization = classifier, localization

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.transform(images))

    def transform(self, images: Tensor) -> Tensor:
        """Return what the classifier sees (B, C, H, W)."""
        check_shape(images, "B C H W", "images")
        affine = self.localization(images)
        check_shape(affine, f"{len(images)} 6", "the output of the localization")
        grid = F.affine_grid(affine.unflatten(1, (2, 3)), list(images.shape), align_corners=False)  # (B, H, W, 2)
        return F.grid_sample(images, grid, align_corners=False)
