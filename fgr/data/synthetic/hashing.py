"""Random numbers by counting: a hash of (seed, stream, index) instead of a generator that has to be wound forward.

G. L. Steele, D. Lea, C. H. Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014 (the finaliser, in the
constants of SplitMix64). Sample i of a set is therefore the same under any batch size, order or number of workers.
Integer arithmetic in 64 bits that wraps, so that every machine and device computes the same numbers.
"""

import zlib

import torch
from torch import Tensor

_WORD = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: consecutive counters land far apart
_STEPS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))  # (shift, multiplier)


def _signed(word: int) -> int:
    """Return the int64 with the bits of an unsigned 64-bit integer."""
    return word - (1 << 64) if word >> 63 else word


def _mix(word: int) -> int:
    """Return the finaliser of an unsigned 64-bit integer; `_mix_tensor` does the same to tensors."""
    for shift, multiplier in _STEPS:
        word = ((word ^ (word >> shift)) * multiplier) & _WORD
    return word


def _mix_tensor(words: Tensor) -> Tensor:
    for shift, multiplier in _STEPS:
        logical = (words >> shift) & ((1 << (64 - shift)) - 1)  # >> copies the sign bit, a logical shift must not
        words = (words ^ logical) * _signed(multiplier)
    return words


def bits(seed: int, index: Tensor, stream: str | int, count: int | None = None) -> Tensor:
    """Return 64 random bits, as an int64, for every index.

    Args:
        seed: of the whole set; any integer, of which 64 bits count.
        index: (B,) which sample, 0 or above.
        stream: what the number is for, e.g. "yaw"; different names give independent numbers.
        count: how many numbers a sample; None gives one, without a dimension for it.

    Returns:
        (B,) or (B, count) int64 on the device of `index`.

    Raises:
        ValueError: if an index is negative or not an integer.
    """
    if index.is_floating_point() or index.dtype == torch.bool:
        raise ValueError(f"index must hold integers, got {index.dtype}")
    if index.numel() and int(index.min()) < 0:
        raise ValueError(f"index must be 0 or above, got {int(index.min())}")
    key = _mix((_mix(seed & _WORD) + zlib.crc32(str(stream).encode())) & _WORD)
    words = _mix_tensor(index.long() * _signed(_GAMMA) + _signed(key))  # (B,)
    if count is None:
        return words
    steps = torch.arange(1, count + 1, device=index.device) * _signed(_GAMMA)
    return _mix_tensor(words[..., None] + steps)  # (B, count)


def uniform(seed: int, index: Tensor, stream: str | int, count: int | None = None) -> Tensor:
    """Return numbers uniform in [0, 1) that depend on nothing but seed, index and stream.

    Args and Raises: as `bits`.

    Returns:
        (B,) or (B, count) float32, multiples of 2^-24: the same on every machine.

    Example:
        >>> uniform(0, torch.arange(3), "yaw")[2] == uniform(0, torch.tensor([2]), "yaw")
        tensor([True])
    """
    return ((bits(seed, index, stream, count) >> 40) & 0xFFFFFF).float() * 2.0**-24


def normal(seed: int, index: Tensor, stream: str | int, count: int | None = None) -> Tensor:
    """Return standard normal numbers, by the inverse of their distribution at a uniform number.

    Args and Raises: as `bits`.

    Returns:
        (B,) or (B, count) float32, within (-8.3, 8.3); machines agree to rounding.

    Example:
        >>> bool(normal(0, torch.arange(10_000), "age").mean().abs() < 0.05)
        True
    """
    share = (((bits(seed, index, stream, count) >> 12) & ((1 << 52) - 1)).double() + 0.5) * 2.0**-52  # in (0, 1)
    return torch.special.ndtri(share).float()


def integers(seed: int, index: Tensor, stream: str | int, high: int, count: int | None = None) -> Tensor:
    """Return integers uniform in [0, high), high at most 2^20 (beyond it 24 random bits would be too coarse).

    Args, Returns and Raises: as `uniform`, int64.

    Example:
        >>> integers(0, torch.arange(100), "pose", 3).unique().tolist()
        [0, 1, 2]
    """
    if not 1 <= high <= 1 << 20:
        raise ValueError(f"high must lie in 1..{1 << 20}, got {high}")
    return (uniform(seed, index, stream, count).double() * high).long()
