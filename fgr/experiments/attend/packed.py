"""What frozen layers compute, one packed row an image, kept on disk; only what lies behind them is trained on it."""

import hashlib
import inspect
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fgr.attention import AttendAndRectify, AttentionOutput, Observed, augment
from fgr.data.kept import kept
from fgr.data.transforms import standardize
from fgr.experiments.attend import backbones
from fgr.models.named import fingerprint
from fgr.paths import data_root

BATCH = 64  # images that the frozen layers read at a time


class Packed(NamedTuple):
    """Split -> (B, F + sum of C H W) float32, features and then maps; and the shape (C, H, W) of each tap's map."""

    rows: Mapping[str, Tensor]
    shapes: tuple[tuple[int, int, int], ...]

    def width(self, depth: int) -> int:
        """Return how many columns hold the features and the maps of the first `depth` taps."""
        maps = sum(map(math.prod, self.shapes))
        return next(iter(self.rows.values())).shape[1] - maps + sum(map(math.prod, self.shapes[:depth]))


class FeatureHead(nn.Module):
    """The end of a network over frozen layers: dropout, classifier and attention, which read packed rows.

    It holds the layers of the network that it is made of, so that training it trains that network.

    Args:
        network: alone, or with attention.
        classifier: name of its last layer.
        shapes: (C, H, W) of the maps that a row holds behind the features, one a module.

    Shapes: rows (B, F + sum of C H W) -> what the network puts out for the images: logits (B, L), or `AttentionOutput`.

    Example:
        >>> from fgr.models import EfficientNetLite0
        >>> network = augment(EfficientNetLite0(5), ["head"], num_classes=5, heads=2, input_shape=(3, 32, 32))
        >>> FeatureHead(network, "classifier", [(1280, 1, 1)])(torch.zeros(3, 2560)).log_scores.shape
        torch.Size([3, 5])
    """

    def __init__(self, network: nn.Module, classifier: str, shapes: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        attends = isinstance(network, AttendAndRectify)
        base = network.base if attends else network
        self.dropout = getattr(base, "dropout", nn.Identity())
        self.classifier = base.get_submodule(classifier)
        self.rectifier = network.rectifier if attends else None
        self.shapes = tuple(shapes)

    def forward(self, rows: Tensor) -> Tensor | AttentionOutput:
        features, *maps = rows.split([self.classifier.in_features, *map(math.prod, self.shapes)], 1)
        features = self.dropout(features)  # (B, F)
        logits = self.classifier(features)  # (B, L)
        if self.rectifier is None:
            return logits
        taps = tuple(flat.unflatten(1, shape) for flat, shape in zip(maps, self.shapes))  # (B, C, H, W) each
        return self.rectifier(Observed(logits, features, taps))


def packed(images: Mapping[str, Tensor], name: str, taps: Sequence[str], device: str = "cpu") -> Packed:
    """Return what a network with its ImageNet weights computes for images, or did once.

    Kept under `FGR_DATA`, by a name made of the images themselves, the taps, the weights and the code.

    Args:
        images: split -> (B, 3, H, W) uint8, all of one size.
        name: of the network, see `fgr.experiments.attend.backbones`.
        taps: layers whose maps are kept beside the last features.
        device: where to compute.

    Raises:
        ValueError: on an unknown network or a layer that does not exist.
        OSError: if the network's weights cannot be had.
    """
    digest = hashlib.sha256()
    for split in sorted(images):
        digest.update(json.dumps([split, list(images[split].shape)]).encode())
        digest.update(images[split].contiguous().numpy())
    network = backbones.pretrained(name)
    code = [Path(__file__).read_text(), inspect.getsource(inspect.getmodule(type(network)))]
    made_by = [list(taps), fingerprint(network), *code, torch.backends.cpu.get_cpu_capability(), device]
    digest.update(json.dumps(made_by).encode())
    file = data_root() / "features" / f"{digest.hexdigest()[:20]}.pt"
    made = kept(file, lambda: _computed(images, network, name, taps, device))
    return Packed(made["rows"], tuple(map(tuple, made["shapes"])))


@torch.no_grad()
def _computed(
    images: Mapping[str, Tensor], base: nn.Module, name: str, taps: Sequence[str], device: str
) -> dict[str, object]:
    mean, std = backbones.scale(name)
    size = tuple(next(iter(images.values())).shape[1:])
    classifier = backbones.backbone(name).classifier
    with torch.random.fork_rng():
        network = augment(base, taps, 1000, heads=1, classifier=classifier, input_shape=size).to(device).eval()
    rows, shapes = {}, []
    for split, part in images.items():
        found = []
        for batch in part.split(BATCH):
            ready = standardize(batch.to(device), mean, std)
            _, features, maps = network.observe(ready)
            shapes = [list(one.shape[1:]) for one in maps]
            found.append(torch.cat([features, *(one.flatten(1) for one in maps)], 1).cpu())
        rows[split] = torch.cat(found)
    return {"rows": rows, "shapes": shapes}
