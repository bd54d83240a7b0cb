"""Checks at the door of public functions: one clear sentence that names the value and what was expected."""

from torch import Tensor


def check_shape(tensor: Tensor, shape: str, name: str) -> None:
    """Raise ValueError unless `tensor` has the named dimensions, e.g. "B C H W" (any sizes) or "B 3 H W" (fixed).

    Example:
        >>> import torch
        >>> check_shape(torch.zeros(2, 3), "B 3", "features")
        >>> check_shape(torch.zeros(2, 4), "B 3", "features")
        Traceback (most recent call last):
            ...
        ValueError: features must have shape (B, 3), got (2, 4)
    """
    wanted = shape.split()
    fits = tensor.ndim == len(wanted) and all(
        not want.isdigit() or int(want) == size for want, size in zip(wanted, tensor.shape)
    )
    if not fits:
        raise ValueError(f"{name} must have shape ({', '.join(wanted)}), got {tuple(tensor.shape)}")


def check_choice(value: str, choices: tuple[str, ...], name: str) -> None:
    """Raise ValueError unless `value` is one of `choices`.

    Example:
        >>> check_choice("loco", ("local", "global"), "mode")
        Traceback (most recent call last):
            ...
        ValueError: mode must be one of 'local', 'global', got 'loco'
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def check_positive(value: float, name: str) -> None:
    """Raise ValueError unless `value` is a finite number above zero."""
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a finite number above 0, got {value}")
