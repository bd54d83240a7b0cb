"""Eigenvectors of a normalised Laplacian that come out the same on every machine.

An eigenvector has no sign of its own, and those that share an eigenvalue may be rotated among each other, so libraries
and processors disagree about them. What is unique is the projector P = V V^T on each eigenvalue's space. Its pivoted
columns serve as basis: the class i with the largest P_ii (the first of several that are equal) gives the vector
P e_i / sqrt(P_ii), which is removed from P before the next. For a simple eigenvalue this says: the largest entry is
positive. The basis follows the classes when they are renumbered, except where their symmetry leaves a tie.
"""

import numpy as np
from scipy import linalg, sparse
from scipy.sparse import linalg as sparse_linalg

EQUAL = 1e-9  # eigenvalues (in [0, 2]) this close are one; those of a float64 solver are good to about 1e-14
TIE = 1e-6  # relative difference below which two entries are equally large
DENSE = 500  # nodes up to which a sparse graph is solved densely: nothing is gained below
SHIFT = -1e-3  # L - SHIFT is positive definite and has no other eigenvalue near its small ones


def laplacian_eigenvectors(graph: np.ndarray | sparse.csr_array, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `count` smallest non-trivial eigenvalues, ascending, and their eigenvectors.

    They belong to L = D^-1/2 (D - W) D^-1/2. The trivial one, D^1/2 1 with eigenvalue 0, is taken out exactly, also
    where a graph in several parts has more zeros.

    Args:
        graph: (N, N) checked similarity (`as_graph`). A sparse one of more than 500 nodes is never made dense: shifted
            and factorised once, which is cheap for trees and other graphs of little fill-in.
        count: in [1, N - 1].

    Returns:
        Values (count,) and orthonormal columns (N, count).

    Raises:
        ValueError: in a large sparse graph, if `count` is close to N, or cuts through eigenvalues that are equal by
            symmetry and too many to be computed whole (names lengths that do not).

    Example:
        >>> values, vectors = laplacian_eigenvectors(np.array([[1.0, 0.5], [0.5, 1.0]]), 1)
        >>> values.round(4), vectors.round(4)
        (array([0.6667]), array([[ 0.7071],
               [-0.7071]]))
    """
    degree = np.asarray(graph.sum(1)).ravel()
    trivial = np.sqrt(degree)
    trivial /= np.linalg.norm(trivial)
    scale = 1 / np.sqrt(degree)
    if sparse.issparse(graph) and graph.shape[0] <= DENSE:
        graph = graph.toarray()
    if sparse.issparse(graph):
        similar = sparse.diags_array(scale) @ graph @ sparse.diags_array(scale)
        values, vectors = _sparse(sparse.eye_array(len(scale), format="csc") - similar, count)
    else:
        values, vectors = linalg.eigh(np.eye(len(scale)) - scale[:, None] * graph * scale)
    return _canonical(values, vectors, trivial, count)


def _groups(values: np.ndarray) -> list[slice]:
    """Return the runs of equal eigenvalues."""
    edges = np.flatnonzero(np.diff(values) > EQUAL) + 1
    return [slice(a, b) for a, b in zip([0, *edges.tolist()], [*edges.tolist(), len(values)])]


def _canonical(
    values: np.ndarray, vectors: np.ndarray, trivial: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first `count` pairs without the trivial vector, each eigenvalue's space in its pivoted basis."""
    chosen_values: list[np.ndarray] = []
    chosen: list[np.ndarray] = []
    missing = count
    for group in _groups(values):
        space, size = vectors[:, group], group.stop - group.start
        if group.start == 0:  # the zeros: take the trivial direction out
            inside = trivial @ space
            rotation = linalg.qr(inside[:, None])[0]  # its first column is the trivial one
            space, size = space @ rotation[:, 1:], size - 1
        take = min(size, missing)
        chosen.append(_pivoted_basis(space, take))
        chosen_values.append(np.full(take, values[group].mean()).clip(min=0))
        missing -= take
        if not missing:
            break
    return np.concatenate(chosen_values), np.concatenate(chosen, axis=1)


def _pivoted_basis(space: np.ndarray, count: int) -> np.ndarray:
    """Return `count` orthonormal vectors of the space spanned by orthonormal columns (N, g), by the pivoting rule."""
    rest = space.copy()  # rows are coordinates of P e_i
    basis = np.empty((len(space), count))
    for j in range(count):
        sizes = np.einsum("ij,ij->i", rest, rest)  # what is left of P_ii
        pivot = int((sizes >= sizes.max() * (1 - TIE)).argmax())
        direction = rest[pivot] / np.sqrt(sizes[pivot])
        basis[:, j] = space @ direction  # by the untouched columns: errors do not add up
        rest -= np.outer(rest @ direction, direction)
    return basis


def _sparse(laplacian: sparse.csc_array, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return smallest pairs, the trivial one included, enough to end between two different eigenvalues."""
    N = laplacian.shape[0]
    shifted = _factorise(laplacian, SHIFT)
    inverse = sparse_linalg.LinearOperator((N, N), matvec=shifted.solve)
    start = np.random.default_rng(0).standard_normal(N)  # any, but always the same
    wanted = count + 1
    if wanted > N - 3:
        raise ValueError(f"a sparse graph of {N} nodes gives at most {N - 4} bits, got length {count}; make it dense")
    most = min(N - 2, 2 * wanted + 50)
    for asked in sorted({min(most, wanted + 10), most}):
        values, vectors = sparse_linalg.eigsh(
            laplacian, k=asked, sigma=SHIFT, OPinv=inverse, v0=start, ncv=min(N, 2 * asked + 20)
        )
        order = values.argsort()
        values, vectors = values[order], vectors[:, order]
        *whole, _ = _groups(values)  # the last run may go on beyond what was computed
        found = whole[-1].stop if whole else 0
        if found >= wanted:
            _check_none_missed(laplacian, (values[found - 1] + values[found]) / 2, found)
            return values[:found], vectors[:, :found]
    ends = [group.stop - 1 for group in whole if group.stop > 1]
    raise ValueError(
        f"length {count} cuts through more than {asked - found} equal eigenvalues (symmetric classes), so that its "
        f"last bits would be arbitrary; use one of the lengths {ends[-5:]} that do not, or unequal similarities"
    )


def _factorise(laplacian: sparse.csc_array, shift: float) -> sparse_linalg.SuperLU:
    matrix = (laplacian - shift * sparse.eye_array(laplacian.shape[0])).tocsc()
    return sparse_linalg.splu(
        matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
    )


def _check_none_missed(laplacian: sparse.csc_array, below: float, found: int) -> None:
    """Raise RuntimeError unless exactly `found` eigenvalues lie below: as many as negative pivots (Sylvester's law).

    A Krylov solver may miss copies of a multiple eigenvalue without noticing.
    """
    factors = _factorise(laplacian, below)
    symmetric = np.array_equal(factors.perm_r, factors.perm_c)  # else the signs say nothing
    there = int((factors.U.diagonal() < 0).sum())
    if symmetric and there != found:
        raise RuntimeError(f"the eigenvalue solver found {found} of {there} eigenvalues below {below:.6g}")
