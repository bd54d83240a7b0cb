"""Read the chosen cells of high-resolution images, and nothing else of them."""

import torch
from torch import Tensor

from fgr.checks import check_shape


def extract(images: Tensor, chosen: Tensor, grid: int) -> Tensor:
    """Return the chosen cells of each image, cut on a k x k grid (section 3.3, Fig. 3.1); only these are copied.

    Args:
        images: (B, C, H, W) at high resolution; H and W must be multiples of k.
        chosen: (B, n) numbers of cells in reading order, from `fgr.glimpse.choose`.
        grid: k, cells on a side.

    Returns:
        (B, n, C, H / k, W / k), in the order of `chosen`.

    Raises:
        ValueError: if shapes do not fit or a cell does not exist (which is not checked while exported or compiled).

    Example:
        >>> image = torch.arange(16.0).view(1, 1, 4, 4)
        >>> extract(image, torch.tensor([[1]]), grid=2).flatten().tolist()
        [2.0, 3.0, 6.0, 7.0]
    """
    check_shape(images, "B C H W", "images")
    check_shape(chosen, f"{len(images)} n", "chosen")
    height, width = images.shape[2:]
    if height % grid or width % grid:
        size = [max(1, round(side / grid)) * grid for side in (height, width)]
        raise ValueError(
            f"images of {height} x {width} pixels cannot be cut into {grid} x {grid} equal cells; "
            f"resize or pad them to {size[0]} x {size[1]}, or choose another grid"
        )
    known = chosen.numel() and not chosen.is_meta and not torch.compiler.is_compiling()
    if known and not (chosen.min() >= 0 and chosen.max() < grid**2):
        raise ValueError(f"cells are numbered 0 to {grid**2 - 1}, got {chosen.min().item()} to {chosen.max().item()}")
    cells = images.unflatten(2, (grid, height // grid)).unflatten(4, (grid, width // grid))  # (B, C, k, h, k, w) view
    rows, columns = chosen // grid, chosen % grid  # (B, n)
    sample = torch.arange(len(images), device=images.device)[:, None]  # (B, 1)
    return cells[sample, :, rows, :, columns]  # (B, n, C, h, w): indices apart from each other lead, slices follow


def cell_boxes(chosen: Tensor, grid: int, height: int, width: int) -> Tensor:
    """Return where chosen cells lie, (B, n, 4): x0 y0 x1 y1 in pixels of an image of the given size.

    Example:
        >>> cell_boxes(torch.tensor([[1, 2]]), grid=2, height=4, width=8).tolist()
        [[[4.0, 0.0, 8.0, 2.0], [0.0, 2.0, 4.0, 4.0]]]
    """
    rows, columns = chosen // grid, chosen % grid  # (B, n)
    corners = torch.stack([columns, rows, columns + 1, rows + 1], -1)  # (B, n, 4) in cells
    step = torch.tensor([width, height, width, height], device=chosen.device) / grid
    return corners * step
