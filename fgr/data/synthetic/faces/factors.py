"""What a generated face is made of: every factor as one tensor, so that one can be changed and all others kept."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from fgr.checks import check_shape

AUS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26, 27, 43)  # action units, in this order everywhere
MAX_INTENSITY = 5  # FACS grades A to E

# Standard normal factors of a head's form; what each one moves is in `landmarks` and `surface`.
SHAPE = (
    *("face_length", "jaw_width", "jaw_angle", "chin_length", "chin_width", "cheeks", "forehead"),
    *("eye_size", "eye_spacing", "eye_tilt", "eye_opening", "lid_crease"),
    *("brow_height", "brow_arch", "brow_weight", "brow_ridge"),
    *("nose_length", "nose_width", "nose_projection", "mouth_width", "upper_lip", "lower_lip", "ears", "lopsided"),
)
HAIR = ("style", "darkness", "redness", "recedes", "grey at", "beard")
HAIR_STYLES = ("shaved", "cropped", "side parting", "fringe", "curly", "bob", "long", "tied back")
OCCLUDERS = ("glasses", "dark glasses", "hat", "earrings", "hand", "ring", "background face")


class FaceFactors(NamedTuple):
    """All that determines B faces; coordinates in units of half the face's width, angles in radians.

    * identity: (B,) int64, 0 or above; fixes what no other factor says: course of wrinkles, strands, freckles, colour
      of eyes and clothes, form of glasses.
    * age: (B,) years, 0 to 80. gender: (B,) int64, 0 woman, 1 man.
    * tone: (B,) skin from 1 (lightest) to 6 (darkest).
    * shape: (B, 24) standard normal, see `SHAPE`; what gender and age add to them comes on top.
    * hair: (B, 6) style (index into `HAIR_STYLES`), darkness 0..1, redness 0..1, tendency to recede 0..1, age at which
      half of it is grey, beard 0..1 (full), drawn on grown men only.
    * aus: (B, 19) intensities 0..5 of the action units `AUS`; 43 is 0 or 1, and a closing lid in between.
    * blink: (B,) lids closed by a blink, 0..1, which coders do not count as action unit 43.
    * gaze: (B, 2) where the eyes look, right and down, about -1..1.
    * pose: (B, 3) yaw (positive: the nose moves right), pitch (positive: up), roll (positive: clockwise).
    * camera: (B, 5) half the face's width as a share of the image's side, shift right and down in image sides,
      exposure (1 is normal), colour temperature -1..1 (warm).
    * light: (B, 3) direction of the key light (from the right: positive; from above: positive, radians) and its share
      of all light, 0..1.
    * backdrop: (B, 8) two colours (sRGB), the gradient's direction (radians) and how uneven it is, 0..1.
    * accessories: (B, 7) int64 0 or 1, see `OCCLUDERS`; a ring needs the hand.
    """

    identity: Tensor
    age: Tensor
    gender: Tensor
    tone: Tensor
    shape: Tensor
    hair: Tensor
    aus: Tensor
    blink: Tensor
    gaze: Tensor
    pose: Tensor
    camera: Tensor
    light: Tensor
    backdrop: Tensor
    accessories: Tensor

    def select(self, rows: Tensor | slice) -> Self:
        """Return the faces `rows`, (b,) int64 or a slice, in that order; rows may repeat."""
        return type(self)(*(part[rows] for part in self))

    def to(self, device: torch.device | str) -> Self:
        """Return the same factors on a device."""
        return type(self)(*(part.to(device) for part in self))

    def repeat(self, count: int) -> Self:
        """Return every face `count` times in a row."""
        return type(self)(*(part.repeat_interleave(count, 0) for part in self))

    def with_action(self, unit: int, intensity: float | Tensor) -> Self:
        """Return the same faces with one action unit at an intensity 0..5, one number or (B,)."""
        aus = self.aus.clone()
        aus[:, AUS.index(unit)] = intensity
        return self._replace(aus=aus)

    def trait(self, name: str) -> Tensor:
        """Return one factor (B,) of `shape` by its name."""
        return self.shape[:, SHAPE.index(name)]

    def action(self, unit: int) -> Tensor:
        """Return an action unit (B,) as a share of its largest intensity."""
        return self.aus[:, AUS.index(unit)] / MAX_INTENSITY

    def wears(self, occluder: str) -> Tensor:
        """Return 1.0 for the faces (B,) that have one of `OCCLUDERS`."""
        return self.accessories[:, OCCLUDERS.index(occluder)].float()


_WIDTHS = {"shape": len(SHAPE), "hair": len(HAIR), "aus": len(AUS), "gaze": 2, "pose": 3, "camera": 5, "light": 3}
_WIDTHS |= {"backdrop": 8, "accessories": len(OCCLUDERS)}
_RANGES = {"age": (0, 80), "gender": (0, 1), "tone": (1, 6), "aus": (0, 5), "blink": (0, 1), "accessories": (0, 1)}


def check_factors(factors: FaceFactors) -> None:
    """Raise ValueError, naming the factor, unless all have the shapes and ranges of `FaceFactors`."""
    batch = len(factors.identity)
    if not batch:
        raise ValueError("factors must hold at least one face")
    for name, value in factors._asdict().items():
        check_shape(value, f"{batch} {_WIDTHS[name]}" if name in _WIDTHS else str(batch), f"factors.{name}")
        if value.is_floating_point() and not value.isfinite().all():
            raise ValueError(f"factors.{name} must be finite, got {value[~value.isfinite()][0].item()}")
        low, high = _RANGES.get(name, (-float("inf"), float("inf")))
        if (wrong := (value < low) | (value > high)).any():
            raise ValueError(f"factors.{name} must lie in {low}..{high}, got {value[wrong][0].item():g}")
    if not 0 <= int(factors.hair[:, 0].min()) <= int(factors.hair[:, 0].max()) < len(HAIR_STYLES):
        raise ValueError(f"styles of hair are 0..{len(HAIR_STYLES) - 1}, got {factors.hair[:, 0].tolist()}")
    if int(factors.identity.min()) < 0:
        raise ValueError(f"factors.identity must be 0 or above, got {int(factors.identity.min())}")
    yaw, pitch = factors.pose[:, 0].abs().max(), factors.pose[:, 1].abs().max()
    if max(yaw, pitch) > MAX_TURN:
        raise ValueError(f"yaw and pitch must stay within {MAX_TURN} rad, got {max(yaw, pitch):.2f}")
    if factors.camera[:, 0].min() <= 0:
        raise ValueError(f"a face's half width must be above 0, got {factors.camera[:, 0].min():g}")


MAX_TURN = 0.8  # the relief is in front of the plane of the ears: profiles cannot be drawn


def average_face(count: int = 1, device: torch.device | str = "cpu") -> FaceFactors:
    """Return `count` times the same plain face: 35 years, neutral, frontal, evenly lit, before a grey wall.

    Example:
        >>> average_face(2).aus.shape
        torch.Size([2, 19])
    """

    def rows(*values: float) -> Tensor:
        return torch.tensor(values, device=device).expand(count, -1).clone()  # (B, n)

    zeros = torch.zeros(count, device=device)
    return FaceFactors(
        identity=zeros.long(),
        age=zeros + 35,
        gender=zeros.long(),
        tone=zeros + 3,
        shape=rows(*[0.0] * len(SHAPE)),
        hair=rows(HAIR_STYLES.index("tied back"), 0.7, 0.1, 0.0, 60.0, 0.0),
        aus=rows(*[0.0] * len(AUS)),
        blink=zeros.clone(),
        gaze=rows(0.0, 0.0),
        pose=rows(0.0, 0.0, 0.0),
        camera=rows(0.27, 0.0, 0.02, 1.0, 0.0),
        light=rows(-0.5, 0.5, 0.5),
        backdrop=rows(0.55, 0.57, 0.60, 0.70, 0.71, 0.72, 1.57, 0.2),
        accessories=torch.zeros(count, len(OCCLUDERS), dtype=torch.int64, device=device),
    )
