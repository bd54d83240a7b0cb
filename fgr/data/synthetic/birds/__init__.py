"""Generated birds: up to 200 species in a tree, with attributes, parts, boxes and masks of every image."""

from fgr.data.synthetic.birds.attributes import ATTRIBUTE_GROUPS, ATTRIBUTES, PARTS, AttributeGroup
from fgr.data.synthetic.birds.render import BirdBatch, render_birds
from fgr.data.synthetic.birds.taxonomy import LEVELS, Taxonomy, separating_parts, taxonomy

__all__ = [
    "ATTRIBUTES",
    "ATTRIBUTE_GROUPS",
    "LEVELS",
    "PARTS",
    "AttributeGroup",
    "BirdBatch",
    "Taxonomy",
    "render_birds",
    "separating_parts",
    "taxonomy",
]
