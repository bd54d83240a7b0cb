"""Equations 6.1 to 6.3 and the Laplacian of section 6.3.2 written out, corrected, with the printed form as an option.

For reading and checking; `CodeHead` and autograd compute the same. The thesis writes J in its binary form although its
model is a softmax over classes, and puts an argmax inside a logarithm. J here is the cross-entropy of the softmax,
whose derivative is yhat - y; the printed y - yhat would climb.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.checks import check_positive, check_shape
from fgr.output_codes.validation import class_numbers


def decoder_jacobian(U: Tensor, codes: Tensor) -> Tensor:
    """Return dD_i / dU = M_i - U (Eq. 6.1) of the row-wise D_i = -1/2 ||M_i - U||^2.

    The thesis prints D as an n x n product, of which these distances are the diagonal.

    Args:
        U: (B, k).
        codes: (n, k).

    Returns:
        (B, n, k).

    Example:
        >>> decoder_jacobian(torch.tensor([[1.0, 0.0]]), torch.eye(2))
        tensor([[[ 0.,  0.],
                 [-1.,  1.]]])
    """
    check_shape(codes, "n k", "codes")
    check_shape(U, f"B {codes.shape[1]}", "U")
    return codes - U[:, None]  # (B, n, k)


def unit_jacobian(z: Tensor, printed: bool = False) -> Tensor:
    """Return dU / dz = (I ||z|| - z U^T) / ||z||^2 of U = z / ||z|| (Eq. 6.2).

    Args:
        z: (B, k), no row of zeros.
        printed: divide by ||z||^3 as the thesis does, wrong by 1 / ||z||.

    Returns:
        (B, k, k), symmetric.

    Example:
        >>> unit_jacobian(torch.tensor([[2.0, 0.0]]))
        tensor([[[0.0000, 0.0000],
                 [0.0000, 0.5000]]])
    """
    check_shape(z, "B k", "z")
    length = z.norm(dim=1)[:, None, None]  # (B, 1, 1)
    identity = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    return (identity * length - z[:, :, None] * (z[:, None] / length)) / length ** (3 if printed else 2)


def loss_gradient(z: Tensor, codes: Tensor, targets: Tensor, scale: float = 1.0, printed: bool = False) -> Tensor:
    """Return dJ / dz = scale (yhat - y) (M - 1 U^T) dU/dz of each sample (Eq. 6.3), outputs normalised, codes not.

    Args:
        z: (B, k), no row of zeros.
        codes: (n, k).
        targets: (B,) class numbers in [0, n), of any integer type.
        scale: inverse temperature; absent from the thesis, hence 1.
        printed: y - yhat and Eq. 6.2 as printed: the gradient's negative, wrong by 1 / ||z||.

    Returns:
        (B, k).

    Example:
        >>> gradient = loss_gradient(torch.tensor([[1.0, 1.0]]), torch.eye(2), torch.tensor([0]))
        >>> gradient, loss_gradient(torch.tensor([[1.0, 1.0]]), torch.eye(2), torch.tensor([0]), printed=True)
        (tensor([[-0.3536,  0.3536]]), tensor([[ 0.2500, -0.2500]]))
    """
    check_positive(scale, "scale")
    U = z / z.norm(dim=1, keepdim=True)
    pull = decoder_jacobian(U, codes)  # (B, n, k)
    predicted = (-0.5 * scale * pull.square().sum(2)).softmax(1)  # (B, n)
    error = predicted - F.one_hot(class_numbers(targets, len(z), len(codes)), len(codes)).to(z.dtype)
    error = -error if printed else error
    return scale * torch.einsum("bn,bnk,bkj->bj", error, pull, unit_jacobian(z, printed))


def normalized_laplacian(similarity: Tensor, printed: bool = False) -> Tensor:
    """Return D^-1/2 (D - W) D^-1/2, D the row sums of W.

    Args:
        similarity: (n, n) W, symmetric, with positive row sums.
        printed: D^1/2 (D - W) D^-1/2 as the thesis prints it. It is not symmetric unless all degrees are equal, and
            its eigenvectors are not those of the normalised cut.

    Returns:
        (n, n).

    Example:
        >>> normalized_laplacian(torch.tensor([[1.0, 1.0], [1.0, 3.0]]))
        tensor([[ 0.5000, -0.3536],
                [-0.3536,  0.2500]])
    """
    check_shape(similarity, f"{len(similarity)} {len(similarity)}", "similarity")
    degree = similarity.sum(1)
    left = degree.sqrt() if printed else degree.rsqrt()
    return left[:, None] * (degree.diag() - similarity) * degree.rsqrt()
