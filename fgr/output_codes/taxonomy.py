"""Hierarchy-given codes: words built along a known taxonomy, and the taxonomy as a sparse graph for spectral codes.

A taxonomy is a tensor of levels: entry [i, l] numbers the group of class i at level l, coarse first; the classes
themselves are the last level and are not listed. The 20 coarse labels of CIFAR-100 are levels of shape (100, 1).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from fgr.checks import check_shape
from fgr.output_codes.dense import distinct_words
from fgr.output_codes.validation import check_sizes


def _nested(levels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return, from the root down to the classes, the group of each class, and the parent of each group but the root.

    Raises:
        ValueError: on fewer than two classes; if a group lies in two groups of the level above.
    """
    check_shape(levels, "n levels", "levels")
    if levels.is_floating_point() or levels.is_complex():
        raise ValueError(f"levels must hold whole group numbers, got {levels.dtype}")
    levels = levels.cpu()
    n = len(levels)
    if n < 2:
        raise ValueError(f"levels must have a row for each of at least 2 classes, got {n}")
    members = [torch.zeros(n, dtype=torch.long)]  # the root
    members += [torch.unique(column, return_inverse=True)[1] for column in levels.T]
    members.append(torch.arange(n))
    parents = []
    for level, (above, here) in enumerate(pairwise(members)):
        parent = torch.zeros(int(here.max()) + 1, dtype=torch.long)
        parent[here] = above
        if (wrong := parent[here] != above).any():
            i = int(wrong.nonzero()[0])
            raise ValueError(
                f"group {int(levels[i, level])} of level {level} lies in two groups of level {level - 1}; "
                "number groups so that each lies in one"
            )
        parents.append(parent)
    return members, parents


def from_taxonomy(levels: Tensor, length: int, generator: torch.Generator) -> Tensor:
    """Return -1 / +1 words made of one block of bits a level, which all classes of a group share.

    Siblings get distinct random words in their level's block, so classes that part late differ in few bits. Every level
    gets the bits that its largest family needs, and what remains is shared out evenly, the finest level first.

    Args:
        levels: (n, L) whole numbers, the group of each class at each level, coarse first.
        length: k, at least the sum over levels of log2(largest family), rounded up.
        generator: all randomness.

    Returns:
        (n, k) of -1 and +1 with distinct rows.

    Raises:
        ValueError: on fewer than two classes, if a group lies in two groups, or on too few bits.

    Example:
        >>> codes = from_taxonomy(torch.tensor([[0], [0], [1], [1]]), 6, torch.Generator().manual_seed(0))
        >>> (codes[0] != codes[1]).sum() <= 3, torch.equal(codes[0, :3], codes[1, :3])
        (tensor(True), True)
    """
    members, parents = _nested(levels)
    check_sizes(len(levels), length)
    needed = [(int(parent.bincount().max()) - 1).bit_length() for parent in parents]
    if sum(needed) > length:
        raise ValueError(f"this taxonomy needs at least {sum(needed)} bits ({needed} by level), got length {length}")
    forked = [level for level, bits in enumerate(needed) if bits]  # a level of only children says nothing
    share, rest = divmod(length - sum(needed), len(forked))
    for place, level in enumerate(reversed(forked)):
        needed[level] += share + (place < rest)
    blocks = [
        distinct_words(len(parent), bits, generator, parent.to(generator.device))[here.to(generator.device)]
        for here, parent, bits in zip(members[1:], parents, needed)
        if bits
    ]
    return torch.cat(blocks, 1)


def taxonomy_graph(levels: Tensor, weights: Sequence[Tensor] | None = None) -> sparse.csr_array:
    """Return the taxonomy as a sparse tree for `spectral_from_graph`: classes first, then groups, the root last.

    It has n + groups + 1 nodes and as many edges, where the similarity of all pairs would have n^2 entries.

    Args:
        levels: (n, L) as in `from_taxonomy`.
        weights: L + 1 tensors above 0, from the coarsest groups (their edges to the root) down to the classes, groups
            in the order of their numbers; all 1 by default. A tree of equal families and weights has many equal
            eigenvalues, which limits the lengths of its spectral codes.

    Returns:
        (N, N) symmetric adjacency; nodes 0 to n - 1 are the classes.

    Raises:
        ValueError: on fewer than two classes, if a group lies in two groups, or weights do not fit.

    Example:
        >>> taxonomy_graph(torch.tensor([[0], [0], [1]])).toarray()  # classes 0 1 2, groups 3 4, root 5
        array([[0., 0., 0., 1., 0., 0.],
               [0., 0., 0., 1., 0., 0.],
               [0., 0., 0., 0., 1., 0.],
               [1., 1., 0., 0., 0., 1.],
               [0., 0., 1., 0., 0., 1.],
               [0., 0., 0., 1., 1., 0.]])
    """
    _, parents = _nested(levels)
    sizes = [len(parent) for parent in parents]
    if weights is None:
        weights = [torch.ones(size) for size in sizes]
    if [w.numel() for w in weights] != sizes:
        raise ValueError(f"weights must hold {sizes} values by level, got {[w.numel() for w in weights]}")
    if not all((w > 0).all() and w.isfinite().all() for w in weights):
        raise ValueError("weights must be finite and above 0: an edge of weight 0 would cut the tree")
    starts = [sum(sizes[level + 1 :]) for level in range(len(sizes))]  # classes at 0, the coarsest groups last
    above = [sum(sizes), *starts[:-1]]
    child = np.concatenate([start + np.arange(size) for start, size in zip(starts, sizes)])
    parent = np.concatenate([start + parent.numpy() for start, parent in zip(above, parents)])
    values = torch.cat([w.double().flatten().cpu() for w in weights]).numpy()
    N = sum(sizes) + 1
    tree = sparse.coo_array((values, (child, parent)), shape=(N, N)).tocsr()
    return tree + tree.T
