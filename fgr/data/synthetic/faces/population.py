"""Who is photographed, how, and with what on: two populations that differ in people, camera and light.

The shares are choices that keep every factor independent enough to be told from the others, not those of any country.
"""

import dataclasses
import math

import torch
from torch import Tensor

from fgr.data.synthetic.faces.factors import AUS, HAIR_STYLES, OCCLUDERS, SHAPE, FaceFactors
from fgr.data.synthetic.hashing import bits, normal, uniform


@dataclasses.dataclass(frozen=True)
class Population:
    """ages: years at equal steps of the cumulative share, 0 to 1. men, tones: shares. hair_women, hair_men: weights of
    `HAIR_STYLES`. turn: standard deviations of yaw, pitch and roll. face: smallest and largest half width, in image
    sides. shift: largest, in image sides. exposure: its spread in stops. warmth: mean and spread. key: smallest and
    largest share of directed light. azimuth: of the light, largest. walls: brightness of backdrops, lowest and highest.
    worn: probabilities of `OCCLUDERS`, for an adult."""

    ages: tuple[float, ...]
    men: float
    tones: tuple[float, ...]
    hair_women: tuple[float, ...]
    hair_men: tuple[float, ...]
    turn: tuple[float, float, float]
    face: tuple[float, float]
    shift: float
    exposure: float
    warmth: tuple[float, float]
    key: tuple[float, float]
    azimuth: float
    walls: tuple[float, float]
    worn: tuple[float, ...]


POPULATIONS = {
    "a": Population(
        ages=(0, 4, 9, 16, 23, 30, 37, 45, 54, 65, 80),
        men=0.5,
        tones=(0.16, 0.24, 0.22, 0.16, 0.12, 0.10),
        hair_women=(0.01, 0.07, 0.08, 0.12, 0.15, 0.22, 0.22, 0.13),
        hair_men=(0.12, 0.34, 0.25, 0.09, 0.12, 0.02, 0.04, 0.02),
        turn=(0.20, 0.09, 0.06),
        face=(0.225, 0.285),
        shift=0.03,
        exposure=0.25,
        warmth=(0.0, 0.35),
        key=(0.25, 0.75),
        azimuth=1.1,
        walls=(0.25, 0.85),
        worn=(0.16, 0.04, 0.08, 0.10, 0.06, 0.4, 0.15),
    ),
    "b": Population(
        ages=(0, 8, 18, 25, 33, 42, 50, 58, 65, 72, 80),
        men=0.6,
        tones=(0.05, 0.10, 0.18, 0.25, 0.24, 0.18),
        hair_women=(0.02, 0.10, 0.05, 0.08, 0.25, 0.15, 0.18, 0.17),
        hair_men=(0.22, 0.36, 0.14, 0.05, 0.17, 0.01, 0.03, 0.02),
        turn=(0.30, 0.14, 0.10),
        face=(0.19, 0.29),
        shift=0.055,
        exposure=0.45,
        warmth=(0.45, 0.35),
        key=(0.45, 0.95),
        azimuth=1.35,
        walls=(0.08, 0.6),
        worn=(0.26, 0.07, 0.16, 0.12, 0.08, 0.4, 0.30),
    ),
}
# (share, units): expressions of photographs; a unit's intensity is drawn on its own.
_EXPRESSIONS: tuple[tuple[float, tuple[int, ...]], ...] = (
    *((0.30, ()), (0.22, (6, 12, 25)), (0.12, (12,)), (0.06, (25, 26)), (0.05, (1, 2, 5, 26)), (0.05, (4, 7, 23))),
    *((0.04, (1, 4, 15)), (0.03, (9, 10, 17)), (0.03, (4, 7)), (0.02, (14,)), (0.02, (20, 25, 5)), (0.02, (6, 12, 27))),
    *((0.02, (17, 24)), (0.02, (1, 2))),
)
_EXTREMES = 2.4  # shapes beyond so many standard deviations do not occur


def choose(share: Tensor, weights: tuple[float, ...]) -> Tensor:
    """Return a class (B,) for every uniform number (B,), with probabilities in proportion to the weights."""
    edges = torch.tensor(weights, dtype=torch.float64, device=share.device).cumsum(0)
    return torch.searchsorted(edges / edges[-1], share.double(), right=True).clamp_max(len(weights) - 1)


