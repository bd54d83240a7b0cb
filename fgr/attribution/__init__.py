"""Which pixels a prediction rests on, by captum, and how well such maps find what is known to matter."""

from fgr.attribution.localization import centre_prior, mask_iou, mass_inside, pointing_game
from fgr.attribution.maps import METHODS, attribute

__all__ = ["METHODS", "attribute", "centre_prior", "mask_iou", "mass_inside", "pointing_game"]
