"""Residual networks for CIFAR, among them the 110-layer one of Table 5.2.

K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2: depth 6 N + 2,
stages of 16, 32 and 64 channels, shortcuts without parameters (subsample, pad with zero channels).
"""

from torch import Tensor, nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """conv-BN-ReLU-conv-BN added to the input, then ReLU; a stride halves the input and pads its channels."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.stride, self.padding = stride, c_out - c_in

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.padding))
        return F.relu(y + shortcut)


class ResNetCIFAR(nn.Module):
    """Classify 32 x 32 images with a plain residual network of depth 6 N + 2.

    Shapes: images (B, 3, H, W) -> logits (B, num_classes).

    Raises:
        ValueError: on a depth that is not 6 N + 2.

    Example:
        >>> import torch
        >>> ResNetCIFAR(depth=8)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(self, depth: int = 110, num_classes: int = 10) -> None:
        super().__init__()
        if depth < 8 or (depth - 2) % 6:
            raise ValueError(f"depth must be 6 N + 2 (8, 20, 56, 110 ...), got {depth}")
        blocks, c_in = [], 16
        for c_out, first_stride in zip((16, 32, 64), (1, 2, 2)):
            for stride in (first_stride, *[1] * ((depth - 2) // 6 - 1)):
                blocks.append(BasicBlock(c_in, c_out, stride))
                c_in = c_out
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(64, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.blocks(self.stem(images)).mean((2, 3)))
