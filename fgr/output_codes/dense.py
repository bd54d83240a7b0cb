"""Dense random codes: the best separated one of many random -1 / +1 matrices.

E. L. Allwein, R. E. Schapire, Y. Singer: Reducing Multiclass to Binary: A Unifying Approach for Margin Classifiers,
JMLR 1, 2000, section 6: 10 log2(n) bits, the best of 10,000 draws. The thesis (section 6.4.4) samples "from U(0, 1)";
the cited method, which gives the -1 / +1 of its equations, is used here.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from fgr.checks import check_shape
from fgr.output_codes.validation import check_binary_room, check_sizes

BATCH = 1 << 24  # entries of the Gram matrices scored at a time
ALL_PAIRS = 5000  # classes up to which all pairs of words are compared


class Separation(NamedTuple):
    """Smallest number of differing entries between two rows, and between two columns or their complements."""

    rows: int
    columns: int


def _smallest_distances(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Return row and column separation (c,) of codes (c, n, k)."""
    _, n, k = codes.shape
    same = codes @ codes.mT  # (c, n, n): agreements minus differences
    same.diagonal(dim1=1, dim2=2).fill_(-k)
    rows = (k - same.amax((1, 2))) / 2
    constant = torch.cat([codes, codes.new_ones(len(codes), n, 1)], 2)  # a constant column separates nothing
    alike = (constant.mT @ constant).abs_()  # (c, k + 1, k + 1); a complement is the same partition
    alike.diagonal(dim1=1, dim2=2).fill_(-n)
    return rows, (n - alike.amax((1, 2))) / 2


def separation(codes: Tensor) -> Separation:
    """Return the row and column separation of a -1 / +1 code.

    A code of row separation d decodes correctly with up to (d - 1) // 2 flipped bits. A column separation of 0 means
    that two bits ask the same question, or that one asks none.

    Args:
        codes: (n, k) of -1 and +1.

    Raises:
        ValueError: if other values occur.

    Example:
        >>> separation(torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]]))
        Separation(rows=2, columns=1)
    """
    check_shape(codes, "n k", "codes")
    check_sizes(*codes.shape)
    if not (codes.abs() == 1).all():
        raise ValueError("separation counts flipped bits: codes must hold -1 and +1 only; binarize them first")
    rows, columns = _smallest_distances(codes[None].float())
    return Separation(int(rows), int(columns))


def dense_random(num_classes: int, length: int, generator: torch.Generator, candidates: int = 1000) -> Tensor:
    """Return the best of many random -1 / +1 codes: largest row separation, then largest column separation.

    Args:
        num_classes: n, at least 2.
        length: k, at least log2(n); the cited rule is 10 log2(n).
        generator: all randomness.
        candidates: matrices to choose from; 10,000 in the cited paper. Comparing all words costs n^2 k for each: 1,000
            take some seconds at 1,000 classes. Above 5,000 classes, where that costs more than it gives, pass 1: a
            single draw, whose words are only made distinct.

    Returns:
        (n, k) of -1 and +1 with distinct rows.

    Raises:
        ValueError: if there are fewer words than classes, or if no candidate has distinct rows (a length close to
            log2(n): add bits).

    Example:
        >>> codes = dense_random(8, 15, torch.Generator().manual_seed(0), candidates=200)
        >>> separation(codes)
        Separation(rows=6, columns=1)
    """
    check_sizes(num_classes, length)
    check_binary_room(num_classes, length)
    if candidates < 1:
        raise ValueError(f"candidates must be at least 1, got {candidates}")
    if num_classes > ALL_PAIRS:
        if candidates > 1:
            raise ValueError(f"above {ALL_PAIRS} classes pass candidates=1, got {candidates} for {num_classes} classes")
        return distinct_words(num_classes, length, generator)
    best, best_score = None, (0.0, -1.0)
    batch = max(1, BATCH // max(num_classes, length + 1) ** 2)
    for start in range(0, candidates, batch):
        codes = _signs((min(batch, candidates - start), num_classes, length), generator)
        rows, columns = _smallest_distances(codes)
        index = int((rows * (num_classes + 1) + columns).argmax())  # rows first, columns break ties
        score = (rows[index].item(), columns[index].item())
        if score[0] > 0 and score > best_score:
            best, best_score = codes[index].clone(), score
    if best is None:
        raise ValueError(
            f"none of {candidates} random codes of {length} bits gave {num_classes} classes distinct words; "
            "use a longer code or more candidates"
        )
    return best


def distinct_words(num_classes: int, length: int, generator: torch.Generator, groups: Tensor | None = None) -> Tensor:
    """Return random -1 / +1 words (n, length), drawn anew until those of one group are distinct.

    Args:
        num_classes: n, how many classes there are.
        length: bits; the caller has checked that there is room.
        generator: all randomness.
        groups: (n,) group of each word; one group by default. Words of different groups may be equal.

    Raises:
        ValueError: if equal words remain after 1,000 rounds: there is hardly more room than words.
    """
    words = _signs((num_classes, length), generator)
    groups = torch.zeros(num_classes, device=words.device) if groups is None else groups
    for _ in range(1000):
        _, names = torch.unique(torch.cat([groups[:, None].to(words.dtype), words], 1), dim=0, return_inverse=True)
        order = names.argsort(stable=True)
        again = order[1:][names[order[1:]] == names[order[:-1]]]  # all but the first of equal words
        if not len(again):
            return words
        words[again] = _signs((len(again), length), generator)
    raise ValueError(f"{num_classes} words of {length} bits are too crowded to draw at random; use more bits")


def _signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator, device=generator.device).float().mul_(2).sub_(1)
