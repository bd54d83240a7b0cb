"""Wide residual networks for 32 x 32 images.

S. Zagoruyko, N. Komodakis: Wide Residual Networks, BMVC 2016. Depth d = 6 N + 4, stages of 16, 32 and 64 times the
width. Two versions lie behind the thesis's numbers, so the places where they differ are options: the OrthoReg runs
used the original (pre-activated shortcut, elementwise dropout), the attention runs a variant (raw shortcut, channel
dropout, batch normalisation after the stem).
"""

from torch import Tensor, nn

from fgr.checks import check_choice


class WideBlock(nn.Module):
    """BN-ReLU-conv-BN-ReLU-dropout-conv plus a shortcut: the identity, or a 1 x 1 convolution if channels change."""

    def __init__(self, c_in: int, c_out: int, stride: int, dropout: nn.Module, shortcut: str) -> None:
        super().__init__()
        self.raw_shortcut = shortcut == "raw"
        self.bn1, self.relu1 = nn.BatchNorm2d(c_in), nn.ReLU()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn2, self.relu2 = nn.BatchNorm2d(c_out), nn.ReLU()
        self.dropout = dropout
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(c_in, c_out, 1, stride, bias=False) if c_in != c_out else None

    def forward(self, x: Tensor) -> Tensor:
        active = self.relu1(self.bn1(x))
        y = self.conv1(active)  # (B, c_out, H / stride, W / stride)
        y = self.conv2(self.dropout(self.relu2(self.bn2(y))))
        if self.shortcut is None:
            return y + x
        return y + self.shortcut(x if self.raw_shortcut else active)


class WideResNet(nn.Module):
    """Classify images with a wide residual network, WRN-depth-width.

    Args:
        depth: 6 N + 4, so 10, 16, 22, 28, 40 ...
        width: the widening factor.
        num_classes: L, how many classes there are.
        dropout: rate between the two convolutions of a block; the OrthoReg runs on CIFAR used 0.3.
        dropout_kind: "elementwise" (the original) or "channel" (the attention runs).
        shortcut: "preactivated" (the original) or "raw" (the attention runs); the same parameter count.
        stem_bn: normalise and rectify after the stem (the attention runs).
        in_channels: C of the images.

    Shapes: images (B, C, H, W) -> logits (B, L).

    Raises:
        ValueError: on a depth that is not 6 N + 4, or an unknown option.

    Example:
        >>> import torch
        >>> WideResNet(depth=10, width=1)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        depth: int = 28,
        width: int = 10,
        num_classes: int = 10,
        dropout: float = 0.0,
        dropout_kind: str = "elementwise",
        shortcut: str = "preactivated",
        stem_bn: bool = False,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        if depth < 10 or (depth - 4) % 6:
            raise ValueError(f"depth must be 6 N + 4 (10, 16, 22, 28, 40 ...), got {depth}")
        check_choice(dropout_kind, ("elementwise", "channel"), "dropout_kind")
        check_choice(shortcut, ("preactivated", "raw"), "shortcut")
        make_dropout = nn.Dropout if dropout_kind == "elementwise" else nn.Dropout2d
        stem = [nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)]
        self.stem = nn.Sequential(*stem, *([nn.BatchNorm2d(16), nn.ReLU()] if stem_bn else []))
        self.stages = nn.ModuleList()
        c_in = 16
        for c_out, first_stride in zip((16 * width, 32 * width, 64 * width), (1, 2, 2)):
            blocks = []
            for stride in (first_stride, *[1] * ((depth - 4) // 6 - 1)):
                blocks.append(WideBlock(c_in, c_out, stride, make_dropout(dropout), shortcut))
                c_in = c_out
            self.stages.append(nn.Sequential(*blocks))
        self.bn, self.relu = nn.BatchNorm2d(c_in), nn.ReLU()
        self.classifier = nn.Linear(c_in, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.kaiming_normal_(self.classifier.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)
        for stage in self.stages:
            x = stage(x)
        features = self.relu(self.bn(x)).mean((2, 3))  # (B, 64 width)
        return self.classifier(features)
