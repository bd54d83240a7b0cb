"""Hadamard codes: rows and columns of Sylvester's matrix, whose words are all equally far apart.

D. Hsu, S. Kakade, J. Langford, T. Zhang: Multi-label Prediction via Compressed Sensing, NIPS 2009, is the thesis's
reference for them (section 6.1).
"""

import torch
from torch import Tensor

from fgr.output_codes.validation import check_binary_room, check_sizes


def _parities(rows: Tensor, columns: Tensor, digits: int) -> Tensor:
    """Return entries (-1)^<row, column> of Sylvester's matrix, from the binary digits of row and column numbers."""
    places = torch.arange(digits)
    left = (rows[:, None] >> places & 1).float()  # (n, digits)
    right = (columns[:, None] >> places & 1).float()
    return 1 - 2 * ((left @ right.T) % 2)


def hadamard(num_classes: int, length: int, generator: torch.Generator, candidates: int = 100) -> Tensor:
    """Return `num_classes` rows and `length` columns of a Hadamard matrix, with the row separation as large as found.

    The order N is the smallest power of two that holds n rows and k + 1 columns (the first, constant, column is never
    used). All words of the whole matrix differ in N / 2 bits; of fewer columns the best set is kept out of the last k,
    which is optimal for k = N / 2 and k = N - 1, and `candidates` random sets.

    Args:
        num_classes: n, at least 2.
        length: k, at least log2(n).
        generator: draws the rows (if n < N) and the sets of columns.
        candidates: random sets to compare; none is drawn if k = N - 1.

    Returns:
        (n, k) of -1 and +1 with distinct rows.

    Raises:
        ValueError: if there are fewer words than classes, or no set of columns gave distinct words.

    Example:
        >>> hadamard(4, 3, torch.Generator().manual_seed(0))
        tensor([[ 1.,  1.,  1.],
                [-1.,  1., -1.],
                [ 1., -1., -1.],
                [-1., -1.,  1.]])
    """
    check_sizes(num_classes, length)
    check_binary_room(num_classes, length)
    if candidates < 0:
        raise ValueError(f"candidates must be at least 0, got {candidates}")
    digits = (max(num_classes, length + 1) - 1).bit_length()
    order = 1 << digits
    # Rows are drawn from all N: among the first n, columns would coincide where n is small.
    rows = torch.randperm(order, generator=generator, device=generator.device)[:num_classes].cpu().sort().values
    differences = torch.arange(1, order)  # two rows differ where the row numbered by their exclusive or is -1
    best, best_distance = None, 0
    for draw in range(1 + (candidates if length < order - 1 else 0)):
        columns = torch.arange(order - length, order)
        if draw:
            picked = torch.randperm(order - 1, generator=generator, device=generator.device)[:length]
            columns = picked.cpu().sort().values + 1
        distance = int((_parities(differences, columns, digits) < 0).sum(1).min())
        if distance > best_distance:
            best, best_distance = columns, distance
    if best is None:
        raise ValueError(
            f"no set of {length} Hadamard columns gave {num_classes} classes distinct words; "
            "use a longer code or more candidates"
        )
    return _parities(rows, best, digits)
