"""Videos from a neutral face to the apex of an emotion, after the Extended Cohn-Kanade set.

The recipes are those of FACS for prototypes of seven emotions, as Lucey et al. list them (CVPR Workshops 2010).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from fgr.data.synthetic.faces.draw import FaceBatch
from fgr.data.synthetic.faces.factors import AUS, FaceFactors
from fgr.data.synthetic.faces.interpolate import smoothstep
from fgr.data.synthetic.faces.population import between, people
from fgr.data.synthetic.faces.timeline import drift, filmed, numbered_frames, render_rows
from fgr.data.synthetic.hashing import bits, uniform

EMOTIONS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
COUNTS = (45, 18, 59, 25, 69, 28, 83)  # labelled videos of CK+, 327 of 118 people
SUBJECTS = 120
# Units that make the emotion, each with its strength, and units that some people add.
_RECIPES: dict[str, tuple[dict[int, float], tuple[int, ...]]] = {
    "anger": ({4: 1.0, 5: 0.45, 7: 0.7, 23: 0.9, 24: 0.6}, (17, 10)),
    "contempt": ({14: 1.0}, (12, 7, 17)),
    "disgust": ({9: 1.0, 10: 0.6, 17: 0.5}, (4, 6, 7, 25)),
    "fear": ({1: 0.9, 2: 0.6, 4: 0.6, 5: 0.9, 20: 0.8, 25: 0.7}, (26,)),
    "happy": ({6: 0.8, 12: 1.0}, (25, 26, 7)),
    "sadness": ({1: 0.8, 4: 0.55, 15: 0.9}, (17, 6, 7)),
    "surprise": ({1: 0.9, 2: 0.9, 5: 0.8, 26: 0.9, 25: 0.5}, (27,)),
}


class EmotionVideos(NamedTuple):
    """A table of N frames, video after video, each from neutral to its apex; nothing is drawn yet.

    factors: of the frames. aus: (N, 19) graded intensities, 0 to 5, unit 43 0 or 1.
    emotion: (N,) int64 index into `EMOTIONS`, that of the frame's video.
    subject, sequence, frame: (N,) int64; sequences are numbered through, frames from 0 in each.
    """

    factors: FaceFactors
    aus: Tensor
    emotion: Tensor
    subject: Tensor
    sequence: Tensor
    frame: Tensor


def emotion_videos(
    seed: int = 0, subjects: int = SUBJECTS, counts: Sequence[int] = COUNTS, length: int = 16
) -> EmotionVideos:
    """Return the frames of all videos, as a table of what they show.

    Args:
        seed: of the set. All else depends on it and on what follows.
        subjects: how many people there are; each has at most one video of an emotion.
        counts: 7 numbers of videos, of each of `EMOTIONS`; at most one for each person.
        length: frames of a video on average, at least 6; single ones have half to one and a half of it.

    Returns:
        See `EmotionVideos`.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> videos = emotion_videos(subjects=5, counts=(1, 1, 1, 1, 2, 1, 3), length=8)
        >>> videos.emotion[videos.frame == 0].tolist()
        [0, 1, 2, 3, 4, 4, 5, 6, 6, 6]
    """
    if subjects < 1 or len(counts) != len(EMOTIONS) or not all(0 <= n <= subjects for n in counts) or not sum(counts):
        raise ValueError(f"counts must be {len(EMOTIONS)} numbers of 0 to {subjects} subjects, got {tuple(counts)}")
    if length < 6:
        raise ValueError(f"length must be at least 6, got {length}")
    label = torch.repeat_interleave(torch.arange(len(EMOTIONS)), torch.tensor(counts))  # (V,)
    order = [bits(seed, torch.arange(subjects), f"emotion {name}").argsort()[:n] for name, n in zip(EMOTIONS, counts)]
    owner, video = torch.cat(order), torch.arange(len(label))
    frames = (length * between(uniform(seed, video, "emotion length"), 0.5, 1.5)).long()
    sequence, frame = numbered_frames(frames)
    person = people(torch.arange(subjects), "a", seed ^ 0xE307)
    person = person._replace(age=18 + 0.4 * person.age)  # 18 to 50 years
    share = frame / (frames - 1)[sequence]
    rise = between(uniform(seed, video, "emotion rise"), 0.6, 1.0)[sequence]
    amount = smoothstep(0.02, rise, share)[:, None] * _apex(seed, owner, video, label)[sequence]
    faint = 0.5 * drift(seed, "emotion faint", sequence, frame, len(AUS), (20, 80)).clamp(0, 1)
    faint[:, -1] = 0
    factors = person.select(owner[sequence])._replace(aus=torch.maximum(amount, faint))
    factors = filmed(factors, seed, "emotion", sequence, frame, restless=0.5)
    return EmotionVideos(factors, factors.aus.round(), label[sequence], owner[sequence], sequence, frame)


def render_emotions(
    videos: EmotionVideos, rows: Tensor | Sequence[int], size: int = 64, device: torch.device | str | None = None
) -> FaceBatch:
    """Draw frames of a table.

    Args:
        videos: from `emotion_videos`.
        rows: (B,) int64, which of its rows, in any order.
        size: H = W in pixels, at least 16; the same scene at any size.
        device: where to draw; None for the CPU.

    Returns:
        See `FaceBatch`; `subject` as in the table, `aus` graded.

    Raises:
        ValueError: if a row is not in the table.

    Example:
        >>> videos = emotion_videos(subjects=5, counts=(1, 1, 1, 1, 1, 1, 1), length=8)
        >>> render_emotions(videos, [0], size=16).images.shape
        torch.Size([1, 3, 16, 16])
    """
    faces = render_rows(videos.factors, videos.subject, rows, size, device)
    return faces._replace(aus=faces.aus.round())


def _apex(seed: int, owner: Tensor, video: Tensor, label: Tensor) -> Tensor:
    """Return the action units (V, 19) at the end of each video: the recipe, with a person's strengths and extras."""
    core, extra = torch.zeros(len(EMOTIONS), len(AUS)), torch.zeros(len(EMOTIONS), len(AUS))
    for row, name in enumerate(EMOTIONS):
        units, others = _RECIPES[name]
        core[row, [AUS.index(unit) for unit in units]] = torch.tensor(list(units.values()))
        extra[row, [AUS.index(unit) for unit in others]] = 1
    own, chance = uniform(seed, owner, "emotion own", len(AUS)), uniform(seed, video, "emotion chance", len(AUS))
    overall = between(uniform(seed, video, "emotion strength"), 2.2, 5.0)[:, None]
    mixed = core[label] * between(own, 0.7, 1.15) + extra[label] * (chance < 0.4) * between(own, 0.3, 0.9)
    dropped = (core[label] < 0.65) & (chance > 0.8)  # a weaker unit is sometimes missing
    return (overall * mixed * ~dropped).clamp_max(5)
