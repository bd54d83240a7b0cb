"""What a class-similarity graph must be: square, non-negative, symmetric, no class without any similarity."""

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

SYMMETRY = 1e-5  # of the largest similarity: float32 sums taken in two orders agree to this

Graph = Tensor | sparse.sparray | sparse.spmatrix


def as_graph(similarity: Graph) -> np.ndarray | sparse.csr_array:
    """Return a checked similarity in float64: dense as an array, sparse (of scipy or torch) as a CSR array.

    Args:
        similarity: (n, n). What is not stored in a sparse one is 0. The diagonal counts in the degrees only.

    Raises:
        ValueError: if it is not square, or has an entry that is negative, not finite or unlike its mirror image, or a
            class without any similarity; names the entry.

    Example:
        >>> as_graph(torch.tensor([[1.0, 0.2], [0.5, 1.0]]))
        Traceback (most recent call last):
            ...
        ValueError: similarity[0, 1] = 0.2 but similarity[1, 0] = 0.5; make it symmetric, e.g. (S + S.T) / 2
    """
    W = _float64(similarity)
    if W.ndim != 2 or W.shape[0] != W.shape[1] or W.shape[0] < 2:
        raise ValueError(f"similarity must have shape (n, n) with n at least 2, got {tuple(W.shape)}")
    entries = W.tocoo() if sparse.issparse(W) else W
    values = entries.data if sparse.issparse(W) else W
    for wrong, remedy in (
        (~np.isfinite(values), "it must be finite"),
        (values < 0, "similarities must not be negative: shift or clip them"),
    ):
        if wrong.any():
            row, column = _place(entries, wrong)
            raise ValueError(f"similarity[{row}, {column}] = {W[row, column]:.6g}; {remedy}")
    _check_symmetry(W)
    W = (W + W.T) / 2  # what rounding left
    degree = np.asarray(W.sum(1)).ravel()
    if (degree == 0).any():
        raise ValueError(f"class {int((degree == 0).argmax())} has no similarity to any class, itself included")
    return W


def _float64(similarity: Graph) -> np.ndarray | sparse.csr_array:
    if isinstance(similarity, Tensor):
        if similarity.layout == torch.strided:
            return similarity.detach().double().cpu().numpy()
        stored = similarity.detach().cpu().to_sparse_coo().coalesce()
        rows, columns = stored.indices().numpy()
        return sparse.csr_array((stored.values().double().numpy(), (rows, columns)), shape=tuple(stored.shape))
    if sparse.issparse(similarity):
        graph = sparse.csr_array(similarity, dtype=np.float64, copy=True)
        graph.sum_duplicates()
        return graph
    raise TypeError(f"similarity must be a torch tensor or a scipy sparse matrix, got {type(similarity).__name__}")


def _place(entries: np.ndarray | sparse.coo_array, wrong: np.ndarray) -> tuple[int, int]:
    if sparse.issparse(entries):
        first = int(wrong.argmax())
        return int(entries.row[first]), int(entries.col[first])
    row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return int(row), int(column)


def _check_symmetry(W: np.ndarray | sparse.csr_array) -> None:
    difference = abs(W - W.T)
    difference = difference.tocoo() if sparse.issparse(W) else difference
    sizes = difference.data if sparse.issparse(W) else difference
    if sizes.size and sizes.max() > SYMMETRY * W.max():
        i, j = sorted(_place(difference, sizes == sizes.max()))
        raise ValueError(
            f"similarity[{i}, {j}] = {W[i, j]:.6g} but similarity[{j}, {i}] = {W[j, i]:.6g}; make it symmetric, "
            "e.g. (S + S.T) / 2"
        )
