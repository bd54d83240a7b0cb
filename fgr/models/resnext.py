"""ResNeXt for 32 x 32 images, one of the large networks that Table 4.2 sets WARN against.

S. Xie, R. Girshick, P. Dollár, Z. Tu, K. He: Aggregated Residual Transformations for Deep Neural Networks, CVPR 2017.
Depth d = 9 N + 2: three stages of N bottleneck blocks, whose 3 x 3 convolutions work in groups. The table's row is
ResNeXt-29, 16 x 64d.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from fgr.checks import check_positive


class ResNeXtBlock(nn.Module):
    """1 x 1, grouped 3 x 3, 1 x 1 convolution plus a shortcut: the identity, or 1 x 1 with BatchNorm if C changes."""

    def __init__(self, c_in: int, c_out: int, inner: int, groups: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.shortcut = nn.Identity()
        if c_in != c_out:
            self.shortcut = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))  # (B, inner, H, W)
        y = F.relu(self.bn2(self.conv2(y)))  # (B, inner, H / stride, W / stride)
        return F.relu(self.bn3(self.conv3(y)) + self.shortcut(x))


class ResNeXt(nn.Module):
    """Classify images with ResNeXt-depth, cardinality x base_width d.

    Args:
        depth: 9 N + 2, so 11, 20, 29, 38 ...
        cardinality: groups of each 3 x 3 convolution.
        base_width: channels of a group in the first stage; it doubles from stage to stage.
        num_classes: L, how many classes there are.
        in_channels: C of the images.

    Shapes: images (B, C, H, W) -> logits (B, L).

    Raises:
        ValueError: on a depth that is not 9 N + 2, or a size that is not above 0.

    Example:
        >>> import torch
        >>> ResNeXt(depth=11, cardinality=2, base_width=4)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        depth: int = 29,
        cardinality: int = 16,
        base_width: int = 64,
        num_classes: int = 10,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        if depth < 11 or (depth - 2) % 9:
            raise ValueError(f"depth must be 9 N + 2 (11, 20, 29, 38 ...), got {depth}")
        check_positive(cardinality, "cardinality")
        check_positive(base_width, "base_width")
        self.stem = nn.Sequential(nn.Conv2d(in_channels, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.stages = nn.ModuleList()
        c_in, inner = 64, cardinality * base_width
        for c_out, first_stride in zip((256, 512, 1024), (1, 2, 2)):
            blocks = []
            for stride in (first_stride, *[1] * ((depth - 2) // 9 - 1)):
                blocks.append(ResNeXtBlock(c_in, c_out, inner, cardinality, stride))
                c_in = c_out
            self.stages.append(nn.Sequential(*blocks))
            inner *= 2
        self.classifier = nn.Linear(c_in, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        for stage in self.stages:
            x = stage(x)
        return self.classifier(x.mean((2, 3)))  # (B, 1024) -> (B, L)
