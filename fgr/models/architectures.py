"""The published architectures whose filters Fig. 5.3 looks at, with torchvision's layers and no trained weights."""

from torch import nn
from torchvision import models

from fgr.checks import check_choice

ARCHITECTURES = {"alexnet": models.alexnet, "vgg16": models.vgg16, "resnet50": models.resnet50}


def architecture(name: str, num_classes: int = 1000) -> nn.Module:
    """Build "alexnet", "vgg16" or "resnet50" with torchvision's random initialisation.

    Raises:
        ValueError: on another name.

    Example:
        >>> sum(p.numel() for p in architecture("alexnet").parameters())
        61100840
    """
    check_choice(name, tuple(ARCHITECTURES), "architecture")
    return ARCHITECTURES[name](weights=None, num_classes=num_classes)
