"""Where to look: a grid of non-negative weights over an image, and the few cells of it that are looked at."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.checks import check_choice, check_shape

CHOICES = ("top", "sample")
SMALL = 0.3  # of usual weights, where a head starts from its bias


def attention_grid(logits: Tensor) -> Tensor:
    """Return the attention grid G of section 3.3: weights of the cells of an image, >= 0, that sum to one.

    Args:
        logits: (B, k, k), any real numbers; cell (row, column) stands for that part of the image.

    Returns:
        (B, k, k), the softmax over all cells.

    Raises:
        ValueError: if `logits` is no batch of square grids.

    Example:
        >>> attention_grid(torch.zeros(1, 2, 2))
        tensor([[[0.2500, 0.2500],
                 [0.2500, 0.2500]]])
    """
    check_shape(logits, "B k k", "logits")
    if logits.shape[1] != logits.shape[2]:
        raise ValueError(f"the grid must be square, got {logits.shape[1]} x {logits.shape[2]} cells")
    return logits.flatten(1).softmax(1).unflatten(1, logits.shape[1:])  # (B, k, k)


def choose(grid: Tensor, patches: int, choice: str = "top", generator: torch.Generator | None = None) -> Tensor:
    """Return which cells of a grid to look at: those of most weight, or a sample by weight (section 3.3).

    Args:
        grid: (B, k, k), from `attention_grid`.
        patches: n, how many cells, 1 to k^2.
        choice: "top" takes the n heaviest; of equal ones the first in reading order, on every device. "sample" draws
            n different cells, each next one with the weights of those that are left.
        generator: of the draw; torch's global one if None.

    Returns:
        (B, n) int64 numbers of cells in reading order (row * k + column), heaviest or first drawn first.

    Raises:
        ValueError: if `patches` is out of range or `choice` unknown.
        FloatingPointError: if a weight is NaN (not while exported or compiled: values are unknown then).

    Example:
        >>> grid = attention_grid(torch.tensor([[[0.0, 2.0], [1.0, 1.0]]]))
        >>> choose(grid, 3)
        tensor([[1, 2, 3]])
    """
    check_shape(grid, "B k k", "grid")
    check_choice(choice, CHOICES, "choice")
    weights = grid.detach().flatten(1).float()  # (B, k^2)
    if not 1 <= patches <= weights.shape[1]:
        raise ValueError(f"patches must be 1 to {weights.shape[1]}, the cells of the grid, got {patches}")
    if not (weights.is_meta or torch.compiler.is_compiling()) and weights.isnan().any():
        raise FloatingPointError("the grid holds NaN: the where network has diverged; lower the learning rate")
    if choice == "top":
        return weights.argsort(dim=1, descending=True, stable=True)[:, :patches]
    # Weights that underflow to zero could leave too few cells to draw from.
    return torch.multinomial(weights.clamp_min(torch.finfo(weights.dtype).tiny), patches, generator=generator)


def share_read(grid: int, patches: int) -> float:
    """Return the share of the high-resolution pixels that are read: n of k^2 cells.

    Example:
        >>> f"{share_read(16, 5):.2%}"
        '1.95%'
    """
    return patches / grid**2


class GridHead(nn.Module):
    """Predict a grid's logits from a feature map of the low-resolution image.

    The thesis does not say how its where network ends. Here a 1x1 convolution scores every place, and the scores are
    resized to k x k cells (bilinear), so that a cell is scored by what lies there.

    Args:
        channels: C of the feature map.
        grid: k, cells on a side.

    Example:
        >>> GridHead(8, grid=4)(torch.zeros(2, 8, 7, 7)).shape
        torch.Size([2, 4, 4])
    """

    def __init__(self, channels: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.score = nn.Conv2d(channels, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        scores = self.score(features)  # (B, 1, h, w)
        return F.interpolate(scores, (self.grid, self.grid), mode="bilinear", align_corners=False)[:, 0]  # (B, k, k)


class LinearGridHead(nn.Module):
    """Predict a grid's logits by one linear layer over the whole feature map, so that any place can speak for any cell.

    Which cells are read first matters, for what is not read is hardly ever tried (see `fgr.glimpse.concat`). A network
    that knows faces already starts well; one that starts from nothing may be told that they are in the middle.

    Args:
        shape: (C, h, w) of the feature map.
        grid: k, cells on a side.
        spread: standard deviation, in image sides, of a bell around the middle that the grid starts close to: its
            logarithm is the bias, and weights are small. None starts the grid anywhere.

    Example:
        >>> LinearGridHead((8, 7, 7), grid=4)(torch.zeros(2, 8, 7, 7)).shape
        torch.Size([2, 4, 4])
        >>> attention_grid(LinearGridHead((8, 7, 7), grid=3, spread=0.25)(torch.zeros(1, 8, 7, 7))).argmax().item()
        4
    """

    def __init__(self, shape: tuple[int, int, int], grid: int, spread: float | None = None) -> None:
        super().__init__()
        self.grid = grid
        channels, height, width = shape
        self.score = nn.Linear(channels * height * width, grid**2)
        if spread is not None:
            away = (torch.arange(grid) + 0.5) / grid - 0.5  # (k,) of a cell's middle from the image's
            bell = -(away[:, None].square() + away.square()) / (2 * spread**2)  # (k, k), its logarithm
            with torch.no_grad():
                self.score.weight *= SMALL
                self.score.bias.copy_(bell.flatten())

    def forward(self, features: Tensor) -> Tensor:
        return self.score(features.flatten(1)).unflatten(1, (self.grid, self.grid))  # (B, k, k)
