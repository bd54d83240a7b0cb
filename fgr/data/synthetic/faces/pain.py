"""Videos of people in pain, after the UNBC-McMaster archive: who, how much pain, in which of their frames.

25 subjects with several videos each. Most frames show no pain; where there is some, it comes in episodes that rise,
stay and fall. All the time people look about, talk, blink, and smile without any unit of the pain score.
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
from fgr.data.synthetic.hashing import uniform

SUBJECTS = 25
PAIN_SHARE = 8369 / 48398  # of UNBC-McMaster's frames with a PSPI of 1 or more: 17.3%
_MOST = 0.62  # of one video's frames
_ONSET = 0.55  # intensity at which an episode starts and ends: just graded 1
_TAIL = 0.42  # below which a coder sees nothing
# Weights of the apex's PSPI, 1 to 12: strong pain is rare.
_APEX = (0.10, 0.14, 0.15, 0.15, 0.11, 0.10, 0.08, 0.06, 0.04, 0.03, 0.02, 0.02)
# unit: (share of people who show it in pain, strength against the strongest)
_UNITS = {4: (0.75, 0.8), 6: (0.75, 0.9), 7: (0.7, 0.8), 9: (0.4, 0.7), 10: (0.45, 0.7), 12: (0.35, 0.5)}
_UNITS |= {20: (0.3, 0.4), 25: (0.6, 0.6), 26: (0.3, 0.4), 43: (0.6, 0.35)}
_SCORED = (4, 6, 7, 9, 10)  # units of the score; 43 joins in at the apex
# Movements without pain: units, how long a video is between them on average, how long they last (frames).
_OTHERS = (((12, 14), 240, 40), ((25, 26), 120, 30), ((1, 2), 220, 24), ((17, 24), 300, 20), ((15,), 400, 30))


class PainVideos(NamedTuple):
    """A table of N frames, video after video in the order of time; nothing is drawn yet.

    * factors: of the frames; intensities there vary smoothly.
    * aus: (N, 19) intensities as a coder grades them: 0 to 5 in whole numbers, unit 43 0 or 1.
    * pspi: (N,) int64, 0 to 16, from `aus`.
    * subject, sequence, frame: (N,) int64; sequences are numbered through, frames from 0 in each.
    """

    factors: FaceFactors
    aus: Tensor
    pspi: Tensor
    subject: Tensor
    sequence: Tensor
    frame: Tensor


def pspi(aus: Tensor) -> Tensor:
    """Return the Prkachin-Solomon pain intensity: AU4 + max(AU6, AU7) + max(AU9, AU10) + AU43 (section 2.2).

    Prkachin and Solomon, Pain 2008.

    Args:
        aus: (..., 19) graded intensities in the order of `AUS`, 0 to 5 in whole numbers, unit 43 0 or 1.

    Returns:
        (...) int64, 0 to 16.

    Raises:
        ValueError: if an intensity is not a grade.

    Example:
        >>> aus = torch.zeros(19)
        >>> aus[[AUS.index(unit) for unit in (4, 6, 7, 43)]] = torch.tensor([2.0, 1.0, 3.0, 1.0])
        >>> pspi(aus)
        tensor(6)
    """
    if aus.shape[-1:] != (len(AUS),):
        raise ValueError(f"aus must have {len(AUS)} columns, got shape {tuple(aus.shape)}")
    top = torch.full((len(AUS),), 5.0, device=aus.device)
    top[-1] = 1
    if not (right := (aus == aus.round()) & (aus >= 0) & (aus <= top)).all():
        raise ValueError(f"grades are whole numbers from 0 to 5, that of unit 43 0 or 1; got {aus[~right][0]:g}")
    unit = dict(zip(AUS, aus.long().unbind(-1)))
    return unit[4] + torch.maximum(unit[6], unit[7]) + torch.maximum(unit[9], unit[10]) + unit[43]


def pain_videos(seed: int = 0, subjects: int = SUBJECTS, sequences: int = 8, length: int = 96) -> PainVideos:
    """Return the frames of all videos, as a table of what they show.

    Args:
        seed: of the set. All else depends on it and on the three numbers below.
        subjects: how many people, at least 1.
        sequences: videos of each, at least 1.
        length: frames of a video on average, at least 32; single ones have 2/3 to 4/3 of it.

    Returns:
        See `PainVideos`. About 82.7% of the frames show no pain; some people show far more than others.

    Raises:
        ValueError: if an argument is too small.

    Example:
        >>> videos = pain_videos(subjects=2, sequences=3, length=32)
        >>> videos.sequence.unique().tolist(), videos.subject.unique().tolist()
        ([0, 1, 2, 3, 4, 5], [0, 1])
    """
    for name, value, least in (("subjects", subjects, 1), ("sequences", sequences, 1), ("length", length, 32)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    video = torch.arange(subjects * sequences)
    frames = (length * between(uniform(seed, video, "pain length"), 2 / 3, 4 / 3)).long()  # (V,)
    sequence, frame = numbered_frames(frames)
    subject = sequence // sequences
    person = people(torch.arange(subjects), "a", seed ^ 0x7A11)
    person = person._replace(age=20 + 0.6 * person.age)  # grown-ups, 20 to 68 years
    level, aus = _pain(seed, video, video // sequences, frames, sequence, frame)
    aus = torch.maximum(aus, _other_movements(seed, sequence, frame))
    factors = filmed(person.select(subject)._replace(aus=aus), seed, "pain", sequence, frame)
    wince = (2 * uniform(seed, subject, "wince", 3) - 1) * torch.tensor([0.16, 0.12, 0.10]) * level[:, None]
    factors = factors._replace(pose=(factors.pose + wince).clamp(-0.65, 0.65))
    graded = aus.round()
    return PainVideos(factors, graded, pspi(graded), subject, sequence, frame)


def render_pain(
    videos: PainVideos, rows: Tensor | Sequence[int], size: int = 64, device: torch.device | str | None = None
) -> FaceBatch:
    """Draw frames of a table.

    Args:
        videos: from `pain_videos`.
        rows: (B,) int64, which of its rows, in any order.
        size: H = W in pixels, at least 16; the same scene at any size.
        device: where to draw; None for the CPU.

    Returns:
        See `FaceBatch`; `subject` as in the table, `aus` graded.

    Raises:
        ValueError: if a row is not in the table.

    Example:
        >>> videos = pain_videos(subjects=1, sequences=1, length=32)
        >>> render_pain(videos, range(2), size=16).images.shape
        torch.Size([2, 3, 16, 16])
    """
    faces = render_rows(videos.factors, videos.subject, rows, size, device)
    return faces._replace(aus=faces.aus.round())


def painful_frames(weight: Tensor, frames: Tensor) -> Tensor:
    """Return how many frames (V,) of each video show pain: `PAIN_SHARE` of all, spread by weights (V,).

    No video gets more than about 3/5 of its own frames; what is cut off goes to the others.
    """
    limit, wanted = _MOST * frames, PAIN_SHARE * frames.sum()
    given = torch.zeros_like(limit)
    for _ in range(30):
        room = (limit - given).clamp_min(0)
        pull = weight * (room > 0.5)
        given = torch.minimum(limit, given + (wanted - given.sum()) * pull / pull.sum().clamp_min(1e-6))
    given = torch.minimum(limit, given + (wanted - given.sum()) * (limit - given) / (limit - given).sum())
    return (given.cumsum(0).round().diff(prepend=given.new_zeros(1))).long()  # rounding does not add up


def _pain(
    seed: int, video: Tensor, owner: Tensor, frames: Tensor, sequence: Tensor, frame: Tensor
) -> tuple[Tensor, Tensor]:
    """Return how strong pain is in every frame (N,), 0 to 1, and its action units (N, 19), smooth in time."""
    nature = uniform(seed, owner, "pain nature")
    weight = (0.1 + nature**1.5) * (uniform(seed, video, "pain present") < 0.35 + 0.5 * nature)
    total = painful_frames(weight * frames, frames)
    two = (total >= 20) & (uniform(seed, video, "pain twice") < 0.6)
    first = torch.where(two, (total * between(uniform(seed, video, "pain split"), 0.3, 0.7)).long(), total)
    spare = frames - total
    gap = torch.where(two, (spare * between(uniform(seed, video, "pain gap"), 0.3, 0.6)).long(), 0)
    start = ((spare - gap) * between(uniform(seed, video, "pain start"), 0.15, 0.85)).long()
    level, aus = torch.zeros(len(frame)), torch.zeros(len(frame), len(AUS))
    for k, (begin, count) in enumerate(((start, first), (start + first + gap, total - first))):
        apex = _apex(seed, video, owner, k)[sequence]  # (N, 19)
        height = apex[:, [AUS.index(unit) for unit in _SCORED]].amax(1)  # of the strongest scored unit
        past, n = (frame - begin[sequence]).float(), count[sequence].float()
        share = (past + 0.5) / n.clamp_min(1)
        rise = between(uniform(seed, video, f"pain onset {k}"), 0.2, 0.45)[sequence]
        bent = smoothstep(0.0, rise, share) * smoothstep(1.0, 1.25 * rise, share)
        during = (past >= 0) & (past < n)
        away = torch.maximum(-past, past - n + 1).clamp_min(0)
        peak = torch.minimum(height, _ONSET + 0.2 * n)  # a short episode stays weak: faces do not jump
        amount = torch.where(during, _ONSET + (peak - _ONSET) * bent, _TAIL * (-away / 3).exp()) * (n > 0)
        units = apex * (amount / height)[:, None]
        units[:, -1] = apex[:, -1] * smoothstep(0.55, 0.75, bent) * during
        level, aus = torch.maximum(level, bent * during * (peak / 5)), torch.maximum(aus, units)
    return level, aus


def _apex(seed: int, video: Tensor, owner: Tensor, episode: int) -> Tensor:
    """Return the action units (V, 19) at the height of an episode: a person's own mixture, scaled to a drawn PSPI."""
    mixture = torch.zeros(len(video), len(AUS))
    habit, own, today = (uniform(seed, who, f"pain units {name}", len(AUS)) for who, name in
                         ((owner, "habit"), (owner, "own"), (video, f"today {episode}")))  # fmt: skip
    for unit, (share, strength) in _UNITS.items():
        k = AUS.index(unit)
        shown = (0.75 * habit[:, k] + 0.25 * today[:, k]) < share
        mixture[:, k] = shown * strength * between(own[:, k], 0.6, 1.2) * between(today[:, k], 0.8, 1.2)
    scored = [AUS.index(unit) for unit in _SCORED]
    mixture[:, AUS.index(4)].clamp_min_(0.3 * (mixture[:, scored].amax(1) == 0))  # nobody suffers without a sign
    weights = torch.tensor(_APEX).cumsum(0)
    wanted = 1 + torch.searchsorted(weights / weights[-1], uniform(seed, video, f"pain apex {episode}"))
    scale = torch.linspace(0.5, 9.0, 120)[:, None, None]
    tried = (scale * mixture).clamp_max(5)  # (120, V, 19)
    tried[..., -1] = (tried[..., -1] > 1.2).float()
    reached = (pspi(tried.round()) >= wanted) & (tried[..., scored].amax(2) >= 1)
    best = torch.where(reached.any(0), reached.float().argmax(0), len(scale) - 1)  # (V,)
    return tried[best, torch.arange(len(video))]


def _other_movements(seed: int, video: Tensor, frame: Tensor) -> Tensor:
    """Return action units (N, 19) of talking, smiling and the like; none is part of the pain score."""
    aus = torch.zeros(len(frame), len(AUS))
    for units, every, last in _OTHERS:
        name = f"movement {units[0]}"
        slot, within = frame // every, frame % every
        where = video * 4096 + slot
        middle = last / 2 + (every - last) * uniform(seed, where, name)
        bump = (1 - ((within - middle) / (last / 2)).square()).clamp_min(0)
        strength = 4.5 * uniform(seed, where, f"{name} strength") * (uniform(seed, where, f"{name} there") < 0.7)
        for k, unit in enumerate(units):
            aus[:, AUS.index(unit)] = bump * strength * (1.0 if k == 0 else 0.6)
    talk = AUS.index(25), AUS.index(26)
    syllables = (0.5 + 0.5 * drift(seed, "syllables", video, frame, 1, (4, 9))[:, 0]).clamp(0, 1)
    aus[:, talk] *= syllables[:, None]
    faint = 0.3 * drift(seed, "faint", video, frame, len(AUS), (30, 150)).clamp(0, 1)  # below what is graded
    faint[:, -1] = 0
    return torch.maximum(aus, faint)
