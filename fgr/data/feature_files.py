"""Features of video frames in one safetensors file, with the labels, sequences and paths of the frames."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fgr.checks import check_shape
from fgr.paths import atomic_path

TENSORS = ("features", "labels", "sequences")
PATHS, MADE = "paths", "made"
LIST = "list"  # the only entry of `made` in which parts of one data set may differ


@dataclass(frozen=True, eq=False)
class FrameFeatures:
    """What a network computed for every frame, in the order of the list file.

    Args:
        features: (n, D) float32.
        labels: (n,) float64.
        sequences: (n,) int64.
        paths: of the frames.
        made: how: model, hash of its weights, layer, preparation, list.

    Raises:
        ValueError: on differing lengths or wrong types.

    Example:
        >>> frames = FrameFeatures(torch.zeros(2, 3), torch.zeros(2).double(), torch.zeros(2).long(), ("a", "b"))
        >>> len(frames)
        2
    """

    features: Tensor
    labels: Tensor
    sequences: Tensor
    paths: tuple[str, ...]
    made: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_shape(self.features, "n D", "features")
        n = len(self.features)
        check_shape(self.labels, f"{n}", "labels")
        check_shape(self.sequences, f"{n}", "sequences")
        if len(self.paths) != n:
            raise ValueError(f"there are {len(self.paths)} paths for {n} frames")
        for name, dtype in zip(TENSORS, (torch.float32, torch.float64, torch.int64)):
            if getattr(self, name).dtype != dtype:
                raise ValueError(f"{name} must be {dtype}, got {getattr(self, name).dtype}")

    def __len__(self) -> int:
        return len(self.features)


def check_same_network(first: Mapping[str, str], second: Mapping[str, str], names: tuple[str, str]) -> None:
    """Raise ValueError if two `made` say that features come from different networks, layers or preparations.

    Example:
        >>> check_same_network({"layer": "fc6"}, {"layer": "fc7"}, ("training", "validation"))
        Traceback (most recent call last):
            ...
        ValueError: training and validation features differ in layer: 'fc6' and 'fc7'; extract both alike
    """
    for key in sorted(first.keys() & second.keys() - {LIST}):
        if first[key] != second[key]:
            what = f"{key}: {first[key]!r} and {second[key]!r}"
            raise ValueError(f"{names[0]} and {names[1]} features differ in {what}; extract both alike")


def save_features(file: Path, frames: FrameFeatures) -> None:
    """Write features so that a crash leaves no half file.

    Example:
        >>> import tempfile
        >>> frames = FrameFeatures(torch.ones(1, 3), torch.zeros(1).double(), torch.zeros(1).long(), ("a",))
        >>> file = Path(tempfile.mkdtemp()) / "features.safetensors"
        >>> save_features(file, frames)
        >>> load_features(file).features
        tensor([[1., 1., 1.]])
    """
    tensors = {name: getattr(frames, name).contiguous() for name in TENSORS}
    metadata = {PATHS: json.dumps(list(frames.paths)), MADE: json.dumps(dict(frames.made))}
    with atomic_path(file) as temporary:
        save_file(tensors, temporary, metadata)


def load_features(file: Path) -> FrameFeatures:
    """Read what `save_features` wrote.

    Raises:
        ValueError: if the file is damaged or holds something else.
        OSError: if it cannot be read.
    """
    file.stat()  # the system's own error where there is no file
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in TENSORS}
        return FrameFeatures(**tensors, paths=tuple(json.loads(metadata[PATHS])), made=json.loads(metadata[MADE]))
    except (SafetensorError, KeyError, ValueError) as error:
        reason = f"{error}".strip("'\"")
        raise ValueError(f"{file} holds no features ({reason}); write it by `fgr features extract`") from error