def between(share: Tensor, low: float, high: float) -> Tensor:
    """Return uniform numbers stretched from [0, 1) to [low, high)."""
    return low + (high - low) * share


def people(subject: Tensor, population: str, seed: int) -> FaceFactors:
    """Return the people (B,) themselves: neutral, frontal, at an age that their pictures lie around."""
    who = POPULATIONS[population]
    stream = f"face {population}"

    def draw(name: str, count: int | None = None) -> Tensor:
        return uniform(seed, subject, f"{stream} {name}", count)

    steps = draw("age") * (len(who.ages) - 1)
    ages = torch.tensor(who.ages, device=subject.device, dtype=torch.float32)
    below = steps.long().clamp_max(len(who.ages) - 2)
    age = ages[below] + (steps - below) * (ages[below + 1] - ages[below])
    gender = (draw("gender") < who.men).long()
    tone = choose(draw("tone"), who.tones) + 1
    style = torch.where(gender == 1, choose(draw("hair"), who.hair_men), choose(draw("hair"), who.hair_women))
    hair = draw("hair traits", 7)
    darkness = torch.where(tone >= 4, 0.82 + 0.18 * hair[:, 0], 0.08 + 0.9 * hair[:, 0])
    redness = torch.where(tone <= 2, hair[:, 1], 0.3 * hair[:, 1])
    grey_at = 56 + 14 * normal(seed, subject, f"{stream} grey") + 35 * (hair[:, 2] < 0.4 - 0.15 * gender)  # dyed
    beard = gender * (hair[:, 4] < 0.38) * between(hair[:, 5], 0.4, 1.0)
    shape = normal(seed, subject, f"{stream} shape", len(SHAPE)).clamp(-_EXTREMES, _EXTREMES)
    zeros = torch.zeros_like(age)
    return FaceFactors(
        identity=bits(seed, subject, f"{stream} identity") & ((1 << 62) - 1),
        age=age,
        gender=gender,
        tone=tone,
        shape=shape,
        hair=torch.stack([style.float(), darkness, redness, hair[:, 3], grey_at, beard], 1),
        aus=zeros[:, None].expand(-1, len(AUS)).clone(),
        blink=zeros.clone(),
        gaze=zeros[:, None].expand(-1, 2).clone(),
        pose=zeros[:, None].expand(-1, 3).clone(),
        camera=zeros.new_tensor([0.25, 0.0, 0.02, 1.0, 0.0]).expand(len(age), -1).clone(),
        light=zeros.new_tensor([-0.5, 0.5, 0.5]).expand(len(age), -1).clone(),
        backdrop=zeros.new_tensor([0.5, 0.5, 0.5, 0.6, 0.6, 0.6, 1.57, 0.2]).expand(len(age), -1).clone(),
        accessories=torch.zeros(len(age), len(OCCLUDERS), dtype=torch.int64, device=age.device),
    )


def photographs(index: Tensor, subject: Tensor, population: str, seed: int, occlusion: float) -> FaceFactors:
    """Return pictures (B,) of people: another day, expression, pose, light, camera, and things worn.

    Args:
        index: (B,) of the pictures.
        subject: (B,) who is on them.
        population: a key of `POPULATIONS`.
        seed: of the set.
        occlusion: factor on the probability of everything that hides a face, 0 or above.
    """
    who = POPULATIONS[population]
    stream = f"picture {population}"

    def draw(name: str, count: int | None = None) -> Tensor:
        return uniform(seed, index, f"{stream} {name}", count)

    person = people(subject, population, seed)
    spread = (0.05 * person.age).clamp(0.15, 2.0)  # children change fast
    age = (person.age + spread * (2 * draw("day") - 1)).clamp(0, 80)
    pose = normal(seed, index, f"{stream} pose", 3) * age.new_tensor(who.turn)
    pose = pose.clamp(-0.62, 0.62) * pose.new_tensor([1.0, 0.6, 1.0])
    camera, light = draw("camera", 5), draw("light", 3)
    exposure = torch.exp2(who.exposure * (2 * camera[:, 3] - 1)) * (0.90 + 0.055 * person.tone)
    gaze = 0.5 * (2 * draw("gaze", 2) - 1) - pose[:, :2] * pose.new_tensor([1.2, -1.2])  # mostly at the camera
    return person._replace(
        age=age,
        aus=expressions(index, seed, stream),
        gaze=gaze.clamp(-1, 1),
        pose=pose,
        camera=torch.stack(
            [
                between(camera[:, 0], *who.face),
                who.shift * (2 * camera[:, 1] - 1),
                0.02 + who.shift * (2 * camera[:, 2] - 1),
                exposure,
                (who.warmth[0] + who.warmth[1] * (2 * camera[:, 4] - 1)).clamp(-1, 1),
            ],
            1,
        ),
        light=torch.stack(
            [who.azimuth * (2 * light[:, 0] - 1), between(light[:, 1], 0.05, 0.95), between(light[:, 2], *who.key)], 1
        ),
        backdrop=_backdrops(draw("backdrop", 8), who.walls),
        accessories=_worn(person, age, draw("worn", 7), uniform(seed, subject, f"{stream} wears", 7), who, occlusion),
    )


