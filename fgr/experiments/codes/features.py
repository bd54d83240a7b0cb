"""Features from a network trained once: the thesis retrained fc7 and fc8 on what AlexNet had learned."""

import functools
import hashlib
import inspect
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr import data, models
from fgr.checks import check_choice
from fgr.data.kept import kept
from fgr.data.synthetic.cache import source_hash
from fgr.data.transforms import crop_and_flip, mean_std, standardize
from fgr.experiments.classification import Parts, balanced_subset, fit
from fgr.models import efficientnet_lite
from fgr.paths import data_root

SPLITS = ("train", "validation", "test")
DATASETS = ("synthetic_birds", "cifar10")
NETWORKS = ("face_cnn", "efficientnet_lite0")  # trained here on these images, and by others on ImageNet
LAYERS = {"face_cnn": "relu6", "efficientnet_lite0": "pool"}  # what fc7 reads
READ = 96  # pixels of a side that images are enlarged to for the ImageNet network, which knows none as small as ours
SEED = 0  # of the network whose features are shared by all runs


@dataclass(frozen=True)
class Source:
    """The images that a run is about, and the network that reads them."""

    num_classes: int = 100  # species, or 10 for cifar10
    size: int = 64  # pixels of a side
    difficulty: float = 0.5  # of birds
    train: int = 8_000  # images of each split
    validation: int = 2_000
    test: int = 4_000
    dataset: str = "synthetic_birds"  # one of DATASETS
    network: str = "face_cnn"  # one of NETWORKS
    epochs: int = 15  # of the network that makes the features, if it is trained here

    def __post_init__(self) -> None:
        check_choice(self.dataset, DATASETS, "dataset")
        check_choice(self.network, NETWORKS, "network")


class Features(NamedTuple):
    """Split -> (features (B, D) float32, targets (B,)); and the test error of the network if it was trained here."""

    parts: Parts
    test_error: float


@functools.lru_cache(maxsize=1)
def image_sets(source: Source) -> dict[str, data.ImageSet]:
    """Return split -> images as bytes; of cifar10 as many of each class."""
    if source.dataset == "synthetic_birds":
        options = {"num_species": source.num_classes, "size": source.size, "difficulty": source.difficulty}
        return {split: data.load(source.dataset, split, count=getattr(source, split), **options) for split in SPLITS}
    sets = {split: data.load(source.dataset, split) for split in SPLITS}
    if (len(sets["train"].classes), sets["train"].images.shape[-1]) != (source.num_classes, source.size):
        raise ValueError(f"{source.dataset} has 10 classes of 32 pixels, not {source.num_classes} of {source.size}")
    return {split: part.select(balanced_subset(part.targets, getattr(source, split))) for split, part in sets.items()}


@functools.lru_cache(maxsize=1)
def images(source: Source) -> dict[str, tuple[Tensor, Tensor]]:
    """Return split -> (standardised images (B, 3, H, W), targets)."""
    sets = image_sets(source)
    mean, std = mean_std(sets["train"].images, per_channel=True)
    return {split: (standardize(s.images, mean, std), s.targets) for split, s in sets.items()}


@functools.lru_cache(maxsize=2)
def features(source: Source, device: str = "cpu") -> Features:
    """Return the features of every image, by one network for all runs; kept on disk under `FGR_DATA`.

    The small network is trained by one-hot targets first; training sees shifted and mirrored images, features are of
    images as they are. The fully connected layers behind `LAYERS` are thrown away: every method of the chapter starts
    from the same features and new layers of its own.
    """
    made_by = (
        source_hash("birds"),
        Path(__file__).read_text(),
        inspect.getsource(fit),
        torch.backends.cpu.get_cpu_capability(),
        device,
    )
    what = json.dumps([asdict(source), *made_by], sort_keys=True)
    file = data_root() / "features" / f"{hashlib.sha256(what.encode()).hexdigest()[:20]}.pt"
    make = _trained if source.network == "face_cnn" else _pretrained
    made = kept(file, lambda: make(source, device))
    parts = {split: (made[split], made[f"{split}_targets"]) for split in SPLITS}
    return Features(parts, float(made["test_error"]))


def _pretrained(source: Source, device: str) -> dict[str, Tensor]:
    """Let the ImageNet network read enlarged images; nothing is trained, so there is no error."""
    model = models.EfficientNetLite0()
    models.load_efficientnet_weights(model, data.weights(source.network))
    made = {"test_error": torch.tensor(float("nan"))}
    for split, part in image_sets(source).items():
        ready = (
            F.interpolate(
                standardize(bytes_, efficientnet_lite.MEAN, efficientnet_lite.STD),
                size=READ,
                mode="bilinear",
                align_corners=False,
            )
            for bytes_ in part.images.split(100)
        )
        made[split] = torch.cat(list(models.extract_features(model, ready, LAYERS[source.network], device)))
        made[f"{split}_targets"] = part.targets
    return made


def _trained(source: Source, device: str) -> dict[str, Tensor]:
    parts = images(source)
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = models.face_cnn(source.num_classes, source.size, dropout=0.2)
        history = fit(
            model,
            parts,
            seed=SEED,
            epochs=source.epochs,
            lr=0.02,
            momentum=0.9,
            weight_decay=5e-4,
            milestones=(0.6, 0.85),
            batch_size=64,
            augment=crop_and_flip,
            device=device,
            label="network of the features",
        )
    made = {"test_error": torch.tensor(history[-1].metrics["test"])}
    for split, (pictures, targets) in parts.items():
        made[split] = torch.cat(
            list(models.extract_features(model, pictures.split(500), LAYERS[source.network], device))
        )
        made[f"{split}_targets"] = targets
    return made
