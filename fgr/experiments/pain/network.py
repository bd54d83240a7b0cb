"""The network of a fold: pretrained on who is who, then trained on pain or emotion."""

import functools
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr import data, models
from fgr.alignment import generalized_procrustes
from fgr.checks import check_choice
from fgr.data.kept import kept
from fgr.data.loader import TensorLoader
from fgr.data.splits import Split
from fgr.data.synthetic.cache import source_hash
from fgr.data.transforms import LEVELS
from fgr.experiments.pain.cells import PAIN, Cell, targets_of
from fgr.experiments.pain.preprocess import (
    Intensity,
    Shaper,
    fit_intensity,
    frames,
    in_shape,
    landmarks_of,
    prepared,
    shaper,
)
from fgr.models.named import read_weights
from fgr.models.vgg import VGG, load_vgg_weights
from fgr.paths import data_root
from fgr.temporal import Standardization, fit_standardization
from fgr.training import train

NETWORKS = ("face_cnn", "vgg16")
PER_SUBJECT = 20  # photographs of a person on which a network is pretrained; the last of them tests
BATCH = 200  # frames read at once when nothing is learned


class Trained(NamedTuple):
    """A network, how its images are normalised, and how its output becomes a pain level."""

    model: VGG
    intensity: Intensity
    levels: Standardization | None  # None: the output is a logit, or emotions' logits

    @torch.no_grad()
    def outputs(self, images: Tensor, device: torch.device | str = "cpu") -> Tensor:
        """Return pain levels or logits (B,), or log-probabilities of emotions (B, L), from prepared images as bytes."""
        self.model.to(device).eval()
        found = torch.cat([self.model(self.intensity.apply(x).to(device)).cpu() for x in images.split(BATCH)])
        if found.shape[1] > 1:
            return found.log_softmax(1)
        return found[:, 0] if self.levels is None else self.levels.invert(found[:, 0])

    @torch.no_grad()
    def features(self, images: Tensor, device: torch.device | str = "cpu") -> dict[str, Tensor]:
        """Return what fc6 and fc7 give for prepared images, rectified: (B, D) float32 each."""
        batches = (self.intensity.apply(x) for x in images.split(BATCH))
        fc6 = torch.cat(list(models.extract_features(self.model, batches, "relu6", device)))  # (B, D)
        fc7 = self.model.relu7(self.model.fc7(fc6.to(device))).cpu()  # (B, D); without dropout
        return {"fc6": fc6, "fc7": fc7}


def build(cell: Cell, outputs: int) -> VGG:
    """Return an untrained network for a cell, with torch's current random state.

    Channels come last in memory, which is nearly twice as fast on a CPU.
    """
    check_choice(cell.network, NETWORKS, "network")
    make = models.face_cnn if cell.network == "face_cnn" else models.vgg16
    return make(outputs, size=cell.size, dropout=cell.dropout).to(memory_format=torch.channels_last)


