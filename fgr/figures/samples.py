"""Pictures of data: sheets of images with what is known of them drawn on top, and counts of classes."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from fgr.checks import check_shape
from fgr.figures.style import BLUE, ORANGE, VERMILION, Figure, style

TALL = 1.15  # inches a cell of a sheet


def sheet(
    images: Tensor,
    titles: Sequence[str] = (),
    columns: int = 8,
    points: Tensor | None = None,
    boxes: Tensor | None = None,
    masks: Tensor | None = None,
) -> Figure:
    """Draw images side by side, at their own pixels, with annotations.

    Args:
        images: (B, C, H, W) uint8, C being 1 or 3.
        titles: one a picture, or none.
        columns: pictures in a row.
        points: (B, N, 2) x, y in pixels; or (B, N, 3) with a flag that is 0 for points that are not visible.
        boxes: (B, 4) x0 y0 x1 y1 in pixels.
        masks: (B, H, W) bool: outlined.

    Raises:
        ValueError: if there is no image, or the number of titles differs from that of images.
    """
    check_shape(images, "B C H W", "images")
    if len(images) == 0 or (titles and len(titles) != len(images)):
        raise ValueError(f"a sheet needs images, and a title each or none; got {len(images)} and {len(titles)}")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    with style():
        figure = Figure(figsize=(TALL * columns, (TALL + (0.2 if titles else 0.0)) * rows))
        for position in range(len(images)):
            axes = figure.add_subplot(rows, columns, position + 1)
            axes.set_axis_off()
            picture = images[position].permute(1, 2, 0).numpy()
            axes.imshow(picture.squeeze(-1) if picture.shape[2] == 1 else picture, cmap="gray", vmin=0, vmax=255)
            if titles:
                axes.set_title(titles[position], fontsize=9, pad=2)
            if points is not None:
                _dots(axes, points[position].numpy())
            if boxes is not None:
                x0, y0, x1, y1 = boxes[position].tolist()
                axes.plot([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], color=ORANGE, linewidth=1)
            if masks is not None and masks[position].any():
                axes.contour(masks[position].float().numpy(), levels=[0.5], colors=[BLUE], linewidths=0.8)
    return figure


def _dots(axes, points: np.ndarray) -> None:
    seen = points[:, 2] > 0 if points.shape[1] > 2 else np.isfinite(points).all(1)
    axes.plot(points[seen, 0], points[seen, 1], ".", color=VERMILION, markersize=2)


def class_counts(targets: Tensor, classes: Sequence[str], most: int = 30) -> Figure:
    """Draw how many images each class has: bars with names, or, of more than `most` classes, the sorted counts."""
    counts = targets.bincount(minlength=len(classes)).numpy()
    with style():
        figure = Figure(figsize=(6.0, 2.2))
        axes = figure.add_subplot()
        if len(classes) <= most:
            axes.bar(range(len(counts)), counts, color=BLUE)
            axes.set_xticks(range(len(counts)))
            long = max(map(len, classes)) > 3
            axes.set_xticklabels(classes, rotation=60 if long else 0, ha="right" if long else "center", fontsize=8)
        else:
            axes.plot(range(1, len(counts) + 1), np.sort(counts)[::-1], color=BLUE)
            axes.set_xlabel("classes, the largest first")
            axes.set_ylim(0, None)
        axes.set_ylabel("images")
    return figure
