"""What generated videos share: frames of many videos in one table, slow movements, blinks, and how they are filmed."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from fgr.data.synthetic.faces.draw import FaceBatch, draw_faces
from fgr.data.synthetic.faces.factors import OCCLUDERS, FaceFactors
from fgr.data.synthetic.faces.population import between
from fgr.data.synthetic.hashing import normal, uniform

_WAVES = 3
BLINK_EVERY = 60  # frames, about


def numbered_frames(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Return, for videos of so many frames (V,), the video and the number within it of every frame: (N,) each.

    Example:
        >>> numbered_frames(torch.tensor([2, 3]))
        (tensor([0, 0, 1, 1, 1]), tensor([0, 1, 0, 1, 2]))
    """
    sequence = torch.repeat_interleave(torch.arange(len(frames)), frames)
    return sequence, torch.arange(len(sequence)) - (frames.cumsum(0) - frames)[sequence]


def drift(seed: int, name: str, video: Tensor, frame: Tensor, count: int, period: tuple[float, float]) -> Tensor:
    """Return smooth movements (N, count) of about unit size: sums of slow waves, other ones in each video.

    Args:
        name: what moves.
        video, frame: (N,) int64.
        count: how many independent movements.
        period: of the waves, shortest and longest, in frames.
    """
    many = count * _WAVES
    phase, speed = (uniform(seed, video, f"{name} {part}", many) for part in ("phase", "speed"))
    turns = frame[:, None] / between(speed, *period) + phase
    return torch.sin(2 * math.pi * turns).unflatten(1, (count, _WAVES)).sum(2) * (2 / _WAVES) ** 0.5


def blinks(seed: int, video: Tensor, frame: Tensor) -> Tensor:
    """Return how far lids are closed by blinks (N,), 0 to 1: a few frames each, about once in `BLINK_EVERY`."""
    slot, within = frame // BLINK_EVERY, frame % BLINK_EVERY
    moment = 4 + (BLINK_EVERY - 8) * uniform(seed, video * 4096 + slot, "blink")
    return (1 - (within - moment).abs() / 2.5).clamp(0, 1)


def filmed(
    people: FaceFactors, seed: int, name: str, video: Tensor, frame: Tensor, restless: float = 1.0
) -> FaceFactors:
    """Return the frames (N,) of videos: a camera and light for each video, a head that moves a little, glances, blinks.

    Args:
        people: the N frames' people, with their action units.
        seed, name: of the set.
        video, frame: (N,) int64.
        restless: factor on the movements.
    """
    static = uniform(seed, video, f"{name} video", 12)
    turn = normal(seed, video, f"{name} pose", 3) * people.age.new_tensor([0.12, 0.06, 0.04])
    sway = drift(seed, f"{name} head", video, frame, 3, (50, 260)) * people.age.new_tensor([0.09, 0.05, 0.04])
    pose = (turn + restless * sway).clamp(-0.6, 0.6) * people.age.new_tensor([1.0, 0.8, 1.0])
    shift = 0.012 * restless * drift(seed, f"{name} camera", video, frame, 2, (80, 400))
    centre = 0.02 * (2 * static[:, 1:3] - 1) + shift
    glance = drift(seed, f"{name} gaze", video, frame, 2, (20, 120))
    exposure = torch.exp2(0.4 * static[:, 3] - 0.2) * (0.90 + 0.055 * people.tone)
    wall = between(static[:, 8:9], 0.25, 0.8)
    colors = wall * (1 + 0.2 * (static[:, [9, 10, 11, 9, 10, 11]] - 0.5))
    uneven = torch.stack([6.28 * static[:, 9], 0.4 * static[:, 10]], 1)
    accessories = torch.zeros(len(frame), len(OCCLUDERS), dtype=torch.int64)
    accessories[:, 0] = uniform(seed, people.identity, f"{name} glasses") < 0.15
    return people._replace(
        blink=blinks(seed, video, frame),
        gaze=(0.35 * glance - pose[:, :2] * pose.new_tensor([0.8, -0.8])).clamp(-1, 1),
        pose=pose,
        camera=torch.stack(
            [
                between(static[:, 0], 0.235, 0.275),
                centre[:, 0],
                0.02 + centre[:, 1],
                exposure,
                0.5 * static[:, 4] - 0.25,
            ],
            1,
        ),
        light=torch.stack(
            [1.6 * static[:, 5] - 0.8, between(static[:, 6], 0.2, 0.9), between(static[:, 7], 0.3, 0.65)], 1
        ),
        backdrop=torch.cat([colors, uneven], 1),
        accessories=accessories,
    )


def render_rows(
    factors: FaceFactors, subject: Tensor, rows: Tensor | Sequence[int], size: int, device: torch.device | str | None
) -> FaceBatch:
    """Draw rows of a table of frames.

    Raises:
        ValueError: if a row is not in the table, or none is given.
    """
    rows = torch.as_tensor(rows if isinstance(rows, Tensor) else list(rows))
    count = len(subject)
    if not len(rows) or rows.is_floating_point() or int(rows.min()) < 0 or int(rows.max()) >= count:
        raise ValueError(f"rows must hold at least one integer from 0 to {count - 1}, got {rows}")
    rows = rows.long().cpu()
    batch = draw_faces(factors.select(rows).to(device or "cpu"), size)
    return batch._replace(subject=subject[rows].to(batch.images.device))