def start(cell: Cell, outputs: int, seed: int, device: torch.device | str = "cpu") -> VGG:
    """Return the network that a fold starts from: the same for every fold and variant of one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(cell, outputs)
    if cell.weights:
        return load_vgg_weights(model, read_weights(Path(cell.weights)), head=False)
    if cell.pretraining:
        return load_vgg_weights(model, pretrained(_pretraining(cell), str(device))[0], head=False)
    return model


def _pretraining(cell: Cell) -> Cell:
    """Return the cell with nothing but what pretraining depends on, so that all others share it."""
    names = ("network", "size", "frame", "pretraining", "pretraining_epochs")
    return Cell(**{name: getattr(cell, name) for name in names})


@functools.lru_cache(maxsize=2)
def pretrained(cell: Cell, device: str = "cpu") -> tuple[dict[str, Tensor], float]:
    """Return weights that know who is who on raw generated faces, and their test error; kept on disk in `FGR_DATA`.

    As VGG-Face was: photographs cropped around the face, background and all, one class a person. Of each person's
    photographs the last tests.
    """
    made_by = (source_hash("faces"), Path(__file__).read_text(), torch.backends.cpu.get_cpu_capability(), device)
    what = json.dumps([cell.network, cell.size, cell.frame, cell.pretraining, cell.pretraining_epochs, *made_by])
    file = data_root() / "features" / f"{hashlib.sha256(what.encode()).hexdigest()[:20]}.pt"
    made = kept(file, lambda: _pretrain(cell, device))
    return made["weights"], float(made["test_error"])


def _pretrain(cell: Cell, device: str) -> dict[str, object]:
    faces = data.load("synthetic_faces", "train", count=cell.pretraining, size=cell.frame, per_subject=PER_SUBJECT)
    images = in_shape(faces, Shaper("crop", generalized_procrustes(landmarks_of(faces)).mean, cell.size))
    who = faces.annotations["subject"].unique(return_inverse=True)[1]  # (B,)
    last = torch.arange(len(who)) % PER_SUBJECT == PER_SUBJECT - 1
    intensity = fit_intensity(images[~last], torch.ones(images.shape[2:], dtype=torch.bool))
    loader = TensorLoader(images[~last], who[~last], 64, augment=lambda chosen, _: intensity.apply(chosen))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = build(cell, int(who.max()) + 1)
        optimizer, schedule = adam(model, 0.001, cell.pretraining_epochs)
        train(
            model,
            loader,
            F.cross_entropy,
            optimizer,
            cell.pretraining_epochs,
            schedule=schedule,
            device=device,
            label="who is who",
        )
    found = Trained(model, intensity, None).outputs(images[last], device).argmax(1)
    weights = {name: value.cpu() for name, value in model.state_dict().items()}
    return {"weights": weights, "test_error": (found != who[last]).double().mean()}


def adam(model: VGG, lr: float, epochs: int) -> tuple[torch.optim.Adam, torch.optim.lr_scheduler.StepLR]:
    """Return how all networks here learn: by Adam, whose learning rate is divided by five after 3/5 of the epochs."""
    optimizer = torch.optim.Adam(model.parameters(), lr, fused=True)
    return optimizer, torch.optim.lr_scheduler.StepLR(optimizer, max(1, math.ceil(0.6 * epochs)), gamma=0.2)


def train_network(cell: Cell, split: Split, seed: int, device: torch.device | str = "cpu") -> Trained:
    """Train the network of one fold; for one seed all variants start alike and see the same frames in the same order.

    The mean that is subtracted and the scale of the levels are those of the training frames.
    """
    whole, ready, shape = frames(cell.source), prepared(cell.source, cell.variant), shaper(cell.source, cell.variant)
    targets, landmarks = targets_of(cell, whole), landmarks_of(whole)
    rows, quiet = split.train, split.train[:0]  # what an epoch holds; frames without pain to draw from
    if cell.balance and cell.loss != "emotion":
        painful = targets[split.train] >= PAIN
        rows, quiet = split.train[painful], split.train[~painful]
        if not len(rows) or not len(quiet):
            raise ValueError(f"{len(rows)} of {len(split.train)} training frames show pain; balancing needs both kinds")
    balanced = torch.cat([rows, quiet[:1].expand(len(rows) if len(quiet) else 0)])  # (n,) all without pain learn alike
    intensity = fit_intensity(ready.images[split.train], ready.mask, cell.mean)
    levels = fit_standardization(targets[balanced]) if cell.loss == "regression" else None
    if cell.loss == "emotion":
        goals, loss, outputs = targets[balanced], F.cross_entropy, len(whole.classes)
    else:
        goals = levels.apply(targets[balanced]).float() if levels else (targets[balanced] >= PAIN).float()
        loss, outputs = _one_output(F.mse_loss if levels else F.binary_cross_entropy_with_logits), 1

    def inputs(places: Tensor, generator: torch.Generator) -> Tensor:
        chosen = balanced[places]
        if len(quiet):  # each time other frames without pain
            drawn = torch.randint(len(quiet), places.shape, generator=generator)
            chosen = torch.where(places < len(rows), chosen, quiet[drawn])
        if cell.variant == "frontal_deformed":
            return intensity.apply(shape.train(whole.images[chosen].float() / LEVELS, landmarks[chosen], generator))
        return intensity.apply(ready.images[chosen])

    loader = TensorLoader(
        torch.arange(len(balanced)),
        goals,
        cell.batch_size,
        seed,
        augment=inputs,
        drop_last=len(balanced) >= cell.batch_size,
    )  # numbers, not images: a batch is prepared when it is needed
    model = start(cell, outputs, seed, device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # dropout
        optimizer, schedule = adam(model, cell.lr, cell.epochs)
        train(model, loader, loss, optimizer, cell.epochs, schedule=schedule, device=device, label=cell.variant)
    return Trained(model.cpu(), intensity, levels)


def _one_output(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda output, target: loss(output[:, 0], target)
