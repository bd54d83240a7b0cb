"""Ages from class scores: DEX, the expected value over one class a year (Rothe et al., IJCV 2018; Table 3.9)."""

from torch import Tensor

from fgr.checks import check_shape


def expected_value(scores: Tensor, values: Tensor) -> Tensor:
    """Return the expected value under the softmax of class scores; for ages, DEX's estimate.

    Args:
        scores: (B, L) of the classes, e.g. trained by cross-entropy.
        values: (L,) what each class stands for, e.g. its age in years.

    Returns:
        (B,) in the units of `values`.

    Raises:
        ValueError: if shapes do not fit.

    Example:
        >>> import torch
        >>> expected_value(torch.tensor([[0.0, 0.0, -1e9]]), torch.tensor([20.0, 30.0, 40.0]))
        tensor([25.])
    """
    check_shape(scores, "B L", "scores")
    check_shape(values, f"{scores.shape[1]}", "values")
    return scores.softmax(1) @ values.to(scores)
