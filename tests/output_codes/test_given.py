"""Codes given by a taxonomy or by attributes, and class similarity from features or from a confusion matrix."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from fgr.output_codes import (
    CodeHead,
    dense_random,
    from_attributes,
    from_taxonomy,
    similarity_from_confusion,
    similarity_from_features,
    spectral,
    spectral_from_graph,
    taxonomy_graph,
)


def seed(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def regular(*children: int) -> Tensor:
    """Return the levels of a tree in which every node of level l has children[l] children."""
    numbers = torch.arange(math.prod(children))
    return torch.stack([numbers // math.prod(children[level + 1 :]) for level in range(len(children) - 1)], 1)


# ---------------------------------------------------------------- taxonomy


def test_groups_share_their_blocks_and_siblings_differ() -> None:
    levels = regular(3, 4, 5)  # 3 groups of 4 groups of 5 classes
    codes = from_taxonomy(levels, 30, seed())  # 10 bits a level, one more or less
    assert codes.shape == (60, 30)
    assert set(codes.unique().tolist()) == {-1.0, 1.0}
    assert len(codes.unique(dim=0)) == 60
    for level, (start, stop) in enumerate(((0, 9), (9, 19))):  # needs 2, 2, 3 bits; 23 to share, the finest first
        for group in levels[:, level].unique():
            assert len(codes[levels[:, level] == group, start:stop].unique(dim=0)) == 1
    assert len(codes[:5, 19:].unique(dim=0)) == 5
    assert torch.equal(codes, from_taxonomy(levels, 30, seed()))


def test_words_are_farther_apart_the_earlier_classes_part() -> None:
    levels = regular(4, 4, 4)
    codes = from_taxonomy(levels, 300, seed())
    distance = (codes[:, None] != codes[None]).float().sum(2)
    shared = (levels[:, None] == levels[None]).sum(2)
    means = [distance[(shared == s) & ~torch.eye(64, dtype=torch.bool)].mean().item() for s in (2, 1, 0)]
    assert means == pytest.approx([50, 100, 150], abs=12)  # half of the bits of the levels below the fork


def test_only_children_need_no_bits_and_a_flat_taxonomy_is_a_random_code() -> None:
    chain = torch.tensor([[0, 0], [0, 0], [1, 1], [1, 1]])  # the second level repeats the first
    assert len(from_taxonomy(chain, 2, seed()).unique(dim=0)) == 4
    assert len(from_taxonomy(torch.zeros(8, 0, dtype=torch.long), 5, seed()).unique(dim=0)) == 8
    assert sorted(from_taxonomy(torch.tensor([[0], [1]]), 1, seed()).flatten().tolist()) == [-1.0, 1.0]


def test_group_numbers_are_names_only() -> None:
    levels = regular(3, 2, 2)
    renamed = levels * 17 + 5
    assert torch.equal(from_taxonomy(levels, 12, seed()), from_taxonomy(renamed, 12, seed()))


def test_wrong_taxonomies_are_named() -> None:
    with pytest.raises(ValueError, match="group 7 of level 1 lies in two groups of level 0"):
        from_taxonomy(torch.tensor([[0, 7], [1, 7], [1, 8]]), 9, seed())
    with pytest.raises(ValueError, match=r"needs at least 7 bits \(\[2, 2, 3\] by level\), got length 6"):
        from_taxonomy(regular(3, 4, 5), 6, seed())
    for classes in (0, 1):
        for make in (taxonomy_graph, lambda levels: from_taxonomy(levels, 4, seed())):
            with pytest.raises(
                ValueError, match=f"levels must have a row for each of at least 2 classes, got {classes}"
            ):
                make(torch.zeros(classes, 2, dtype=torch.long))
    with pytest.raises(ValueError, match=r"levels must have shape \(n, levels\), got \(4,\)"):
        taxonomy_graph(torch.zeros(4, dtype=torch.long))
    with pytest.raises(ValueError, match=r"whole group numbers, got torch\.float32"):
        taxonomy_graph(torch.zeros(4, 1))
    with pytest.raises(ValueError, match=r"weights must hold \[2, 4\] values by level, got \[4, 2\]"):
        taxonomy_graph(regular(2, 2), [torch.ones(4), torch.ones(2)])
    with pytest.raises(ValueError, match="weights must be finite and above 0"):
        taxonomy_graph(regular(2, 2), [torch.zeros(2), torch.ones(4)])


def test_taxonomy_graph_by_loops() -> None:
    levels = torch.tensor([[0, 0], [0, 1], [1, 2], [1, 2]])
    weights = [torch.tensor([2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0]), torch.tensor([1.0, 1.5, 2.5, 3.5])]
    expected = np.zeros((10, 10))  # classes 0-3, fine groups 4-6, coarse groups 7-8, root 9
    edges = [(0, 4, 1.0), (1, 5, 1.5), (2, 6, 2.5), (3, 6, 3.5), (4, 7, 4.0), (5, 7, 5.0), (6, 8, 6.0)]
    for child, parent, weight in [*edges, (7, 9, 2.0), (8, 9, 3.0)]:
        expected[child, parent] = expected[parent, child] = weight
    assert np.array_equal(taxonomy_graph(levels, weights).toarray(), expected)


def test_first_bit_of_a_taxonomy_parts_its_coarse_groups() -> None:
    bit = spectral_from_graph(taxonomy_graph(regular(2, 3, 4)), 1, "zero", classes=torch.arange(24)).flatten()
    assert abs(bit.sum()) == 0
    assert len(bit[:12].unique()) == len(bit[12:].unique()) == 1


def test_spectral_bits_of_a_tree_part_no_sisters_and_random_bits_do() -> None:
    weights = [0.5 + torch.rand(size, generator=seed(size)) for size in (3, 12, 60)]
    codes = spectral_from_graph(taxonomy_graph(regular(3, 4, 5), weights), 8, classes=torch.arange(60))
    assert len(codes[:5].unique(dim=0)) == 5  # of different lengths, but
    with pytest.raises(ValueError, match="have the same codeword"):  # of one direction
        CodeHead(codes)
    joined = torch.cat([codes, dense_random(60, 12, seed())], 1)
    assert CodeHead(joined).codes.shape == (60, 20)


def test_thousands_of_classes_from_a_sparse_taxonomy() -> None:
    levels = regular(10, 10, 30)
    sizes = (10, 100, 3000)
    weights = [1 + torch.rand(size, generator=seed()) for size in sizes]
    graph = taxonomy_graph(levels, weights)
    assert graph.nnz == 2 * sum(sizes)
    codes = spectral_from_graph(graph, 40, classes=torch.arange(3000))
    assert codes.shape == (3000, 40)
    within = torch.stack([codes[levels[:, 0] == g, :9].var(0).mean() for g in range(10)]).mean()
    assert within < 0.05 * codes[:, :9].var(0).mean()  # the first 9 bits part the 10 coarse groups


# ---------------------------------------------------------------- attributes


def test_attributes_are_standardised_and_constant_ones_left_out() -> None:
    attributes = torch.tensor([[1, 0, 5], [1, 1, 7], [1, 1, 9]])
    codes = from_attributes(attributes)
    assert codes.shape == (3, 2)
    torch.testing.assert_close(codes.mean(0), torch.zeros(2))
    torch.testing.assert_close(codes.square().mean(0), torch.ones(2))
    assert from_attributes(attributes, "zero").tolist() == [[-1, -1], [1, -1], [1, 1]]


def test_wrong_attributes_are_named() -> None:
    with pytest.raises(ValueError, match="none of the 2 attributes varies"):
        from_attributes(torch.ones(3, 2))
    with pytest.raises(ValueError, match=r"attributes\[1, 0\] is nan"):
        from_attributes(torch.tensor([[0.0], [math.nan]]))
    with pytest.raises(ValueError, match="threshold must be one of"):
        from_attributes(torch.eye(3), "mean")
    twins = from_attributes(torch.tensor([[0.0, 1.0], [0.0, 1.0], [1.0, 1.0]]))
    with pytest.raises(ValueError, match="classes 0 and 1 have the same codeword"):
        CodeHead(twins)


# ---------------------------------------------------------------- similarity


def test_similarity_of_features_by_loops() -> None:
    features, targets = torch.randn(40, 3), torch.arange(40) % 5
    means = [[features[targets == c, j].double().mean().item() for j in range(3)] for c in range(5)]
    distances = [[math.dist(a, b) for b in means] for a in means]
    bandwidth = sorted(distances[i][j] for i in range(5) for j in range(i))[4]  # lower median of 10 pairs
    expected = [[math.exp(-(d**2) / (2 * bandwidth**2)) for d in row] for row in distances]
    found = similarity_from_features(features, targets, 5)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(similarity_from_features(7 * features + 3, targets, 5), found, rtol=1e-4, atol=1e-5)
    wide = similarity_from_features(features, targets, 5, bandwidth=2 * bandwidth)
    torch.testing.assert_close(wide, found ** (1 / 4), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_similarity_reads_targets_of_any_integer_type(dtype: torch.dtype) -> None:
    features, targets = torch.randn(40, 3), torch.arange(40) % 5
    found = similarity_from_features(features, targets.to(dtype), 5)
    assert torch.equal(found, similarity_from_features(features, targets, 5))


def test_confusion_by_hand() -> None:
    found = similarity_from_confusion(torch.tensor([[6, 2, 0], [1, 3, 0], [0, 0, 5]]))
    expected = torch.tensor([[0.75, 0.25, 0], [0.25, 0.75, 0], [0, 0, 1]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)
    joined = similarity_from_confusion(torch.tensor([[6, 2, 0], [1, 3, 0], [0, 0, 5]]), smoothing=1.0)
    assert (joined > 0).all()
    torch.testing.assert_close(joined[0, 2], torch.tensor((1 / 11 + 1 / 8) / 2, dtype=torch.float64))


@pytest.mark.parametrize("source", ["features", "confusion"])
def test_spectral_code_finds_the_groups_in_the_data(source: str) -> None:
    if source == "features":
        centres = torch.tensor([[0.0, 0.0], [0.0, 1.0], [5.0, 0.0], [5.0, 1.0]])
        targets = torch.arange(400) % 4
        similarity = similarity_from_features(centres[targets] + 0.1 * torch.randn(400, 2), targets, 4)
    else:
        counts = torch.tensor([[80, 15, 3, 2], [14, 82, 1, 3], [2, 2, 86, 10], [1, 3, 12, 84]])
        similarity = similarity_from_confusion(counts)
    bit = spectral(similarity, 1, "zero").flatten()
    assert bit[0] == bit[1] != bit[2]
    assert bit[2] == bit[3]


def test_wrong_data_are_named() -> None:
    features, targets = torch.randn(6, 2), torch.tensor([0, 0, 1, 1, 3, 3])
    with pytest.raises(ValueError, match=r"class 2 has no sample \(2 classes have none\)"):
        similarity_from_features(features, targets, 5)
    with pytest.raises(ValueError, match=r"targets must be in \[0, 3\), got 3"):
        similarity_from_features(features, targets, 3)
    with pytest.raises(ValueError, match="most classes have the same mean"):
        similarity_from_features(torch.ones(4, 2), torch.tensor([0, 0, 1, 1]), 2)
    with pytest.raises(ValueError, match="bandwidth must be a finite number above 0"):
        similarity_from_features(features[:4], targets[:4], 2, bandwidth=0.0)
    features[3, 0] = math.nan
    with pytest.raises(ValueError, match="features of sample 3 are not finite"):
        similarity_from_features(features, targets.clamp(max=2), 3)
    with pytest.raises(ValueError, match=r"confusion\[0, 1\] = -1; counts must be at least 0"):
        similarity_from_confusion(torch.tensor([[1, -1], [0, 1]]))
    with pytest.raises(ValueError, match="class 1 has no sample in the confusion matrix"):
        similarity_from_confusion(torch.tensor([[1, 1], [0, 0]]))
    with pytest.raises(ValueError, match=r"confusion must have shape \(2, 2\), got \(2, 3\)"):
        similarity_from_confusion(torch.ones(2, 3))
    with pytest.raises(ValueError, match="smoothing must be"):
        similarity_from_confusion(torch.eye(2), -1.0)
