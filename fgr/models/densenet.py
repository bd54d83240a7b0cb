"""DenseNet-BC for 32 x 32 images, one of the large networks that Table 4.2 sets WARN against.

G. Huang, Z. Liu, L. van der Maaten, K. Weinberger: Densely Connected Convolutional Networks, CVPR 2017. Every layer
reads all that its block has computed so far and adds k channels; a 1 x 1 convolution to 4 k channels precedes each
3 x 3 one (B), and transitions halve the channels (C). The table's row is DenseNet-BC-190-40.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.checks import check_positive


class DenseLayer(nn.Module):
    """Append k channels: BN-ReLU-1x1 to 4 k channels, BN-ReLU-3x3 to k."""

    def __init__(self, c_in: int, growth: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(c_in)
        self.conv1 = nn.Conv2d(c_in, 4 * growth, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(F.relu(self.bn1(x)))  # (B, 4 k, H, W)
        y = self.conv2(F.relu(self.bn2(y)))  # (B, k, H, W)
        return torch.cat([x, y], 1)


class DenseNetBC(nn.Module):
    """Classify images with DenseNet-BC-depth-growth.

    Args:
        depth: 6 N + 4 with N layers in each of three blocks, so 10, 40, 100, 190, 250 ...
        growth: k, channels that a layer adds; the stem has 2 k.
        num_classes: L, how many classes there are.
        in_channels: C of the images.

    Shapes: images (B, C, H, W) -> logits (B, L).

    Raises:
        ValueError: on a depth that is not 6 N + 4, or a growth that is not above 0.

    Example:
        >>> DenseNetBC(depth=10, growth=4)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, depth: int = 190, growth: int = 40, num_classes: int = 10, in_channels: int = 3) -> None:
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise ValueError(f"depth must be 6 N + 4 (10, 40, 100, 190, 250 ...), got {depth}")
        check_positive(growth, "growth")
        channels = 2 * growth
        self.stem = nn.Conv2d(in_channels, channels, 3, padding=1, bias=False)
        self.stages = nn.ModuleList()
        for stage in range(3):
            layers: list[nn.Module] = []
            if stage:  # the transition
                half = channels // 2
                layers += [nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, half, 1, bias=False)]
                layers += [nn.AvgPool2d(2)]
                channels = half
            for _ in range((depth - 4) // 6):
                layers.append(DenseLayer(channels, growth))
                channels += growth
            self.stages.append(nn.Sequential(*layers))
        self.bn = nn.BatchNorm2d(channels)
        self.classifier = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        for stage in self.stages:
            x = stage(x)
        return self.classifier(F.relu(self.bn(x)).mean((2, 3)))  # (B, C) -> (B, L)
