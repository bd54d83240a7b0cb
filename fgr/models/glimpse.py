"""GlimpseNets ready to train: around a VGG as in chapter 3, around any torchvision network, and from one image."""

import copy
from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.feature_extraction import create_feature_extractor

from fgr.glimpse import Glimpse, GlimpseNet
from fgr.models.vgg import SMALL, VGG, VGG16


class Until(nn.Module):
    """The part of a network up to one layer: images (B, 3, H, W) -> that layer's output.

    Args:
        model: a network that `torch.fx` can trace, as torchvision's can.
        layer: a name as in `named_modules`, or an operation that tracing names.

    Raises:
        ValueError: if there is no such layer.

    Example:
        >>> import torch
        >>> from torchvision.models import resnet18
        >>> Until(resnet18(), "layer2")(torch.zeros(1, 3, 64, 64)).shape
        torch.Size([1, 128, 8, 8])
    """

    def __init__(self, model: nn.Module, layer: str) -> None:
        super().__init__()
        self.layer = layer
        self.body = create_feature_extractor(model, [layer])

    def forward(self, images: Tensor) -> Tensor:
        return self.body(images)[self.layer]


class FromOneImage(nn.Module):
    """A GlimpseNet that is given the high-resolution image alone, and makes the low-resolution view from it.

    Args:
        net: a GlimpseNet.
        low_size: side of the view that its where network reads.

    Shapes: (B, 3, H, W) -> `Glimpse`.

    Example:
        >>> import torch
        >>> net = FromOneImage(glimpse_cnn(8, low_size=16, high_size=32, grid=4, patches=2), low_size=16)
        >>> net(torch.rand(2, 3, 32, 32)).scores.shape
        torch.Size([2, 8])
    """

    def __init__(self, net: GlimpseNet, low_size: int) -> None:
        super().__init__()
        self.net, self.low_size = net, low_size

    def forward(self, images: Tensor) -> Glimpse:
        low = F.interpolate(images, (self.low_size, self.low_size), mode="bilinear", antialias=True)
        return self.net(low, images)


def glimpse_vgg(
    num_classes: int,
    stages: Sequence[Sequence[int]] = VGG16,
    low_size: int = 224,
    high_size: int = 896,
    grid: int = 16,
    patches: int = 5,
    depth: int = 3,
    shared: bool = True,
    hidden: int = 4096,
    batch_norm: bool = False,
    **options: object,
) -> GlimpseNet:
    """Build the network of chapter 3: where is a VGG up to its last pooling, what the same up to an earlier one.

    Args:
        num_classes: outputs; 1 for regression.
        stages: as in `VGG`; VGG-16 by default, whose weights `load_vgg_weights` reads.
        low_size, high_size: sides of both images. The thesis's large ones have 600 pixels before random cropping, and
            it does not say how many after; four times the small one makes patches of 56 pixels.
        grid, patches: k and n.
        depth: the what network ends with pool3 (the thesis's choice) or pool4.
        shared: whether both networks share their first stages, as in the thesis; otherwise copies start alike.
        hidden: units of fc6 and fc7.
        batch_norm: as in `VGG`. Shared layers then normalise views and patches by common running statistics.
        options: of `GlimpseNet`: weighting, merge, choice, dropout, locate.

    Raises:
        ValueError: if a patch is too small for the pooling, or the large image cannot be cut into the grid.

    Example:
        >>> import torch
        >>> with torch.device("meta"):  # shapes without the 500 MB of numbers
        ...     net = glimpse_vgg(num_classes=8)
        >>> net.what[-1], net.what[0] is net.where[0]
        (MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False), True)
    """
    if high_size % grid:
        raise ValueError(f"high_size {high_size} cannot be cut into {grid} x {grid} cells; take a multiple of {grid}")
    if not 1 <= depth <= len(stages):
        raise ValueError(f"depth must be 1 to {len(stages)}, the stages of the network, got {depth}")
    if high_size // grid < 2**depth:
        raise ValueError(
            f"patches of {high_size // grid} pixels vanish in {depth} poolings; "
            f"take a coarser grid, a larger image or a smaller depth"
        )
    layers = dict(VGG(stages, 1, 1, low_size, batch_norm=batch_norm).named_children())
    names = list(layers)
    where = nn.Sequential(OrderedDict((name, layers[name]) for name in names[: names.index("flatten")]))
    what = where[: names.index(f"pool{depth}") + 1]
    return GlimpseNet(
        where,
        what if shared else copy.deepcopy(what),
        num_classes,
        grid,
        patches,
        hidden=hidden,
        low_size=low_size,
        cell_size=high_size // grid,
        **options,
    )


def glimpse_cnn(
    num_classes: int,
    low_size: int = 32,
    high_size: int = 128,
    grid: int = 8,
    patches: int = 5,
    depth: int = 2,
    hidden: int = 128,
    **options: object,
) -> GlimpseNet:
    """Build the same for a CPU: four narrow stages with BatchNorm, small images, fc6 and fc7 of 128 units.

    Args:
        options: of `glimpse_vgg` and `GlimpseNet`.

    Example:
        >>> import torch
        >>> net = glimpse_cnn(num_classes=8)
        >>> net(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 128, 128)).chosen.shape
        torch.Size([2, 5])
    """
    return glimpse_vgg(
        num_classes, SMALL, low_size, high_size, grid, patches, depth, hidden=hidden, batch_norm=True, **options
    )
