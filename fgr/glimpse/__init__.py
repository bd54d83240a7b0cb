"""Where/what glimpse attention, chapter 3: accuracy gained per pixel read."""

from fgr.glimpse.ages import expected_value
from fgr.glimpse.combine import concat, weight
from fgr.glimpse.grid import GridHead, LinearGridHead, attention_grid, choose, share_read
from fgr.glimpse.network import Glimpse, GlimpseNet
from fgr.glimpse.patches import cell_boxes, extract

__all__ = [
    "Glimpse",
    "GlimpseNet",
    "GridHead",
    "LinearGridHead",
    "attention_grid",
    "cell_boxes",
    "choose",
    "concat",
    "expected_value",
    "extract",
    "share_read",
    "weight",
]
