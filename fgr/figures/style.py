"""One style for every figure: colour-blind-safe colours, readable sizes, no decoration."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib import figure

# Okabe and Ito's palette: told apart under the common forms of colour blindness
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
CYCLE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
RULES = {"none": BLACK, "global": VERMILION, "local": BLUE}
MARKERS = {"none": "o", "global": "s", "local": "^"}

_SETTINGS = {
    "axes.prop_cycle": mpl.cycler(color=CYCLE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "figure.constrained_layout.use": True,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the project's style inside the block, and leave matplotlib as it was."""
    with mpl.rc_context(_SETTINGS):
        yield


class Figure(figure.Figure):
    """A figure that shows itself in any notebook, without pyplot and its global state."""

    def _repr_png_(self) -> bytes:
        png = io.BytesIO()
        self.savefig(png, format="png", dpi=140, bbox_inches="tight")
        return png.getvalue()


def panels(columns: int, rows: int = 1, height: float = 3.2, width: float = 3.6) -> tuple[Figure, np.ndarray]:
    """Return a figure with a grid of axes, and these in one array; `height` and `width` in inches each."""
    figure = Figure(figsize=(width * columns, height * rows))
    return figure, np.atleast_1d(figure.subplots(rows, columns)).ravel()