def expressions(index: Tensor, seed: int, stream: str) -> Tensor:
    """Return action units (B, 19) of photographs: an expression, and faint units that happen to be there."""
    table = torch.zeros(len(_EXPRESSIONS), len(AUS), device=index.device)
    for row, (_, units) in enumerate(_EXPRESSIONS):
        table[row, [AUS.index(unit) for unit in units]] = 1
    kind = choose(uniform(seed, index, f"{stream} expression"), tuple(share for share, _ in _EXPRESSIONS))
    strength = uniform(seed, index, f"{stream} strength", len(AUS))
    overall = uniform(seed, index, f"{stream} overall")[:, None]
    aus = table[kind] * (1 + 4 * overall) * (0.6 + 0.4 * strength)
    chance = uniform(seed, index, f"{stream} chance", len(AUS))
    apart = AUS.index(27)  # a mouth wide open, or closed eyes, do not happen by chance
    faint = (chance < 0.04) * 2.5 * strength * (torch.arange(len(AUS), device=index.device) < apart)
    aus = torch.maximum(aus, faint)
    aus[:, -1] = (uniform(seed, index, f"{stream} closed") < 0.03).float()
    return aus


def _backdrops(draw: Tensor, walls: tuple[float, float]) -> Tensor:
    base = between(draw[:, :1], *walls)
    one = base * (1 + 0.22 * (draw[:, 1:4] - 0.5))
    two = base * (0.6 + 0.8 * draw[:, 4:5]) * (1 + 0.22 * (draw[:, 3:6] - 0.5))
    return torch.cat([one, two, 2 * math.pi * draw[:, 6:7], draw[:, 7:8]], 1).clamp_min(0)


def _worn(person: FaceFactors, age: Tensor, draw: Tensor, habit: Tensor, who: Population, occlusion: float) -> Tensor:
    """Return what is worn (B, 7): clear glasses are a habit of a person, the rest a matter of the day."""
    chance = draw.new_tensor(who.worn) * occlusion
    chance = chance.expand(len(draw), -1).clone()
    grown = ((age - 3) / 12).clamp(0.1, 1)
    chance[:, :2] *= grown[:, None] * (0.6 + 0.012 * age)[:, None]
    chance[:, 3] *= grown * (1.6 - 1.3 * person.gender)
    drawn = draw.clone()
    drawn[:, 0] = 0.85 * habit[:, 0] + 0.15 * draw[:, 0]
    worn = (drawn < chance).long()
    worn[:, 0] *= 1 - worn[:, 1]  # one pair of glasses
    worn[:, 5] = (draw[:, 5] < who.worn[5]).long() * worn[:, 4]  # a ring needs the hand
    return worn


def background_people(index: Tensor, population: str, seed: int, main: FaceFactors) -> FaceFactors:
    """Return who stands behind the faces `main` (B,): somebody else, smaller, to the left or the right."""
    seed = seed ^ 0x2545F491
    other = photographs(index, index, population, seed, 0.0)
    place = uniform(seed, index, "background face", 3)
    side = torch.where(place[:, 0] < 0.5, -1.0, 1.0)
    camera = other.camera.clone()
    camera[:, 0] = main.camera[:, 0] * between(place[:, 1], 0.35, 0.6)
    camera[:, 1] = side * between(place[:, 2], 0.32, 0.44)
    camera[:, 2] = 0.16 * (2 * place[:, 0] - 1)
    camera[:, 3:] = main.camera[:, 3:]
    return other._replace(camera=camera, light=main.light)


# Tables above must have a number for each of these.
assert all(len(p.hair_women) == len(p.hair_men) == len(HAIR_STYLES) for p in POPULATIONS.values())
