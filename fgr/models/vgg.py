"""VGG networks with Caffe's layer names, among them the shape of VGG-16 and VGG-Face, and a small one for CPUs.

K. Simonyan, A. Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015.
O. M. Parkhi, A. Vedaldi, A. Zisserman: Deep Face Recognition, BMVC 2015: the same network, 2,622 identities.

Layers are called conv1_1, relu1_1, ..., pool5, fc6, relu6, drop6, fc7, relu7, drop7, fc8. What Caffe's tools return for
"fc6" and "fc7", and so what the thesis feeds its LSTM, is rectified in place: `relu6` and `relu7` here.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from fgr.checks import check_shape

VGG16 = ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)
SMALL = ((16,), (32,), (64,), (128,))
HEAD = "fc8"


class VGG(nn.Sequential):
    """Stages of 3 x 3 convolutions, each halved by pooling, then three fully connected layers.

    Args:
        stages: the widths of the convolutions of each stage.
        hidden: units of fc6 and fc7.
        num_classes: outputs of fc8; 1 for regression.
        size: side of the images, which fc6 is made for; halved once a stage, remainders dropped.
        in_channels: 3, or 1 for grey images.
        dropout: after fc6 and fc7.
        batch_norm: after every convolution; the original has none.

    Shapes: images (B, in_channels, size, size) -> (B, num_classes).

    Raises:
        ValueError: if nothing of `size` is left after the stages; on images of another size.

    Example:
        >>> import torch
        >>> model = VGG(((4,), (8, 8)), hidden=16, num_classes=5, size=16)
        >>> model(torch.zeros(2, 3, 16, 16)).shape, model.fc6.in_features
        (torch.Size([2, 5]), 128)
    """

    def __init__(
        self,
        stages: Sequence[Sequence[int]],
        hidden: int,
        num_classes: int,
        size: int,
        in_channels: int = 3,
        dropout: float = 0.5,
        batch_norm: bool = False,
    ) -> None:
        side = size >> len(stages)
        if side < 1:
            raise ValueError(f"size {size} is too small for {len(stages)} stages, which halve it")
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = in_channels
        for stage, widths in enumerate(stages, 1):
            for number, width in enumerate(widths, 1):
                layers[f"conv{stage}_{number}"] = nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm)
                if batch_norm:
                    layers[f"bn{stage}_{number}"] = nn.BatchNorm2d(width)
                layers[f"relu{stage}_{number}"] = nn.ReLU()
                channels = width
            layers[f"pool{stage}"] = nn.MaxPool2d(2)
        layers["flatten"] = nn.Flatten()
        features = channels * side**2
        for name in ("6", "7"):
            layers |= {f"fc{name}": nn.Linear(features, hidden), f"relu{name}": nn.ReLU()}
            layers[f"drop{name}"] = nn.Dropout(dropout)
            features = hidden
        layers[HEAD] = nn.Linear(hidden, num_classes)
        super().__init__(layers)
        self.image_shape = (in_channels, size, size)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        check_shape(images, "B {} {} {}".format(*self.image_shape), "images")
        return super().forward(images)


def vgg16(num_classes: int = 2622, size: int = 224, dropout: float = 0.5) -> VGG:
    """Build VGG-16, by default with VGG-Face's 2,622 outputs, randomly initialised; see `load_vgg_weights`.

    Published VGG-Face weights expect colours in the order blue, green, red, from 0 to 255, less (93.594, 104.762,
    129.186), each image channel's mean.

    Example:
        >>> import torch
        >>> with torch.device("meta"):  # shapes without the 580 MB of numbers
        ...     model = vgg16(num_classes=1000)
        >>> sum(p.numel() for p in model.parameters())
        138357544
    """
    return VGG(VGG16, 4096, num_classes, size, dropout=dropout)


def face_cnn(num_classes: int, size: int = 64, in_channels: int = 3, dropout: float = 0.5, hidden: int = 256) -> VGG:
    """Build a VGG for a CPU: four stages of one normalised convolution each, fc6 and fc7 of 256 units.

    Example:
        >>> import torch
        >>> face_cnn(num_classes=10, size=32).eval()(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """
    return VGG(SMALL, hidden, num_classes, size, in_channels, dropout, batch_norm=True)


def load_vgg_weights(model: VGG, state: Mapping[str, Tensor], head: bool = True) -> VGG:
    """Load weights into `model` and return it, from any of the names under which VGG-16 and VGG-Face are published.

    Args:
        model: of the same stages and sizes.
        state: parameter name -> tensor: this module's names, torchvision's ("features.0.weight", "classifier.6.bias"),
            or those of VGG-Face conversions ("conv_1_1.weight").
        head: load fc8 too; False leaves the model's own, for another number of outputs.

    Raises:
        ValueError: on parameters that are missing, unknown, or of another shape; names them.

    Example:
        >>> pretrained, finetuned = face_cnn(num_classes=100, size=16), face_cnn(num_classes=1, size=16)
        >>> _ = load_vgg_weights(finetuned, pretrained.state_dict(), head=False)
        >>> bool((finetuned.fc7.weight == pretrained.fc7.weight).all())
        True
    """
    own = model.state_dict()
    given = _renamed(state, model)
    if not head:
        given = {name: value for name, value in given.items() if not name.startswith(HEAD)}
        given |= {name: value for name, value in own.items() if name.startswith(HEAD)}
    missing, unknown = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    if missing or unknown:
        raise ValueError(f"weights do not fit: missing {_few(missing)}; unknown {_few(unknown)}")
    for name, value in given.items():
        if value.shape != own[name].shape:
            found, wanted = tuple(value.shape), tuple(own[name].shape)
            hint = "; pass head=False to keep the model's own" if name.startswith(HEAD) else ""
            raise ValueError(f"weights do not fit: {name} has shape {found}, the model needs {wanted}{hint}")
    model.load_state_dict(given)
    return model


def _renamed(state: Mapping[str, Tensor], model: VGG) -> dict[str, Tensor]:
    """Return weights under this module's names."""
    if any(name.startswith(("features.", "classifier.")) for name in state):  # torchvision counts all layers in order
        convolutional = [name for name, _ in model.named_children() if name.startswith(("conv", "bn", "relu", "pool"))]
        convolutional = convolutional[: convolutional.index("relu6")]
        order = {f"features.{number}": name for number, name in enumerate(convolutional)}
        order |= {"classifier.0": "fc6", "classifier.3": "fc7", "classifier.6": HEAD}
    else:
        order = {}
    renamed = {}
    for name, value in state.items():
        layer, _, parameter = name.rpartition(".")
        layer = re.sub(r"^conv_?(\d)_(\d)$", r"conv\1_\2", order.get(layer, layer))
        renamed[f"{layer}.{parameter}"] = value
    return renamed


def _few(names: Sequence[str]) -> str:
    return (", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")) or "none"
