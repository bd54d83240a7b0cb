"""Features of birds from a network trained once: the thesis retrained fc7 and fc8 on what AlexNet had learned."""

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from fgr import data, models
from fgr.data.synthetic.cache import source_hash
from fgr.data.transforms import crop_and_flip, mean_std, standardize
from fgr.experiments.classification import Parts, fit
from fgr.paths import atomic_path, data_root, locked

SPLITS = ("train", "validation", "test")
LAYER = "relu6"  # of `face_cnn`: what fc7 reads
SEED = 0  # of the network whose features are shared by all runs


@dataclass(frozen=True)
class Birds:
    """The images that a run is about, and the network that reads them."""

    num_classes: int = 100  # species
    size: int = 64  # pixels of a side
    difficulty: float = 0.5
    train: int = 8_000  # images of each split
    validation: int = 2_000
    test: int = 4_000
    epochs: int = 15  # of the network that makes the features

    @property
    def options(self) -> dict[str, object]:
        """What `fgr.data.load` takes besides the split and its count."""
        return {"num_species": self.num_classes, "size": self.size, "difficulty": self.difficulty}


class Features(NamedTuple):
    """Split -> (features (B, D) float32, targets (B,)); and the test error of the network that made them."""

    parts: Parts
    test_error: float


@functools.lru_cache(maxsize=1)
def images(birds: Birds) -> dict[str, tuple[Tensor, Tensor]]:
    """Return split -> (standardised images (B, 3, H, W), targets)."""
    counts = {split: getattr(birds, split) for split in SPLITS}
    sets = {split: data.load("synthetic_birds", split, count=count, **birds.options) for split, count in counts.items()}
    mean, std = mean_std(sets["train"].images, per_channel=True)
    return {split: (standardize(s.images, mean, std), s.targets) for split, s in sets.items()}


@functools.lru_cache(maxsize=1)
def features(birds: Birds, device: str = "cpu") -> Features:
    """Train the network by one-hot targets and return the features of every image; kept on disk under `FGR_DATA`.

    Training sees shifted and mirrored images, features are of images as they are. The fully connected layers behind
    `LAYER` are thrown away: every method of the chapter starts from the same features and new layers of its own.
    """
    made_by = (source_hash("birds"), Path(__file__).read_text(), torch.backends.cpu.get_cpu_capability(), device)
    what = json.dumps([asdict(birds), *made_by], sort_keys=True)
    folder = data_root() / "features"
    file = folder / f"{hashlib.sha256(what.encode()).hexdigest()[:20]}.pt"
    with locked(folder / f".{file.stem}.lock"):
        if not file.exists():
            made = _train(birds, device)
            with atomic_path(file) as temporary:
                torch.save(made, temporary)
        kept = torch.load(file, weights_only=True)
    parts = {split: (kept[split], kept[f"{split}_targets"]) for split in SPLITS}
    return Features(parts, float(kept["test_error"]))


def _train(birds: Birds, device: str) -> dict[str, Tensor]:
    parts = images(birds)
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        model = models.face_cnn(birds.num_classes, birds.size, dropout=0.2)
        history = fit(
            model,
            parts,
            seed=SEED,
            epochs=birds.epochs,
            lr=0.02,
            momentum=0.9,
            weight_decay=5e-4,
            milestones=(0.6, 0.85),
            batch_size=64,
            augment=crop_and_flip,
            device=device,
            label="network of the features",
        )
    kept = {"test_error": torch.tensor(history[-1].metrics["test"])}
    for split, (pictures, targets) in parts.items():
        kept[split] = torch.cat(list(models.extract_features(model, pictures.split(500), LAYER, device)))
        kept[f"{split}_targets"] = targets
    return kept
