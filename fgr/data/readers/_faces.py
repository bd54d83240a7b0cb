"""What the readers of generated faces share: the fields that are kept, and the annotations made of them."""

from torch import Tensor

from fgr.data.readers._people import GENDERS
from fgr.data.synthetic.faces import AUS, OCCLUDERS, REGIONS

KEEP = ("images", "landmarks", "aus", "age", "gender", "skin_tone", "occluders", "regions")
LABELS = {
    "aus": tuple(f"AU{unit}" for unit in AUS),
    "gender": GENDERS,
    "occluders": OCCLUDERS,
    "regions": REGIONS,
}


def annotations(faces: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the annotations of rendered faces, all of what was kept but the images."""
    return {name: values for name, values in faces.items() if name != "images"}
