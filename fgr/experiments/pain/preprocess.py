"""From frames and landmarks to what the network sees: the stages of Fig. 2.3, whole videos at a time."""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from fgr import data
from fgr.alignment import (
    COARSE_66,
    PiecewiseAffine,
    aligned_crop,
    deform_landmarks,
    fit_to_canvas,
    generalized_procrustes,
    global_contrast_normalize,
    per_pixel_mean,
    random_flip,
)
from fgr.checks import check_choice
from fgr.data import ImageSet
from fgr.data.image_files import ImageFiles
from fgr.data.transforms import LEVELS, resize

# How a frame is brought into shape. "align" turns, scales and masks the face but does not deform it: our reading of the
# first row of Table 2.2, which the thesis does not describe further.
VARIANTS = ("raw", "align", "frontal_all", "frontal", "frontal_deformed", "crop")
MEANS = ("pixel", "global")
MARGIN = 0.12  # of an aligned crop: what it shows around the face, as networks see that were trained on raw faces
STRENGTH = 0.02  # of the landmark noise of "frontal_deformed"; the thesis does not give its own
GENERATED = ("synthetic_pain", "synthetic_emotions")
EMOTION_FRAMES = 12  # of each emotion video: three windows of ten, which end in its last three frames
INNER_CORNERS = (60, 64)  # of the mouth, among 68 landmarks
CHUNK = 500  # frames warped at once


@dataclass(frozen=True)
class Source:
    """The frames that a run is about."""

    dataset: str = "synthetic_pain"  # or unbc_mcmaster, ck_plus, synthetic_emotions, with the same annotations
    size: int = 64  # pixels of a side of what the network sees
    frame: int = 96  # pixels of a side of the frames, before anything is cropped
    subjects: int = 25  # of the generated pain videos
    sequences: int = 8  # videos of each
    length: int = 96  # frames of a video on average
    videos: int = 0  # of the generated emotion videos, the first ones; 0 for all 327


class Prepared(NamedTuple):
    """Frames in shape: images (B, 3, S, S) uint8; mask (S, S) bool, True where faces are shown."""

    images: Tensor
    mask: Tensor


class Intensity(NamedTuple):
    """What is subtracted from an image before its contrast is normalised, and where it shows something."""

    mean: Tensor  # (3, S, S)
    mask: Tensor  # (S, S) bool; all True for images without a mask

    def apply(self, images: Tensor) -> Tensor:
        """Return images (B, 3, S, S) in [0, 1] or bytes as the network takes them; what is masked out is exactly 0."""
        scaled = images.float() / LEVELS if images.dtype == torch.uint8 else images
        return global_contrast_normalize(scaled - self.mean, self.mask)


@functools.lru_cache(maxsize=2)
def frames(source: Source) -> ImageSet:
    """Return all frames of a source in memory, video after video, with their landmarks inside the image.

    Frames of real archives are squeezed into a square; alignment undoes most of that. Of emotion videos the last twelve
    frames are read, which three windows of ten need.
    """
    return last_frames(source, EMOTION_FRAMES)


def last_frames(source: Source, last: int) -> ImageSet:
    """Return all frames of pain videos, or the `last` ones of each emotion video, in memory."""
    options: dict[str, object] = {}
    if source.dataset == "synthetic_pain":
        options = {"subjects": source.subjects, "sequences": source.sequences, "length": source.length}
    elif source.dataset == "synthetic_emotions":
        options = {"last": last, "sequences": source.videos or None}
    elif source.dataset == "ck_plus":
        options = {"last": last}
    if source.dataset in GENERATED:
        options["size"] = source.frame
    whole = data.load(source.dataset, "all", **options)
    return whole.in_memory(source.frame) if isinstance(whole.images, ImageFiles) else whole


def landmarks_of(whole: ImageSet) -> Tensor:
    """Return the landmarks (B, N, 2) float32, those beyond the border moved onto it, where a warp can read.

    The 68 points of CK+ lose the two inner corners of the mouth, which leaves the 66 of UNBC-McMaster.
    """
    height, width = whole.images.shape[2:]
    last = torch.tensor([width - 1.0, height - 1.0])
    points = whole.annotations["landmarks"][..., :2].float()
    if points.shape[1] == 68:
        points = points[:, [point for point in range(68) if point not in INNER_CORNERS]]
    return points.clamp_min(0).minimum(last)


