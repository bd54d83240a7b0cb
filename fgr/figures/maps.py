"""Pictures of where a network looks: maps laid over images, with the scale they are drawn in."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor
from torch.nn import functional as F

from fgr.checks import check_shape
from fgr.figures.runs import not_run
from fgr.figures.style import ORANGE, Figure, style

CELL = 1.25  # inches a picture
SCALE = "cividis"  # even steps of brightness, alike for all eyes


def maps_beside(images: Tensor, maps: Mapping[str, Tensor], masks: Tensor | None = None) -> Figure:
    """Draw images in the first row and, below each, every kind of map of it; the object outlined in all of them.

    Each map is scaled to its own maximum, since kinds differ in unit.

    Args:
        images: (B, C, H, W) uint8, C being 1 or 3.
        maps: name -> (B, h, w), 0 or above, at any resolution.
        masks: (B, H, W) bool, what is known to matter.

    Raises:
        ValueError: if shapes do not fit.
    """
    check_shape(images, "B C H W", "images")
    with style():
        figure = Figure(figsize=(CELL * len(images) + 1.0, CELL * (len(maps) + 1)))
        axes = figure.subplots(len(maps) + 1, len(images), squeeze=False)
        for ax in axes.flat:
            ax.set(xticks=[], yticks=[])
            ax.grid(visible=False)
        for column, image in enumerate(images):
            picture = image.permute(1, 2, 0).numpy()
            axes[0, column].imshow(picture.squeeze(-1) if len(image) == 1 else picture, cmap="gray", vmin=0, vmax=255)
        axes[0, 0].set_ylabel("image", rotation=0, ha="right", va="center")
        for row, (name, values) in enumerate(maps.items(), start=1):
            check_shape(values, f"{len(images)} h w", name)
            large = F.interpolate(values[:, None].float(), images.shape[2:], mode="bilinear", align_corners=False)[:, 0]
            for column, one in enumerate(large):
                shown = axes[row, column].imshow((one / one.max().clamp_min(1e-12)).numpy(), cmap=SCALE, vmin=0, vmax=1)
            axes[row, 0].set_ylabel(name, rotation=0, ha="right", va="center")
        if masks is not None:
            for column, mask in enumerate(masks):
                for ax in axes[:, column]:
                    ax.contour(mask.float().numpy(), levels=[0.5], colors=[ORANGE], linewidths=0.9)
        if maps:
            figure.colorbar(shown, ax=axes, shrink=0.5, label="share of the map's maximum", aspect=30)
    return figure


def overlays(images: Tensor, maps: Tensor, titles: list[str] | None = None, columns: int = 8) -> Figure:
    """Lay one map over each image, all in one scale with its colour bar; the image shows through in grey.

    Args:
        images: (B, C, H, W) uint8.
        maps: (B, h, w) weights, e.g. attention that sums to one; a coarse map keeps its cells visible.
        titles: one an image.
        columns: pictures in a row.
    """
    check_shape(images, "B C H W", "images")
    check_shape(maps, f"{len(images)} h w", "maps")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    height, width = images.shape[2:]
    with style():
        figure = Figure(figsize=(CELL * columns + 1.0, (CELL + (0.2 if titles else 0)) * rows))
        axes = figure.subplots(rows, columns, squeeze=False)
        for ax in axes.flat:
            ax.set_axis_off()
        top = float(maps.max())
        for ax, image, values, title in zip(axes.flat, images, maps, titles or [""] * len(images)):
            grey = image.float().mean(0).numpy()
            ax.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
            shown = ax.imshow(values.numpy(), cmap=SCALE, vmin=0, vmax=top, alpha=0.55, extent=(0, width, height, 0))
            ax.set_title(title, fontsize=7, pad=2)
        figure.colorbar(shown, ax=axes, shrink=0.7, label="attention weight", aspect=25)
    return figure


def confusion(matrix: np.ndarray, names: list[str], title: str = "") -> Figure:
    """Draw a confusion matrix: rows are true classes, columns predicted ones, cells the share of the row in percent.

    Args:
        matrix: (L, L) counts.
        names: of the classes.

    A matrix without counts says that nothing was run.
    """
    return confusions({title: matrix}, names)


def confusions(matrices: Mapping[str, np.ndarray], names: list[str]) -> Figure:
    """Draw confusion matrices of the same classes side by side, in one scale: title -> (L, L) counts.

    See `confusion`; if none has counts, the figure says that nothing was run.
    """
    size = 1.6 + 0.42 * len(names)
    with style():
        figure = Figure(figsize=(0.8 + (0.42 * len(names) + 0.3) * (len(matrices) - 1) + size, size))
        if not any(matrix.any() for matrix in matrices.values()):
            figure.add_subplot().grid(visible=False)
            return not_run(figure)
        panels = figure.subplots(1, len(matrices), squeeze=False)[0]
        ticks = range(len(names))
        for axes, (title, matrix) in zip(panels, matrices.items()):
            shares = 100 * matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
            axes.grid(visible=False)
            shown = axes.imshow(shares, cmap=SCALE, vmin=0, vmax=100)
            axes.set(xticks=ticks, yticks=ticks, xlabel="predicted", title=title)
            axes.set_xticklabels(names, rotation=60, ha="right", fontsize=8)
            axes.set_yticklabels(names if axes is panels[0] else [], fontsize=8)
            if len(names) <= 15:
                for row, column in np.ndindex(shares.shape):
                    ink = "white" if shares[row, column] < 55 else "black"
                    axes.text(
                        column, row, f"{shares[row, column]:.0f}", ha="center", va="center", fontsize=7, color=ink
                    )
        panels[0].set_ylabel("true")
        figure.colorbar(shown, ax=list(panels), shrink=0.8, label="share of the true class (%)")
    return figure
