"""The networks that know ImageNet and are fine-tuned: weights, classifier, and the layers that attention reads."""

from typing import NamedTuple

from torch import nn

from fgr import data, models
from fgr.checks import check_choice
from fgr.models import EfficientNetLite0, efficientnet_lite, load_network, preparation

LITE = "efficientnet_lite0"  # also the manifest of its weights


class Backbone(NamedTuple):
    """What must be known of a network to tune it."""

    taps: tuple[str, ...]  # layers that modules read, the deepest first
    classifier: str  # name of its last layer
    tap_norm: bool  # whether modules normalise and rectify what they read, because the layers do not


BACKBONES = {
    LITE: Backbone(("blocks.15", "blocks.10"), "classifier", tap_norm=True),
    "resnet18": Backbone(("layer4", "layer3"), "fc", tap_norm=False),
    "wide_resnet50_2": Backbone(("layer4", "layer3"), "fc", tap_norm=False),
}  # the last is the thesis's kind of network, as torchvision has it


def backbone(name: str) -> Backbone:
    """Return what is known of a network of this name.

    Raises:
        ValueError: on a name that is not one of BACKBONES.

    Example:
        >>> backbone("wide_resnet50_2").taps
        ('layer4', 'layer3')
    """
    check_choice(name, tuple(BACKBONES), "network")
    return BACKBONES[name]


def pretrained(name: str, num_classes: int | None = None) -> nn.Module:
    """Return a network with its ImageNet weights, its classifier new if it is given a number of classes.

    Weights of EfficientNet-Lite0 are fetched like a data set. torchvision downloads those of its own networks once,
    into `torch.hub`'s folder, where they can be put by hand too.

    Args:
        name: one of BACKBONES.
        num_classes: L of the new classifier; None keeps that of ImageNet's thousand classes.

    Raises:
        ValueError: on an unknown name.
        OSError: if the weights are not there and cannot be had; names the file and where it belongs.

    Example:
        >>> pretrained("efficientnet_lite0", num_classes=7).classifier
        Linear(in_features=1280, out_features=7, bias=True)
    """
    known = backbone(name)
    if name == LITE:
        network = EfficientNetLite0(num_classes or 1000)
        return models.load_efficientnet_weights(network, data.weights(LITE), head=num_classes is None)
    network = load_network(name, "DEFAULT").train()
    if num_classes is not None:
        old = network.get_submodule(known.classifier)
        setattr(network, known.classifier, nn.Linear(old.in_features, num_classes))
    return network


def scale(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation that a network's images are standardised by, a value a channel.

    Example:
        >>> scale("resnet18")[0]
        (0.485, 0.456, 0.406)
    """
    backbone(name)
    if name == LITE:
        return efficientnet_lite.MEAN, efficientnet_lite.STD
    ready = preparation(name)
    return ready.mean, ready.std


def old_layers(network: nn.Module, name: str) -> nn.ModuleList:
    """Return all that knows ImageNet: everything but the classifier."""
    return nn.ModuleList(
        [part for part_name, part in network.named_children() if part_name != backbone(name).classifier]
    )
