"""Landmarks of a face: the 66-point scheme of UNBC-McMaster, its mirror image, and checks that name the frame.

The 66 points are the 68 of iBUG and CK+ without the two inner corners of the mouth (60 and 64 there): 0-16 the jaw from
the image's left to its right, 17-21 and 22-26 the brows, 27-30 the ridge and 31-35 the base of the nose, 36-41 and
42-47 the eyes, 48-59 the outer and 60-65 the inner lips.
"""

import torch
from torch import Tensor

from fgr.checks import check_shape

_JAW_BROWS_NOSE = [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1)]
_EYES = [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
_MOUTH = [*range(54, 47, -1), *range(59, 54, -1), 62, 61, 60, 65, 64, 63]

FLIP_66 = (*_JAW_BROWS_NOSE, *_EYES, *_MOUTH)
"""Landmark i of a mirrored face was landmark FLIP_66[i]."""

COARSE_66 = (*range(0, 17, 2), 17, 21, 22, 26, 27, 30, 31, 35, 36, 39, 42, 45)
"""A coarser mesh of 21 landmarks that leaves lids and lips where the face has them.

The jaw, the ends of the brows, the nose, the corners of the eyes. The thesis shows such a subset (Fig. 2.4) without
listing it; this choice is ours.
"""


def refuse(bad: Tensor, complaint: str, remedy: str) -> None:
    """Raise ValueError for the first frame with a mark in `bad` (B, N), naming its landmarks, if there is any."""
    if bad.any():
        frame = int(bad.any(1).int().argmax())
        names = bad[frame].nonzero().flatten().tolist()
        others = int(bad.any(1).sum()) - 1
        more = f" (and in {others} more)" if others else ""
        plural = "s" if len(names) > 1 else ""
        raise ValueError(f"frame {frame}{more}: landmark{plural} {', '.join(map(str, names))} {complaint}; {remedy}")


def check_landmarks(landmarks: Tensor, visible: Tensor | None = None, name: str = "landmarks") -> Tensor:
    """Return which landmarks count, after checking that those are finite numbers.

    Args:
        landmarks: (B, N, 2) floating point.
        visible: (B, N) bool; a missing landmark may hold anything, NaN included. None: all are visible.
        name: what errors call the tensor.

    Returns:
        (B, N) bool.

    Raises:
        ValueError: on a wrong shape or type, or a visible landmark that is not finite; names frame and landmark.

    Example:
        >>> check_landmarks(torch.tensor([[[0.0, 0.0], [torch.nan, 1.0]]]))
        Traceback (most recent call last):
            ...
        ValueError: frame 0: landmark 1 not finite; mark it missing with `visible`, or drop the frame
    """
    check_shape(landmarks, "B N 2", name)
    if not landmarks.is_floating_point():
        raise ValueError(f"{name} must be floating point, got {landmarks.dtype}")
    batch, points, _ = landmarks.shape
    if visible is None:
        visible = torch.ones(batch, points, dtype=torch.bool, device=landmarks.device)
    check_shape(visible, f"{batch} {points}", "visible")
    if visible.dtype != torch.bool:
        raise ValueError(f"visible must be bool, got {visible.dtype}")
    refuse(visible & ~landmarks.isfinite().all(-1), "not finite", "mark it missing with `visible`, or drop the frame")
    return visible


def check_two_apart(visible: Tensor, size: Tensor) -> None:
    """Raise ValueError unless every shape has two visible landmarks (B, N) in different places: size (B,) above 0."""
    count = visible.sum(1)
    few = (count < 2).nonzero().flatten().tolist()
    if few:
        raise ValueError(f"frame {few[0]}: {int(count[few[0]])} visible landmarks, an alignment needs at least 2")
    refuse(visible & ~(size > 0)[:, None], "are all at one place", "drop the frame")
