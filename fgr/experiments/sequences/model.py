"""A recurrent network together with the constants of its training, in one file: apply it to any features."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from fgr.data.feature_files import FrameFeatures, check_same_network
from fgr.experiments.sequences.settings import SequenceSettings
from fgr.paths import atomic_path
from fgr.temporal import LSTMClassifier, LSTMRegressor, Standardization, sequence_windows

KEY = "fgr_sequence"
BATCH = 256  # windows judged at once


class Predictions(NamedTuple):
    """Outputs for the frames that have a full window."""

    frames: Tensor  # (n,) int64 rows of the features
    outputs: Tensor  # (n,) in the unit of the labels, or (n, num_classes) log-probabilities
    labels: Tensor  # (n,) of those frames, float64


@dataclass(frozen=True, eq=False)
class SequenceModel:
    """What `fit` makes."""

    network: nn.Module
    settings: SequenceSettings
    features: int  # D
    num_classes: int  # 1 for regression
    feature_scale: Standardization | None
    label_scale: Standardization | None
    made: Mapping[str, str]  # how the training features were made

    def predict(self, frames: FrameFeatures, device: torch.device | str = "cpu") -> Predictions:
        """Judge every frame that has a full window.

        Raises:
            ValueError: as `check`.
        """
        self.check(frames)
        rows = full_windows(frames, self.settings)
        self.network.to(device).eval()
        with torch.no_grad():
            parts = [self.network(self.inputs(frames.features[part]).to(device)).cpu() for part in rows.split(BATCH)]
        outputs = torch.cat(parts)
        if self.settings.task == "classification":
            outputs = outputs.log_softmax(1)
        elif self.label_scale is not None:
            outputs = self.label_scale.invert(outputs)
        return Predictions(rows[:, -1], outputs, frames.labels[rows[:, -1]])

    def check(self, frames: FrameFeatures, name: str = "these") -> None:
        """Raise ValueError unless the network can judge these frames.

        They must come from the same network, layer and preparation as the training frames, and have a full window.
        """
        check_same_network(self.made, frames.made, ("training", name))
        if frames.features.shape[1] != self.features:
            raise ValueError(f"the model reads {self.features} features a frame, there are {frames.features.shape[1]}")
        full_windows(frames, self.settings)

    def inputs(self, features: Tensor) -> Tensor:
        """Return features as the network wants them."""
        return features if self.feature_scale is None else self.feature_scale.apply(features)

    def save(self, file: Path) -> None:
        """Write weights and constants to one safetensors file, whole or not at all."""
        constants = {"settings": asdict(self.settings), "features": self.features, "num_classes": self.num_classes}
        constants["made"] = dict(self.made)
        for name in ("feature_scale", "label_scale"):
            scale = getattr(self, name)
            constants[name] = None if scale is None else [scale.mean.item(), scale.std.item()]
        weights = {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}
        with atomic_path(file) as temporary:
            save_file(weights, temporary, {KEY: json.dumps(constants)})


def build_network(settings: SequenceSettings, features: int, num_classes: int) -> nn.Module:
    """Return an untrained network."""
    sizes = {"hidden": settings.hidden, "layers": settings.layers, "dropout": settings.dropout}
    sizes |= {"batch_norm": settings.batch_norm, "steps": settings.window}
    if settings.task == "classification":
        return LSTMClassifier(features, num_classes, **sizes)
    return LSTMRegressor(features, **sizes)


def load_model(file: Path) -> SequenceModel:
    """Read what `SequenceModel.save` wrote.

    Raises:
        ValueError: if the file is damaged or something else.
        OSError: if it cannot be read.
    """
    file.stat()
    try:
        with safe_open(file, framework="pt") as opened:
            constants = json.loads((opened.metadata() or {})[KEY])
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a mapping)
        settings = SequenceSettings(**constants.pop("settings"))
        network = build_network(settings, constants["features"], constants["num_classes"])
        network.load_state_dict(weights)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{file} holds no model of sequences ({error}); `fgr sequence train` writes one") from error
    for name in ("feature_scale", "label_scale"):
        if constants[name] is not None:
            constants[name] = Standardization(*torch.tensor(constants[name], dtype=torch.float64))
    return SequenceModel(network.eval(), settings, **constants)


def full_windows(frames: FrameFeatures, settings: SequenceSettings) -> Tensor:
    """Return the windows (n, window) of all sequences.

    Raises:
        ValueError: if there is none.
    """
    rows = sequence_windows(frames.sequences, settings.window, settings.pad)
    if len(rows) == 0:
        longest = int(frames.sequences.unique_consecutive(return_counts=True)[1].max()) if len(frames) else 0
        raise ValueError(
            f"no sequence is as long as a window of {settings.window} frames, the longest has {longest}; shorten the "
            "window, or pad. If every frame has a sequence number of its own, number the videos instead"
        )
    return rows
