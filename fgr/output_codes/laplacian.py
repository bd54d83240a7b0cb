"""Spectral codes: eigenvectors of the normalised Laplacian of the class similarity, cheapest cut first.

Thesis section 6.3.2; X. Zhang, L. Liang, H.-Y. Shum: Spectral Error Correcting Output Codes, ICCV 2009; J. Shi,
J. Malik: Normalized Cuts and Image Segmentation, PAMI 2000. Similar classes get similar words here. (Chapters 1 and 7
of the thesis promise the opposite, more distant words for the most confused classes; the construction does not do it.)

The thesis prints D^1/2 (D - W) D^-1/2, which is not symmetric and has other eigenvectors (`printed_laplacian`); the
normalised cut needs D^-1/2 (D - W) D^-1/2.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fgr.checks import check_choice, check_shape
from fgr.output_codes.eigenvectors import laplacian_eigenvectors
from fgr.output_codes.graph import Graph, as_graph
from fgr.output_codes.thresholds import THRESHOLDS, binarize
from fgr.output_codes.validation import check_sizes


def spectral(similarity: Graph, length: int, threshold: str = "none") -> Tensor:
    """Return the spectral code: bit j is the eigenvector of the j-th smallest non-trivial eigenvalue.

    Signs and the bases of equal eigenvalues follow a fixed rule (`fgr.output_codes.eigenvectors`), so that the same
    similarity gives the same code on every machine.

    Args:
        similarity: (n, n) symmetric, not negative: a tensor, a torch sparse tensor or a scipy sparse matrix. A sparse
            one is never made dense.
        length: k in [1, n - 1]: a graph of n classes has n - 1 non-trivial eigenvectors (Table 6.1's column of 200
            bits for 100 classes cannot exist).
        threshold: "none" keeps the raw entries, "zero" and "median" make bits of them (`binarize`).

    Returns:
        (n, k) on the CPU; orthonormal columns if raw. float64 for a float64 tensor, else float32.

    Raises:
        ValueError: on a similarity that is not one (names the entry), a length above n - 1, or another threshold.

    Example:
        >>> pairs = torch.tensor([[1.0, 0.8, 0.1, 0.1], [0.8, 1.0, 0.1, 0.1],
        ...                       [0.1, 0.1, 1.0, 0.6], [0.1, 0.1, 0.6, 1.0]])
        >>> spectral(pairs, 2, threshold="zero")  # the first bit parts the two pairs
        tensor([[-1., -1.],
                [-1., -1.],
                [ 1.,  1.],
                [ 1., -1.]])
    """
    return spectral_from_graph(similarity, length, threshold)


def spectral_from_graph(
    graph: Graph, length: int, threshold: str = "none", classes: Tensor | Sequence[int] | None = None
) -> Tensor:
    """Return the spectral code of the classes among a graph's nodes, e.g. the leaves of a taxonomy (`taxonomy_graph`).

    A tree alone cannot part sisters: a leaf hangs on its parent only, so an eigenvector of an eigenvalue other than 1
    gives the classes of one family multiples of one number, and their words have one direction. Join such a code with
    one that parts them, e.g. `torch.cat([spectral_bits, random_bits], 1)`, or add edges between classes.

    Args:
        graph: (N, N) as `spectral`'s similarity; nodes that are not classes carry the structure only.
        length, threshold: as in `spectral`, with length at most n - 1 for n classes.
        classes: (n,) node numbers of the classes, in class order; all nodes by default.

    Returns:
        (n, k); for n < N its columns are parts of orthonormal ones.

    Raises:
        ValueError: as `spectral`; on a node number outside the graph; if the length cuts through too many equal
            eigenvalues of a large sparse graph.

    Example:
        >>> star = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]).to_sparse()
        >>> spectral_from_graph(star, 1, classes=[0, 1])  # two classes below one root
        tensor([[ 0.7071],
                [-0.7071]])
    """
    check_choice(threshold, THRESHOLDS, "threshold")
    W = as_graph(graph)
    nodes = torch.arange(W.shape[0]) if classes is None else torch.as_tensor(classes).cpu()
    check_shape(nodes, "n", "classes")
    check_sizes(len(nodes), length)
    if int(nodes.min()) < 0 or int(nodes.max()) >= W.shape[0]:
        raise ValueError(
            f"classes must be node numbers in [0, {W.shape[0]}), got {int(nodes.min())} to {int(nodes.max())}"
        )
    if length > len(nodes) - 1:
        raise ValueError(
            f"{len(nodes)} classes have {len(nodes) - 1} non-trivial eigenvectors, got length {length}; "
            "add bits of another code for a longer one"
        )
    _, vectors = laplacian_eigenvectors(W, length)
    double = isinstance(graph, Tensor) and graph.dtype == torch.float64
    codes = torch.from_numpy(vectors)[nodes]
    return binarize(codes, threshold).to(torch.float64 if double else torch.float32)
