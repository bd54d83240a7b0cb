"""Piecewise-affine warping: each triangle of a face stretched onto its place in the reference, the background cut off.

T. F. Cootes, G. J. Edwards, C. J. Taylor: Active Appearance Models, PAMI 2001; thesis section 2.2, the "canonical
normalised appearance". Inside a triangle a pixel is a fixed weighted mean of the corners, so the place to read it from
is the same mean of a frame's landmarks: the mesh is worked out once and a frame costs one weighted sum and one look-up.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.alignment.frames import check_frames
from fgr.alignment.mesh import Mesh, triangulate
from fgr.alignment.sampling import OUTSIDE, check_images, read, to_grid

GROUP = 4  # frames at once on a CPU: their grid stays in its cache


def piecewise_affine(images: Tensor, landmarks: Tensor, mesh: Mesh, allow_flat: bool = False) -> Tensor:
    """Return images warped so that landmarks come to lie where the mesh has them.

    Args:
        images: (B, C, H, W) floating point, of any size.
        landmarks: (B, N, 2) pixels in the images; those that the mesh does not use may hold anything.
        mesh: from `triangulate`.
        allow_flat: accept triangles without area in a frame: closed eyes and lips, seen with all landmarks.

    Returns:
        (B, C, height, width) of the mesh; zero outside of it. Differentiable in images and landmarks.

    Raises:
        ValueError: on wrong shapes or types, and on landmarks that are not finite, outside the image, at one place or
            on one line; names frame and landmarks. While exported or compiled only shapes are checked.

    Example:
        >>> mesh = triangulate(torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]]), (3, 3))
        >>> image = torch.arange(25.0).view(1, 1, 5, 5)
        >>> piecewise_affine(image, torch.tensor([[[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]]), mesh)
        tensor([[[[ 0.,  2.,  4.],
                  [10., 12.,  0.],
                  [20.,  0.,  0.]]]])
    """
    check_images(images, len(landmarks))
    check_frames(landmarks.detach(), mesh, images.shape[-2:], allow_flat)
    group = GROUP if images.device.type == "cpu" else max(1, len(images))
    parts = (_warp(some, their, mesh) for some, their in zip(images.split(group), landmarks.split(group)))
    if torch.is_grad_enabled() and (images.requires_grad or landmarks.requires_grad):
        return torch.cat(list(parts))
    warped = images.new_empty(*images.shape[:2], *mesh.inside.shape)
    for place, part in zip(warped.split(group), parts):  # reuses the memory of a part, as `cat` could not
        place.copy_(part)
    return warped


def _warp(images: Tensor, landmarks: Tensor, mesh: Mesh) -> Tensor:
    height, width = mesh.inside.shape
    places = to_grid(landmarks, images).transpose(0, 1).flatten(1)  # (N, B 2)
    table = F.pad(places, (0, 0, 0, 1), value=OUTSIDE)  # (N + 1, B 2), the last one for pixels outside the mesh
    mean = F.embedding_bag(mesh.vertices, table, mode="sum", per_sample_weights=mesh.weights.to(table.dtype))
    return read(images, mean.view(height, width, -1, 2).permute(2, 0, 1, 3))  # grid (B, height, width, 2)


class PiecewiseAffine(nn.Module):
    """Warp faces onto a reference: frontalisation, with all landmarks or a coarser subset (Fig. 2.4).

    Args:
        reference: (N, 2) pixels in the result, for instance `fit_to_canvas(generalized_procrustes(shapes).mean, size)`.
        size: height and width of the result; the thesis's is (224, 224).
        subset: which landmarks span the mesh, for instance `COARSE_66`; None: all.
        allow_flat: as in `piecewise_affine`.

    `mask` (height, width) is True where the canonical face is.

    Shapes: images (B, C, H, W), landmarks (B, N, 2) -> images (B, C, height, width).

    Raises:
        ValueError: if the reference has no mesh, as `triangulate`; frames are refused as in `piecewise_affine`.

    Example:
        >>> square = torch.tensor([[0.0, 0.0], [7.0, 0.0], [7.0, 7.0], [0.0, 7.0]])
        >>> warp = PiecewiseAffine(square, size=(8, 8))
        >>> images = torch.rand(2, 3, 16, 16)
        >>> faces = warp(images, 2 * square.expand(2, -1, -1))
        >>> faces.shape, torch.allclose(faces, images[..., ::2, ::2], atol=1e-5)
        (torch.Size([2, 3, 8, 8]), True)
    """

    def __init__(
        self, reference: Tensor, size: tuple[int, int], subset: Sequence[int] | None = None, allow_flat: bool = False
    ) -> None:
        super().__init__()
        self.allow_flat = allow_flat
        mesh = triangulate(reference, size, subset)
        self.register_buffer("triangles", mesh.triangles, persistent=False)
        self.register_buffer("vertices", mesh.vertices, persistent=False)
        self.register_buffer("weights", mesh.weights, persistent=False)
        self.register_buffer("mask", mesh.inside, persistent=False)
        self.register_buffer("used", mesh.used, persistent=False)

    def forward(self, images: Tensor, landmarks: Tensor) -> Tensor:
        mesh = Mesh(self.triangles, self.vertices, self.weights, self.mask, self.used)
        return piecewise_affine(images, landmarks, mesh, self.allow_flat)
