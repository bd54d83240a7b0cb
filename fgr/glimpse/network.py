"""GlimpseNet: read a small view of the whole image, decide where to look, read a few patches of the large one."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from fgr.checks import check_choice, check_shape
from fgr.glimpse.combine import MERGES, WEIGHTINGS, concat, weight
from fgr.glimpse.grid import CHOICES, GridHead, attention_grid, choose
from fgr.glimpse.patches import extract
from fgr.modes import evaluating


class Glimpse(NamedTuple):
    """What a GlimpseNet returns: class scores (B, L), the attention grid (B, k, k), and the cells it read (B, n)."""

    scores: Tensor
    grid: Tensor
    chosen: Tensor


class GlimpseNet(nn.Module):
    """The where/what network of chapter 3 (Rodriguez et al., Pattern Recognition 72, 2017), around any two networks.

    The where network reads the low-resolution image; its features score a k x k grid G and are the first half of what
    the classifier sees. The what network reads n cells of the high-resolution image; its features, averaged over
    each patch and weighted by G, are the other half. Gradients reach G in the chosen cells alone, and through the
    softmax, if the merge is "add", the logits of all cells. "concat" scales their common factor away, and with it the
    gradient of all logits but the chosen ones.

    Args:
        where: module (B, c, h, w) -> feature map (B, C, h', w'), e.g. VGG-16 up to pool5.
        what: module (N, c, H / k, W / k) -> feature map (N, d, ...), e.g. VGG-16 up to pool3. Hand over stages of
            `where` itself to share their weights, or a deep copy to have separate ones.
        num_classes: L; 1 for regression.
        grid: k, cells on a side. The thesis found 16 best, with 5 patches: 1.95 % of the pixels.
        patches: n, 1 to k^2.
        weighting: "hadamard" (Eq. 3.2), "sum" (Eq. 3.1) or "none"; see `fgr.glimpse.weight`.
        merge: "concat" after scaling both halves to length one, or "add" after projecting the patches to the size of
            the where features.
        choice: "top" or "sample", see `fgr.glimpse.choose`; evaluation always takes the top.
        hidden: units of the layers fc6 and fc7; the thesis has 4096 each.
        dropout: rate after each of these.
        locate: module (B, C, h', w') -> (B, k, k) logits of the grid; by default a `GridHead`.
        low_size: h and w of the low-resolution image, by which the sizes of all features are measured.
        cell_size: pixels of a side of a cell; the high-resolution image then has k times as many.
        in_channels: c of the images; 1 for grey ones.

    Raises:
        ValueError: if an option is unknown or out of range, or `where` or `what` does not run on images of the given
            size or returns no feature map.

    Example:
        >>> where = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU())
        >>> net = GlimpseNet(where, where, num_classes=8, grid=4, patches=3, hidden=16, low_size=32, cell_size=16)
        >>> scores, grid, chosen = net(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 64, 64))
        >>> scores.shape, grid.shape, chosen.shape
        (torch.Size([2, 8]), torch.Size([2, 4, 4]), torch.Size([2, 3]))
    """

    def __init__(
        self,
        where: nn.Module,
        what: nn.Module,
        num_classes: int,
        grid: int = 16,
        patches: int = 5,
        weighting: str = "hadamard",
        merge: str = "concat",
        choice: str = "top",
        hidden: int = 4096,
        dropout: float = 0.5,
        locate: nn.Module | None = None,
        low_size: int = 224,
        cell_size: int = 56,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        check_choice(weighting, WEIGHTINGS, "weighting")
        check_choice(merge, MERGES, "merge")
        check_choice(choice, CHOICES, "choice")
        if not 1 <= patches <= grid**2:
            raise ValueError(f"patches must be 1 to {grid**2}, the cells of the grid, got {patches}")
        self.grid, self.patches, self.weighting, self.merge, self.choice = grid, patches, weighting, merge, choice
        self.where, self.what = where, what
        channels, *extent = _shape_of_features(where, (in_channels, low_size, low_size), "where", "low_size")
        seen = channels * extent[0] * extent[1]
        read = _shape_of_features(what, (in_channels, cell_size, cell_size), "what", "cell_size")[0]
        read = read if weighting == "sum" else read * patches
        self.locate = GridHead(channels, grid) if locate is None else locate
        self.project = nn.Linear(read, seen) if merge == "add" else None
        size = seen if merge == "add" else seen + read
        self.classifier = nn.Sequential(  # fc6, fc7, fc8
            *(nn.Linear(size, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            nn.Linear(hidden, num_classes),
        )
        for layer in self.classifier:
            if isinstance(layer, nn.Linear):  # as in section 3.5
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, low: Tensor, high: Tensor) -> Glimpse:
        """Classify images given twice, (B, c, h, w) and (B, c, H, W) with H and W multiples of k."""
        check_shape(high, f"{len(low)} C H W", "high")
        seen = self.where(low)  # (B, C, h', w')
        grid = attention_grid(self.locate(seen))  # (B, k, k)
        chosen = choose(grid, self.patches, self.choice if self.training else "top")  # (B, n)
        patches = extract(high, chosen, self.grid)  # (B, n, c, H/k, W/k)
        read = self.what(patches.flatten(0, 1)).mean((2, 3))  # (B n, d), global average pooling
        read = read.unflatten(0, chosen.shape)  # (B, n, d)
        read = weight(read, grid.flatten(1).gather(1, chosen), self.weighting)  # (B, d) or (B, n d)
        whole = seen.flatten(1)  # (B, C h' w')
        joined = concat(whole, read) if self.project is None else whole + self.project(read)
        return Glimpse(self.classifier(joined), grid, chosen)


@torch.no_grad()
def _shape_of_features(module: nn.Module, shape: tuple[int, int, int], name: str, size_name: str) -> torch.Size:
    """Return (C, h, w) of the feature map for an image of that shape, without leaving a trace in its BatchNorms."""
    parameter = next(module.parameters(), torch.zeros(()))
    images = torch.zeros(1, *shape, device=parameter.device, dtype=parameter.dtype)
    with evaluating(module):
        try:
            features = module(images)
        except RuntimeError as error:  # what torch raises on a wrong size or number of channels
            raise ValueError(f"{name} does not run on images of {shape}: give in_channels and {size_name}") from error
    if features.ndim != 4:
        raise ValueError(f"{name} must return a feature map (B, C, h, w), got shape {tuple(features.shape)}")
    return features.shape[1:]
