"""Smooth curves through a few points, evaluated at many."""

import torch
from torch import Tensor


def graph(knots: Tensor, values: Tensor, x: Tensor) -> Tensor:
    """Return a smooth function through (knots, values) at x: cubic Hermite pieces, constant beyond the ends.

    Args:
        knots, values: (B, K), knots increasing.
        x: (B, ...) of any shape.

    Returns:
        A tensor like `x`.

    Example:
        >>> line = torch.tensor([[0.0, 1.0, 2.0]])
        >>> graph(line, 3 * line, torch.tensor([[0.5, 5.0]]))
        tensor([[1.5000, 6.0000]])
    """
    step = knots.diff(dim=1).clamp_min(1e-6)  # (B, K - 1)
    slope = values.diff(dim=1) / step
    inner = (slope[:, :-1] * step[:, 1:] + slope[:, 1:] * step[:, :-1]) / (step[:, 1:] + step[:, :-1])
    tangent = torch.cat([slope[:, :1], inner, slope[:, -1:]], 1)  # (B, K)
    # coefficients of a + t (b + t (c + t d)) on every piece, t from 0 to 1
    a, b = values[:, :-1], tangent[:, :-1] * step
    rise, end = values.diff(dim=1), tangent[:, 1:] * step
    pieces = (knots[:, :-1], step, a, b, 3 * rise - 2 * b - end, b + end - 2 * rise)
    flat = x.flatten(1)  # (B, P)
    where = torch.searchsorted(knots[:, 1:-1].contiguous(), flat.contiguous())
    start, step, a, b, c, d = (piece.gather(1, where) for piece in pieces)  # (B, P)
    t = ((flat - start) / step).clamp_(0, 1)
    return (a + t * (b + t * (c + t * d))).view_as(x)


def smoothstep(low: float | Tensor, high: float | Tensor, x: Tensor) -> Tensor:
    """Return 0 below `low`, 1 above `high`, and a smooth ramp between."""
    t = ((x - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def bell(x: Tensor) -> Tensor:
    """Return exp(-x^2 / 2)."""
    return (-0.5 * x * x).exp()


def polynomial(knots: Tensor, values: Tensor) -> Tensor:
    """Return the coefficients (B, K), constant first, of the polynomial through (knots, values) (B, K)."""
    powers = knots[..., None].double() ** torch.arange(knots.shape[1], device=knots.device)  # (B, K, K)
    return torch.linalg.solve(powers, values.double()[..., None])[..., 0].to(values.dtype)


def evaluate(coefficients: Tensor, x: Tensor) -> Tensor:
    """Return polynomials (B, K) at x (B, H, W), by Horner's rule.

    Example:
        >>> knots = torch.tensor([[0.0, 1.0, 3.0]])
        >>> evaluate(polynomial(knots, knots**2), torch.full((1, 1, 1), 2.0))
        tensor([[[4.]]])
    """
    result = pixelwise(coefficients[:, -1]) + torch.zeros_like(x)
    for k in range(coefficients.shape[1] - 2, -1, -1):
        result = torch.addcmul(pixelwise(coefficients[:, k]), result, x)
    return result


def pixelwise(values: Tensor) -> Tensor:
    """Return numbers (B,) as (B, 1, 1), to stand beside images (B, H, W)."""
    return values[:, None, None]


def inside(distance: Tensor, pixel: Tensor) -> Tensor:
    """Return how much of a pixel of the given width lies inside an edge, from its distance (positive: inside)."""
    return (distance / pixel + 0.5).clamp(0, 1)
