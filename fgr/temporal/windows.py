"""Windows of consecutive frames: which frames a recurrent network sees to judge the last of them (thesis 2.2.2)."""

import torch
from torch import Tensor

from fgr.checks import check_shape


def windows(n_frames: int, length: int, pad: bool = False) -> Tensor:
    """Return every window of `length` consecutive frames of one sequence, one step apart.

    Args:
        n_frames: of the sequence; at least 0.
        length: rho, frames a window; the thesis uses 16 for pain and 10 for CK+.
        pad: give the first frames a window too, by repeating frame 0 before it (as the thesis does for short videos
            of CK+). Without it they are never the last of a window and get no prediction, as in the released tool.

    Returns:
        (n_windows, length) int64 indices. Row i ends in frame i with padding (n_windows = n_frames), in frame
        i + length - 1 without (n_windows = n_frames - length + 1, or 0). The last column is the frames judged; the
        thesis's three windows of a CK+ video are the last three rows.

    Raises:
        ValueError: on a negative number of frames, or a length below 1.

    Example:
        >>> windows(4, 3)
        tensor([[0, 1, 2],
                [1, 2, 3]])
        >>> windows(3, 3, pad=True)
        tensor([[0, 0, 0],
                [0, 0, 1],
                [0, 1, 2]])
    """
    if n_frames < 0:
        raise ValueError(f"n_frames must be at least 0, got {n_frames}")
    return sequence_windows(torch.zeros(n_frames, dtype=torch.int64), length, pad)


def sequence_windows(sequences: Tensor, length: int, pad: bool = False) -> Tensor:
    """Return the windows of many sequences that lie one after the other; none reaches from one into the next.

    Args:
        sequences: (n,) int64, the sequence of each frame; frames of one sequence stand together, in time order.
        length, pad: as in `windows`.

    Returns:
        (n_windows, length) int64 indices into the n frames, in their order.

    Raises:
        ValueError: on a wrong type, a length below 1, or a sequence that begins a second time.

    Example:
        >>> sequence_windows(torch.tensor([5, 5, 5, 8, 8]), 2)
        tensor([[0, 1],
                [1, 2],
                [3, 4]])
    """
    check_shape(sequences, "n", "sequences")
    if sequences.dtype != torch.int64:
        raise ValueError(f"sequences must be int64, got {sequences.dtype}")
    if length < 1:
        raise ValueError(f"length must be at least 1 frame, got {length}")
    names, counts = sequences.unique_consecutive(return_counts=True)
    again = names.sort(stable=True).values
    if (again[1:] == again[:-1]).any():
        twice = int(again[:-1][again[1:] == again[:-1]][0])
        raise ValueError(f"sequence {twice} begins a second time; frames of one sequence must stand together")
    first = (counts.cumsum(0) - counts).repeat_interleave(counts)[:, None]  # (n, 1), where each frame's sequence begins
    frames = torch.arange(len(sequences), device=sequences.device)[:, None]  # (n, 1)
    steps = frames + torch.arange(1 - length, 1, device=sequences.device)  # (n, length)
    return steps.maximum(first) if pad else steps[(steps[:, 0] >= first[:, 0])]
