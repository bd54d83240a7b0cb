"""Real codes made binary, as Table 6.1 compares: not at all, at zero, or at the median of each row."""

import torch
from torch import Tensor

from fgr.checks import check_choice, check_shape
from fgr.output_codes.validation import check_entries

THRESHOLDS = ("none", "zero", "median")
LEVEL = 1e-9  # of the largest entry: values this close to the threshold are on it, on every machine


def binarize(codes: Tensor, threshold: str) -> Tensor:
    """Return codes of -1 and +1: +1 where an entry lies above the threshold.

    Args:
        codes: (n, k) floating point, finite.
        threshold: "none" returns them as they are; "zero"; "median" of each row, which makes half of every word +1
            (the lower median for an even k). An entry on its threshold is -1.

    Returns:
        (n, k). Words may coincide after thresholding, which `CodeHead` refuses.

    Raises:
        ValueError: on another threshold, on a type that is not floating point or an entry that is not finite (names
            it), or the median of a single bit, which is the bit itself.

    Example:
        >>> binarize(torch.tensor([[0.1, 0.9, -0.3, 0.4]]), "median")
        tensor([[-1.,  1., -1.,  1.]])
    """
    check_choice(threshold, THRESHOLDS, "threshold")
    check_shape(codes, "n k", "codes")
    check_entries(codes)
    if threshold == "none":
        return codes
    if threshold == "median" and codes.shape[1] < 2:
        raise ValueError("the median of a row needs at least 2 bits; use threshold='zero'")
    level = codes.median(1, keepdim=True).values if threshold == "median" else codes.new_zeros(1)
    margin = max(LEVEL, torch.finfo(codes.dtype).eps) * codes.abs().max()
    return torch.where(codes - level > margin, 1.0, -1.0).to(codes.dtype)
