"""Spectral codes: the eigenproblem, repeatable signs and bases, class order, blocks in order of cut cost."""

import itertools

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor

from fgr.output_codes import CodeHead, normalized_cut, normalized_laplacian, spectral

EXACT = {"rtol": 1e-12, "atol": 1e-12}
CLOSE = {"rtol": 0, "atol": 1e-9}


def random_similarity(n: int) -> Tensor:
    points = torch.randn(n, 3, dtype=torch.float64)
    return (-torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").square()).exp()


def blocks() -> Tensor:
    """Return eight classes: pairs 0-1, 2-3, 4-5, 6-7 inside halves; every pair is tied by another strength."""
    W = torch.full((8, 8), 0.02, dtype=torch.float64)
    W[:4, :4] = 0.2
    W[4:, 4:] = 0.3
    for pair, inside in enumerate((0.9, 1.0, 1.1, 1.2)):
        W[2 * pair : 2 * pair + 2, 2 * pair : 2 * pair + 2] = inside
    return W


def sides(bit: Tensor) -> set[frozenset[int]]:
    return {frozenset((bit > 0).nonzero().flatten().tolist()), frozenset((bit <= 0).nonzero().flatten().tolist())}


# ---------------------------------------------------------------- the eigenproblem


def test_laplacian_by_loops_and_as_printed() -> None:
    W = random_similarity(6)
    degree = [sum(row) for row in W.tolist()]
    expected = [
        [((i == j) * degree[i] - W[i, j].item()) / (degree[i] * degree[j]) ** 0.5 for j in range(6)] for i in range(6)
    ]
    torch.testing.assert_close(normalized_laplacian(W), torch.tensor(expected, dtype=W.dtype), **EXACT)
    printed = normalized_laplacian(W, printed=True)
    torch.testing.assert_close(printed, W.sum(1)[:, None] * normalized_laplacian(W), **EXACT)  # a factor D too many
    assert not torch.allclose(printed, printed.T)


@pytest.mark.parametrize("n", [2, 3, 9, 40])
def test_columns_are_orthonormal_eigenvectors_in_ascending_order(n: int) -> None:
    W = random_similarity(n)
    codes = spectral(W, n - 1)
    assert codes.dtype is torch.float64
    torch.testing.assert_close(codes.T @ codes, torch.eye(n - 1, dtype=W.dtype), **EXACT)
    values = (codes * (normalized_laplacian(W) @ codes)).sum(0)
    torch.testing.assert_close(normalized_laplacian(W) @ codes, values * codes, **CLOSE)
    assert (values.diff() > -1e-12).all()
    assert values[0] > 1e-6  # the trivial one is left out
    trivial = W.sum(1).sqrt()
    assert (trivial @ codes).abs().max() < 1e-10


def test_eigenvectors_of_the_printed_laplacian_are_others() -> None:
    W = random_similarity(6)
    right = spectral(W, 5)[:, 0]
    moved = normalized_laplacian(W, printed=True) @ right
    assert torch.nn.functional.cosine_similarity(moved, right, dim=0) < 0.999


def test_shorter_codes_are_the_first_bits_of_longer_ones() -> None:
    W = random_similarity(12)
    torch.testing.assert_close(spectral(W, 4), spectral(W, 11)[:, :4], **EXACT)
    assert spectral(W.float(), 4).dtype is torch.float32


# ---------------------------------------------------------------- conventions


def test_largest_entry_of_a_simple_eigenvector_is_positive() -> None:
    codes = spectral(random_similarity(15), 14)
    assert (codes.gather(0, codes.abs().argmax(0)[None]) > 0).all()


def test_invariance_to_class_order() -> None:
    W = random_similarity(15)
    order = torch.randperm(15)
    for threshold in ("none", "zero", "median"):
        expected = spectral(W, 9, threshold)[order]
        torch.testing.assert_close(spectral(W[order][:, order], 9, threshold), expected, **CLOSE)


@pytest.mark.parametrize("n", [4, 7])
def test_equal_eigenvalues_get_one_basis_whatever_the_solver_returns(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    W = torch.ones(n, n, dtype=torch.float64) + n * torch.eye(n)  # all n - 1 eigenvalues are equal
    codes = spectral(W, n - 1)
    from fgr.output_codes import eigenvectors

    honest = eigenvectors.linalg.eigh

    def rotated(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = honest(matrix)
        turn = np.linalg.qr(np.random.default_rng(1).standard_normal((n - 1, n - 1)))[0]
        return values, np.concatenate([vectors[:, :1], vectors[:, 1:] @ turn], 1)

    monkeypatch.setattr(eigenvectors.linalg, "eigh", rotated)
    torch.testing.assert_close(spectral(W, n - 1), codes, **CLOSE)


def test_signs_do_not_depend_on_the_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    W = random_similarity(9)
    codes = spectral(W, 8)
    from fgr.output_codes import eigenvectors

    honest = eigenvectors.linalg.eigh

    def flipped(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = honest(matrix)
        return values, -vectors

    monkeypatch.setattr(eigenvectors.linalg, "eigh", flipped)
    torch.testing.assert_close(spectral(W, 8), codes, **EXACT)


def test_basis_of_a_symmetric_space_singles_out_one_class_after_the_other() -> None:
    codes = spectral(torch.ones(4, 4, dtype=torch.float64) + torch.eye(4), 3)
    expected = [[3, 0, 0], [-1, 2, 0], [-1, -1, 1], [-1, -1, -1]]
    expected = torch.nn.functional.normalize(torch.tensor(expected, dtype=torch.float64), dim=0)
    torch.testing.assert_close(codes, expected, **CLOSE)


def test_tiny_noise_does_not_turn_a_symmetric_code() -> None:
    W = blocks()
    W[:4, :4], W[4:, 4:] = 1.0, 1.0  # two equal blocks
    codes = spectral(W, 1)
    for number in range(10):
        noise = 1e-13 * torch.rand(8, 8, dtype=W.dtype, generator=torch.Generator().manual_seed(number))
        torch.testing.assert_close(spectral(W + noise + noise.T, 1), codes, **CLOSE)


# ---------------------------------------------------------------- what the bits mean


def cheapest_cut_by_enumeration(W: Tensor, classes: list[int]) -> set[frozenset[int]]:
    """Return the cheapest of all partitions of some classes."""
    part = W[classes][:, classes]
    words = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=len(classes)))[1:-1]).T
    best = words[:, normalized_cut(part, words).argmin()]
    return {frozenset(classes[i] for i in range(len(classes)) if best[i] == side) for side in (1, -1)}


def test_block_structure_is_recovered_in_order_of_cut_cost() -> None:
    W = blocks()
    codes = spectral(W, 7)
    halves, quarters = {frozenset(range(4)), frozenset(range(4, 8))}, {frozenset([0, 1]), frozenset([2, 3])}
    assert sides(codes[:, 0]) == halves == cheapest_cut_by_enumeration(W, [*range(8)])
    assert sides(codes[:4, 1]) == quarters == cheapest_cut_by_enumeration(W, [0, 1, 2, 3])
    assert codes[4:, 1].abs().max() < 0.1 * codes[:4, 1].abs().max()  # the weaker-tied half is cut first
    assert sides(codes[4:, 2]) == quarters
    for bit, pair in zip(range(3, 7), range(4)):  # then the pairs, the loosest first
        mass = codes[2 * pair : 2 * pair + 2, bit]
        assert mass.square().sum() > 0.99
        assert mass[0] * mass[1] < 0
    costs = normalized_cut(W, codes)
    assert costs[0] == costs.min()
    assert costs[0] < costs[1] < costs[3:].min()


def test_normalized_cut_by_loops() -> None:
    W = random_similarity(6)
    codes = torch.tensor([[1.0, -1, -1], [1, 1, -1], [-1, 1, -1], [-1, 0, -1], [-1, 0, -1], [1, 0, -1]])
    for bit, found in zip(codes.T.tolist(), normalized_cut(W, codes).tolist()):
        A, B = [i for i in range(6) if bit[i] > 0], [i for i in range(6) if bit[i] <= 0]
        if not A:
            assert found != found
            continue
        cut = sum(W[i, j].item() for i in A for j in B)
        expected = sum(cut / sum(W[i, j].item() for i in side for j in range(6)) for side in (A, B))
        assert found == pytest.approx(expected, rel=1e-12)


def test_normalized_cut_of_a_sparse_similarity_is_that_of_the_dense_one() -> None:
    W, codes = blocks(), torch.randn(8, 5)
    W[W < 0.1] = 0
    codes[:, 4] = 1.0  # no cut
    expected = normalized_cut(W, codes)
    for similarity in (W.to_sparse(), sparse.csr_array(W.numpy())):
        torch.testing.assert_close(normalized_cut(similarity, codes), expected, equal_nan=True, **EXACT)
    assert expected[4].isnan()


def test_similar_classes_share_words_until_the_code_is_long_enough_to_part_them() -> None:
    W = blocks()
    short, long = (torch.cdist(spectral(W, k), spectral(W, k)) for k in (3, 4))
    assert short[0, 1] < 1e-6  # chapters 1 and 7 promise the most distant words for such classes
    assert short[0, 2:].min() > 0.9
    assert long[0, 1] > 1.4


def test_whole_raw_code_is_a_rotated_one_hot() -> None:
    W = random_similarity(12)
    codes = spectral(W, 11)
    trivial = (W.sum(1) / W.sum()).sqrt()
    expected = torch.eye(12, dtype=W.dtype) - torch.outer(trivial, trivial)
    torch.testing.assert_close(codes @ codes.T, expected, **CLOSE)  # so at n - 1 bits nothing is left of the similarity


def test_two_classes() -> None:
    for W in (torch.tensor([[1.0, 0.3], [0.3, 1.0]]), torch.eye(2)):
        codes = spectral(W, 1)
        torch.testing.assert_close(codes, torch.tensor([[0.5**0.5], [-(0.5**0.5)]]))
        assert spectral(W, 1, "zero").tolist() == [[1.0], [-1.0]]


def test_separate_parts_give_free_cuts_and_no_trivial_bit() -> None:
    W = torch.block_diag(*[torch.ones(2, 2, dtype=torch.float64)] * 3)
    codes = spectral(W, 5)
    values = (codes * (normalized_laplacian(W) @ codes)).sum(0)
    torch.testing.assert_close(values, torch.tensor([0.0, 0, 1, 1, 1], dtype=torch.float64), **CLOSE)
    torch.testing.assert_close(codes[::2, :2], codes[1::2, :2], **CLOSE)  # constant on each part
    assert codes.sum(0).abs().max() < 1e-9  # orthogonal to the trivial vector of equal degrees


def test_equal_words_of_a_short_code_are_refused_by_the_head() -> None:
    W = torch.full((4, 4), 0.1)
    W[:2, :2] = W[2:, 2:] = 1.0
    with pytest.raises(ValueError, match="classes 0 and 1 have the same codeword"):
        CodeHead(spectral(W, 1))
    assert CodeHead(spectral(W, 3)).codes.shape == (4, 3)
