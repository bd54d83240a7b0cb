"""Eq. 2.1 and 2.2 exactly as the thesis prints them, to show what is wrong with them. Nothing else uses these."""

import torch
from torch import Tensor

from fgr.checks import check_shape


def printed_size(shape: Tensor) -> Tensor:
    """Return Eq. 2.1 as printed, with N outside the root: the root-mean-square size divided by sqrt(N).

    Harmless, since all shapes of one scheme have the same N; `shape_size` is the usual size.

    Args:
        shape: (N, 2).

    Returns:
        A scalar.

    Example:
        >>> printed_size(torch.tensor([[3.0, 4.0], [-3.0, -4.0]])).item()  # each landmark is 5 from the centroid
        3.535533905029297
    """
    check_shape(shape, "N 2", "shape")
    return (shape - shape.mean(0)).square().sum().sqrt() / len(shape)


def printed_angle(shape: Tensor, reference: Tensor) -> Tensor:
    """Return Eq. 2.2 as printed, with w y + z x in the denominator: an angle that depends on the shape.

    (w, z) is a landmark of the shape, (x, y) of the reference; the thesis leaves w and z undefined. Use
    `rotation_angle` to align anything.

    Args:
        shape, reference: (N, 2), each about its centroid.

    Returns:
        A scalar in [-pi / 2, pi / 2], since the arc tangent also loses the quadrant.

    Example:
        >>> shape = torch.tensor([[2.0, 1.0], [-2.0, -1.0]])
        >>> printed_angle(shape, shape).item()  # no rotation at all comes out as none
        0.0
        >>> upside_down = -shape
        >>> printed_angle(shape, upside_down).item()  # and so does half a turn
        -0.0
    """
    check_shape(shape, "N 2", "shape")
    check_shape(reference, "N 2", "reference")
    (w, z), (x, y) = shape.T, reference.T
    return torch.atan((w * y - z * x).sum() / (w * y + z * x).sum())
