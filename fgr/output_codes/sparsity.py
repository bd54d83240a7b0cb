"""How many entries of a gradient do next to nothing: the chapter's explanation of slow one-hot training."""

import torch
from torch import Tensor

from fgr.checks import check_positive


def near_zero_share(gradient: Tensor, tolerance: float = 0.1) -> float:
    """Return the share of entries smaller in size than `tolerance` times their root mean square.

    With one-hot outputs only classes near a batch's samples get a gradient; with dense codes every output does
    (section 6.3.1). 0 for entries of equal size; of N(0, 1) entries 8% are that small.

    Args:
        gradient: any shape.
        tolerance: above 0.

    Returns:
        A share in [0, 1]; 1 for a gradient of zeros.

    Raises:
        ValueError: on an empty gradient or one that is not finite.

    Example:
        >>> near_zero_share(torch.tensor([1.0, -1.0, 0.0, 0.0]))
        0.5
    """
    check_positive(tolerance, "tolerance")
    if not gradient.numel() or not gradient.isfinite().all():
        raise ValueError("gradient must have entries and all must be finite")
    entries = gradient.detach().flatten()
    rms = torch.linalg.vector_norm(entries, dtype=torch.float64) / len(entries) ** 0.5
    return int((entries.abs() <= tolerance * rms).count_nonzero()) / len(entries)
