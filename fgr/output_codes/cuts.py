"""The price of a bit: the normalised cut of the partition that it makes of the classes."""

import numpy as np
import torch
from torch import Tensor

from fgr.checks import check_shape
from fgr.output_codes.graph import Graph, as_graph


def normalized_cut(similarity: Graph, codes: Tensor) -> Tensor:
    """Return cut(A, B) / degree(A) + cut(A, B) / degree(B) of each bit's two sides.

    J. Shi, J. Malik: Normalized Cuts and Image Segmentation, PAMI 2000. In [0, 2]; a cheap bit parts groups of classes
    that have little similarity across.

    Args:
        similarity: (n, n) as in `spectral`, dense or sparse.
        codes: (n, k); entries above 0 are one side, the others the other.

    Returns:
        (k,) float64; NaN for a bit with all classes on one side.

    Raises:
        ValueError: on a similarity that is not one, or codes of another number of classes.

    Example:
        >>> normalized_cut(torch.tensor([[1.0, 0.5], [0.5, 1.0]]), torch.tensor([[1.0], [-1.0]]))
        tensor([0.6667], dtype=torch.float64)
    """
    W = as_graph(similarity)
    check_shape(codes, f"{W.shape[0]} k", "codes")
    side = (codes.cpu() > 0).double()  # (n, k)
    degree = torch.from_numpy(np.asarray(W.sum(1)).ravel())  # (n,)
    cut = (side * torch.from_numpy(W @ (1 - side).numpy())).sum(0)  # (k,)
    one, other = degree @ side, degree @ (1 - side)
    return cut / one + cut / other
