"""Frames for pictures: generated ones are drawn anew, larger than networks see them; others are as they were read."""

from dataclasses import replace

import torch
from torch import Tensor

from fgr.alignment import generalized_procrustes
from fgr.data import ImageSet
from fgr.data.synthetic.faces import EMOTIONS, FaceBatch, emotion_videos, pain_videos, render_emotions, render_pain
from fgr.data.transforms import LEVELS
from fgr.experiments.pain.preprocess import (
    Shaper,
    Source,
    as_bytes,
    fit_intensity,
    frames,
    in_shape,
    landmarks_of,
    last_frames,
    mean_shape,
    prepared,
)

FRAME, SHAPED = 128, 96  # pixels of a side: of a frame that is drawn for a picture, and of one brought into shape
STAGES = {  # of Fig. 2.3, title -> variant
    "frame": "raw",
    "aligned crop": "crop",
    "aligned, masked": "align",
    "frontal, all landmarks": "frontal_all",
    "frontal, fewer landmarks": "frontal",
}


def close_ups(source: Source, rows: Tensor) -> ImageSet:
    """Return some frames of the pain videos (Fig. 2.1)."""
    chosen = frames(source).select(rows)
    if source.dataset != "synthetic_pain":
        return chosen
    videos = pain_videos(subjects=source.subjects, sequences=source.sequences, length=source.length)
    return _redrawn(chosen, render_pain(videos, rows, FRAME))


def stages(source: Source, rows: Tensor) -> dict[str, Tensor]:
    """Return title -> frames (B, 3, S, S) uint8 at every stage of Fig. 2.3, the last as the network sees it."""
    close, mean = close_ups(source, rows), mean_shape(source)
    shown = {title: in_shape(close, Shaper(variant, mean, SHAPED)) for title, variant in STAGES.items()}
    made = torch.Generator().manual_seed(0)
    moved = Shaper("frontal_deformed", mean, SHAPED).train(close.images.float() / LEVELS, landmarks_of(close), made)
    shown["mirrored or deformed"] = as_bytes(moved)
    ready = prepared(source, "frontal")
    normal = fit_intensity(*ready).apply(ready.images[rows])
    shown["as the network sees it"] = (128 + 50 * normal).round().clamp(0, 255).to(torch.uint8)
    return shown


def emotions(source: Source) -> tuple[Tensor, list[str]]:
    """Return the apex of a video of each emotion as an aligned crop (L, 3, S, S) uint8, and their names (Fig. 2.6)."""
    if source.dataset == "synthetic_emotions":
        videos = emotion_videos()
        last = videos.sequence.bincount().cumsum(0) - 1  # (V,) the apex of each video
        rows = last[_first_of_each(videos.emotion[last], len(EMOTIONS))]
        drawn = render_emotions(videos, rows, FRAME)
        apex = ImageSet(source.dataset, "all", drawn.images, videos.emotion[rows], EMOTIONS)
        apex = _redrawn(apex, drawn)
    else:
        whole = last_frames(source, 1)
        apex = whole.select(_first_of_each(whole.targets, len(whole.classes)))
    crop = Shaper("crop", generalized_procrustes(landmarks_of(apex)).mean, SHAPED)
    return in_shape(apex, crop), list(apex.classes)


def _redrawn(chosen: ImageSet, drawn: FaceBatch) -> ImageSet:
    return replace(chosen, images=drawn.images, annotations={"landmarks": drawn.landmarks})


def _first_of_each(targets: Tensor, count: int) -> Tensor:
    return torch.tensor([int((targets == kind).nonzero()[0, 0]) for kind in range(count)])
