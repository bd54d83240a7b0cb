"""Spectral codes of sparse graphs, and what a similarity must be."""

import numpy as np
import pytest
import torch
from scipy import sparse

from fgr.output_codes import spectral, spectral_from_graph
from fgr.output_codes.eigenvectors import DENSE, laplacian_eigenvectors
from fgr.output_codes.graph import as_graph

# ---------------------------------------------------------------- sparse graphs


def chain(n: int) -> sparse.csr_array:
    """Return a path with unequal edges, which has simple eigenvalues."""
    edges = np.linspace(0.5, 1.5, n - 1)
    return sparse.diags_array([edges, edges], offsets=[-1, 1]).tocsr()


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("n", [50, DENSE + 100])
def test_sparse_input_gives_the_dense_answer(n: int) -> None:
    graph = chain(n)
    expected = spectral(torch.from_numpy(graph.toarray()), 6)
    coo = graph.tocoo()
    as_torch = torch.sparse_coo_tensor(np.stack([coo.row, coo.col]), coo.data, (n, n), check_invariants=True)
    torch.testing.assert_close(spectral(as_torch, 6), expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(spectral(as_torch.to_sparse_csr(), 6), expected, rtol=0, atol=1e-8)
    torch.testing.assert_close(spectral(graph, 6), expected.float(), rtol=0, atol=1e-6)
    torch.testing.assert_close(spectral(sparse.csr_matrix(graph), 6), expected.float(), rtol=0, atol=1e-6)


def test_sparse_ring_of_equal_eigenvalues_agrees_with_dense_or_is_refused() -> None:
    n = DENSE + 100
    ring = sparse.diags_array([np.ones(n - 1)] * 2, offsets=[-1, 1]).tolil()
    ring[0, n - 1] = ring[n - 1, 0] = 1.0
    expected = spectral(torch.from_numpy(ring.toarray()), 7)  # eigenvalues in pairs; 7 cuts through one
    torch.testing.assert_close(spectral(ring.tocsr(), 7), expected.float(), rtol=0, atol=1e-5)
    star = sparse.lil_array((n + 1, n + 1))
    star[n, :n] = star[:n, n] = 1.0  # n - 1 equal eigenvalues
    with pytest.raises(ValueError, match="length 5 cuts through more than"):
        spectral(star.tocsr(), 5)
    with pytest.raises(ValueError, match="gives at most 597 bits, got length 600; make it dense"):
        spectral(star.tocsr(), n)


def test_a_missed_copy_of_an_eigenvalue_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from fgr.output_codes import eigenvectors

    honest = eigenvectors.sparse_linalg.eigsh

    def forgetful(*arguments: object, **options: object) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = honest(*arguments, **options)
        order = values.argsort()
        keep = np.delete(order, 3)
        return values[keep], vectors[:, keep]

    monkeypatch.setattr(eigenvectors.sparse_linalg, "eigsh", forgetful)
    with pytest.raises(RuntimeError, match=r"found \d+ of \d+ eigenvalues below"):
        spectral(chain(DENSE + 100), 6)


def test_classes_are_rows_of_the_graph_in_their_order() -> None:
    graph = chain(30)
    whole = spectral(graph, 4)
    nodes = torch.tensor([7, 0, 29, 11, 12])
    assert torch.equal(spectral_from_graph(graph, 4, classes=nodes), whole[nodes])
    assert torch.equal(spectral_from_graph(graph, 4, classes=nodes.tolist()), whole[nodes])
    with pytest.raises(ValueError, match=r"node numbers in \[0, 30\), got 0 to 30"):
        spectral_from_graph(graph, 1, classes=[0, 30])
    with pytest.raises(ValueError, match="5 classes have 4 non-trivial eigenvectors, got length 5"):
        spectral_from_graph(graph, 5, classes=nodes)


def test_tiny_and_many_eigenvalues_of_a_large_graph() -> None:
    graph = chain(3000)
    values, vectors = laplacian_eigenvectors(graph, 20)
    degree = np.asarray(graph.sum(1)).ravel()
    scale = sparse.diags_array(degree**-0.5)
    residual = vectors - scale @ graph @ scale @ vectors - vectors * values
    assert np.abs(residual).max() < 1e-12
    assert np.abs(vectors.T @ vectors - np.eye(20)).max() < 1e-10
    assert values[0] == pytest.approx(1e-6 * np.pi**2 / 18, rel=0.1)  # (pi / n)^2 / 2 of an even chain


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize(
    ("row", "column", "value", "mirror", "message"),
    [
        (1, 3, -0.5, -0.5, r"similarity\[1, 3\] = -0.5; similarities must not be negative"),
        (2, 3, 0.2, 0.4, r"similarity\[2, 3\] = 0.2 but similarity\[3, 2\] = 0.4; make it symmetric"),
        (0, 2, float("nan"), float("nan"), r"similarity\[0, 2\] = nan; it must be finite"),
        (0, 2, float("inf"), float("inf"), r"similarity\[0, 2\] = inf; it must be finite"),
    ],
)
def test_wrong_entry_is_named(form: str, row: int, column: int, value: float, mirror: float, message: str) -> None:
    W = torch.eye(4) + 0.1
    W[row, column], W[column, row] = value, mirror
    with pytest.raises(ValueError, match=message):
        spectral(W.to_sparse() if form == "sparse" else W, 2)


def test_wrong_input_is_named() -> None:
    W = torch.eye(4) + 0.1
    with pytest.raises(ValueError, match="100 classes have 99 non-trivial eigenvectors, got length 200"):
        spectral(torch.eye(100) + 0.1, 200)  # the column of Table 6.1 that cannot exist
    with pytest.raises(ValueError, match="length must be at least 1"):
        spectral(W, 0)
    with pytest.raises(ValueError, match=r"must have shape \(n, n\) with n at least 2, got \(3, 4\)"):
        spectral(W[:3], 2)
    with pytest.raises(ValueError, match=r"got \(1, 1\)"):
        spectral(torch.ones(1, 1), 1)
    with pytest.raises(ValueError, match="threshold must be one of"):
        spectral(W, 2, "mean")
    with pytest.raises(TypeError, match="torch tensor or a scipy sparse matrix, got ndarray"):
        spectral(W.numpy(), 2)
    W[2] = W[:, 2] = 0
    for lonely in (W, W.to_sparse()):
        with pytest.raises(ValueError, match="class 2 has no similarity to any class"):
            spectral(lonely, 2)


def test_rounding_asymmetry_is_accepted() -> None:
    W = torch.eye(5, dtype=torch.float64) + torch.rand(5, 1).double() * torch.ones(1, 5)
    W = W + W.T
    W[0, 1] *= 1 + 1e-7
    graph = as_graph(W)
    assert np.array_equal(graph, graph.T)