@functools.lru_cache(maxsize=4)
def mean_shape(source: Source) -> Tensor:
    """Return the mean face (N, 2) by generalised Procrustes analysis of every fifth frame.

    No label enters, and no test frame is seen by the network for it; the thesis too has one reference for all.
    """
    return generalized_procrustes(landmarks_of(frames(source))[::5]).mean


class Shaper:
    """Bring frames into shape by one of VARIANTS.

    Args:
        variant: one of VARIANTS.
        mean: (N, 2), the mean face.
        size: pixels of a side of the result.

    `mask` (size, size) is True where a face is shown: everywhere for variants that keep the background.
    """

    def __init__(self, variant: str, mean: Tensor, size: int) -> None:
        check_choice(variant, VARIANTS, "variant")
        self.variant, self.size = variant, (size, size)
        coarse = COARSE_66 if len(mean) == 66 and variant != "frontal_all" else None
        self.reference = fit_to_canvas(mean, self.size, MARGIN if variant == "crop" else 0.0).float()
        self.warp = PiecewiseAffine(self.reference, self.size, coarse, allow_flat=True)
        whole = torch.ones(self.size, dtype=torch.bool)
        self.mask = whole if variant in ("raw", "crop") else self.warp.mask

    def __call__(self, images: Tensor, landmarks: Tensor) -> Tensor:
        """Return (B, C, size, size) from images (B, C, H, W) floating point and landmarks (B, N, 2)."""
        if self.variant == "raw":
            return images if images.shape[2:] == self.size else resize(images, self.size)
        if self.variant in ("crop", "align"):
            return aligned_crop(images, landmarks, self.reference, self.size) * self.mask
        return self.warp(images, landmarks)

    def train(self, images: Tensor, landmarks: Tensor, generator: torch.Generator) -> Tensor:
        """Return the same, varied for training where the variant says so: mirrored, and a little deformed."""
        if self.variant != "frontal_deformed":
            return self(images, landmarks)
        images, landmarks = random_flip(images, landmarks, generator)
        return self(images, deform_landmarks(landmarks, STRENGTH, generator, images.shape[2:]))


def shaper(source: Source, variant: str) -> Shaper:
    """Return the shaper of a variant for the mean face of a source."""
    return Shaper(variant, mean_shape(source), source.size)


@functools.lru_cache(maxsize=2)
def prepared(source: Source, variant: str) -> Prepared:
    """Return every frame of a source in shape, as bytes."""
    shape = shaper(source, variant)
    return Prepared(in_shape(frames(source), shape), shape.mask)


def in_shape(whole: ImageSet, shape: Shaper) -> Tensor:
    """Return all images of a set brought into shape, as bytes (B, 3, S, S)."""
    parts = zip(whole.images.split(CHUNK), landmarks_of(whole).split(CHUNK))
    return torch.cat([as_bytes(shape(images.float() / LEVELS, points)) for images, points in parts])


def as_bytes(images: Tensor) -> Tensor:
    """Return images in [0, 1] as uint8."""
    return (LEVELS * images).round().to(torch.uint8)


def fit_intensity(images: Tensor, mask: Tensor, mean: str = "pixel") -> Intensity:
    """Return how to normalise frames, by the statistics of training frames.

    Args:
        images: (B, 3, S, S) uint8.
        mask: (S, S) bool.
        mean: "pixel" subtracts the mean face, so that what is masked out stays exactly zero; "global" one number, which
            the black around a masked face is no exception to, and so is no longer zero (section 2.3.1).
    """
    check_choice(mean, MEANS, "mean")
    if mean == "pixel":
        total = sum((part.float() / LEVELS).sum(0, dtype=torch.float64) for part in images.split(CHUNK))
        return Intensity(per_pixel_mean((total / len(images)).float()[None], mask), mask)
    average = images.float().mean() / LEVELS
    return Intensity(average.expand(images.shape[1:]), torch.ones_like(mask))


def masks_in_shape(source: Source, variant: str, rows: Tensor, masks: Tensor) -> Tensor:
    """Return masks (B, K, H, W) bool of some frames as they lie after the preparation: (B, K, S, S) bool."""
    whole = frames(source)
    moved = shaper(source, variant)(masks.float(), landmarks_of(whole)[rows])
    return moved > 0.5
