"""Generated faces: pictures that depend on seed and index alone, and truth that agrees with the pictures."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.data.synthetic.faces import (
    ACTION_REGIONS,
    AGE_REGIONS,
    AUS,
    FACE_REGIONS,
    OCCLUDERS,
    REGIONS,
    SHAPE,
    FaceBatch,
    average_face,
    draw_faces,
    region,
    render_faces,
)
from fgr.data.synthetic.faces.population import people, photographs

RIGHT_EYE, LEFT_EYE = slice(42, 48), slice(36, 42)  # as seen in the picture
CORNERS, INNER_UPPER_LIP, INNER_LOWER_LIP, NOSE_TIP, CHIN = [48, 54], 61, 64, 30, 8


@pytest.fixture(scope="module")
def faces() -> FaceBatch:
    """Pictures of population a, some with everything that can hide a face."""
    return render_faces(range(1000, 1048), 48, per_subject=4, occlusion=2.0)


@pytest.fixture(scope="module")
def at_rest() -> FaceBatch:
    """The average face, neutral."""
    return draw_faces(average_face(), 64)


def moved(unit: int, intensity: float = 5.0) -> tuple[Tensor, FaceBatch]:
    """Return how an action unit moves the landmarks (66, 2) of the average face, in pixels of 64, and the picture."""
    faces = draw_faces(average_face().with_action(unit, 1.0 if unit == 43 else intensity), 64)
    return faces.landmarks[0] - draw_faces(average_face(), 64).landmarks[0], faces


def assert_same(some: FaceBatch, rows: Tensor, whole: FaceBatch) -> None:
    """Assert that pictures agree to one grey level, regions in all but a pixel on an edge, and numbers to rounding."""
    assert (some.images.int() - whole.images[rows].int()).abs().max() <= 1
    assert (some.regions != whole.regions[rows]).sum() <= len(rows)
    torch.testing.assert_close(some.landmarks, whole.landmarks[rows], rtol=0, atol=1e-3)
    torch.testing.assert_close(some.aus, whole.aus[rows])
    assert torch.equal(some.subject, whole.subject[rows]) and torch.equal(some.occluders, whole.occluders[rows])


def test_shapes_and_types(faces: FaceBatch) -> None:
    """As `FaceBatch` documents them."""
    assert faces.images.shape == (48, 3, 48, 48) and faces.images.dtype == torch.uint8
    assert faces.landmarks.shape == (48, 66, 2) and faces.landmarks.dtype == torch.float32
    assert faces.aus.shape == (48, 19) and faces.age.shape == faces.gender.shape == faces.subject.shape == (48,)
    assert faces.gender.dtype == faces.subject.dtype == faces.skin_tone.dtype == torch.int64
    assert faces.occluders.shape == (48, len(OCCLUDERS)) and faces.occluders.dtype == torch.bool
    assert faces.regions.shape == (48, 48, 48) and faces.regions.dtype == torch.uint8
    assert faces.regions.max() < len(REGIONS)


def test_ranges(faces: FaceBatch) -> None:
    """Ages are 0 to 80, tones 1 to 6, intensities 0 to 5, and eyes are closed or open."""
    assert faces.age.min() >= 0 and faces.age.max() <= 80 and set(faces.skin_tone.tolist()) <= set(range(1, 7))
    assert faces.aus.min() >= 0 and faces.aus.max() <= 5 and set(faces.aus[:, -1].tolist()) <= {0.0, 1.0}


def test_a_sample_does_not_depend_on_its_batch(faces: FaceBatch) -> None:
    """Alone, in another order, in another chunk: the same picture and the same truth."""
    options = {"size": 48, "per_subject": 4, "occlusion": 2.0}
    for rows in (torch.randperm(48)[:9], torch.tensor([5]), torch.tensor([47, 0])):
        assert_same(render_faces(1000 + rows, **options), rows, faces)
    assert_same(render_faces((1000 + torch.arange(3, dtype=torch.int32)).tolist(), **options), torch.arange(3), faces)


def test_chunks_do_not_matter(faces: FaceBatch, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many are drawn at once."""
    monkeypatch.setattr("fgr.data.synthetic.faces.draw.PIXELS_AT_ONCE", 5 * 48**2)
    assert_same(render_faces(range(1000, 1012), 48, per_subject=4, occlusion=2.0), torch.arange(12), faces)


def test_seeds_populations_and_samples_differ(faces: FaceBatch) -> None:
    """Another seed or population gives other pictures; no two samples are alike."""
    for options in ({"seed": 1}, {"population": "b"}):
        other = render_faces(range(1000, 1010), 48, per_subject=4, occlusion=2.0, **options)
        assert ((other.images.float() - faces.images[:10].float()).abs().mean((1, 2, 3)) > 5).all()
    flat = faces.images.flatten(1).float()
    assert (torch.cdist(flat, flat) + 1e9 * torch.eye(48)).min() > 100


def test_a_scene_is_the_same_at_any_size() -> None:
    """Landmarks scale with the side; the small picture is the large one, averaged."""
    small, large = (render_faces(range(24), size) for size in (32, 128))
    torch.testing.assert_close(small.landmarks * 4, large.landmarks, rtol=0, atol=1e-2)
    averaged = F.avg_pool2d(large.images.float(), 4)
    assert (averaged - small.images.float()).abs().mean() < 5
    assert (small.regions == large.regions[:, 2::4, 2::4]).float().mean() > 0.9


def test_pictures_of_a_person_share_what_lasts(faces: FaceBatch) -> None:
    """Picture i shows subject i // per_subject: same gender and tone, nearly the same age, another pose."""
    assert faces.subject.tolist() == [i // 4 for i in range(1000, 1048)]
    for same in (faces.gender, faces.skin_tone):
        assert (same.view(12, 4) == same.view(12, 4)[:, :1]).all()
    ages = faces.age.view(12, 4)
    assert (ages.amax(1) - ages.amin(1)).max() <= 4 and (ages.std(1) > 0).any()


@pytest.mark.parametrize("population", ["a", "b"])
def test_populations_have_all_kinds_of_people(population: str) -> None:
    """Every decade, both genders, all tones; pose stays where the relief can be drawn."""
    index = torch.arange(2000)
    drawn = photographs(index, index, population, 0, 1.0)
    assert (drawn.age / 10).long().clamp_max(7).bincount().min() > 50
    assert 0.4 < drawn.gender.float().mean() < 0.7 and drawn.tone.bincount()[1:].min() > 50
    assert drawn.pose[:, :2].abs().max() < 0.8 and drawn.accessories.float().mean(0)[:5].min() > 0.01


def test_population_b_differs() -> None:
    """Older and darker people, larger turns, warmer light: means lie clearly apart."""
    index = torch.arange(2000)
    a, b = (photographs(index, index, population, 0, 1.0) for population in "ab")
    assert b.age.mean() > a.age.mean() + 5 and b.tone.float().mean() > a.tone.float().mean() + 0.5
    assert b.pose[:, 0].std() > 1.2 * a.pose[:, 0].std() and b.camera[:, 4].mean() > a.camera[:, 4].mean() + 0.3


def test_gender_and_shape_overlap() -> None:
    """No trait and no hairstyle tells gender; each side has people like the other's average."""
    drawn = people(torch.arange(4000), "a", 0)
    for gender in (0, 1):
        assert set(drawn.hair[drawn.gender == gender, 0].long().tolist()) == set(range(8))
    assert (drawn.hair[drawn.gender == 0, 5] == 0).all()  # beards are drawn on men, most of whom have none
    assert 0.2 < (drawn.hair[drawn.gender == 1, 5] > 0).float().mean() < 0.5
    assert (drawn.shape[drawn.gender == 0].mean(0) - drawn.shape[drawn.gender == 1].mean(0)).abs().max() < 0.15


# ---------------------------------------------------------------- action units


def test_brows() -> None:
    """AU1 lifts their inner ends, AU2 the outer ones; AU4 lowers them and draws them together."""
    inner, outer = [21, 22], [17, 26]
    one, two, four = (moved(unit)[0] for unit in (1, 2, 4))
    assert (one[inner, 1] < -1).all() and (one[outer, 1].abs() < 0.3).all()
    assert (two[outer, 1] < -1).all() and (two[inner, 1].abs() < two[outer, 1].abs() / 2).all()
    assert (four[17:27, 1] > 0.2).all() and four[21, 0] > 0.5 and four[22, 0] < -0.5


def test_lids(at_rest: FaceBatch) -> None:
    """AU5 raises the upper lid, AU7 narrows the eye from both sides, AU6 raises the lower lid, AU43 closes the eye."""
    upper, lower = [37, 38, 43, 44], [40, 41, 46, 47]
    five, six, seven, closed = (moved(unit)[0] for unit in (5, 6, 7, 43))
    assert (five[upper, 1] < -0.5).all() and (five[lower, 1].abs() < 0.1).all()
    assert (six[lower, 1] < -0.2).all()
    assert (seven[upper, 1] > 0.2).all() and (seven[lower, 1] < -0.2).all()
    landmarks = at_rest.landmarks[0] + closed
    height = landmarks[[41, 40, 46, 47], 1] - landmarks[[37, 38, 44, 43], 1]
    assert (height.abs() < 0.05).all()
    assert (at_rest.landmarks[0, [41, 40, 46, 47], 1] - at_rest.landmarks[0, [37, 38, 44, 43], 1] > 1.5).all()


def test_nose_and_upper_lip() -> None:
    """AU9 and AU10 raise the wings of the nose and the upper lip, AU10 the lip more, AU9 the wings more."""
    wings, lip = [31, 35], [50, 51, 52]
    nine, ten = moved(9)[0], moved(10)[0]
    assert (nine[wings, 1] < -0.5).all() and (nine[lip, 1] < -0.5).all()
    assert (ten[lip, 1] < nine[lip, 1]).all() and (ten[wings, 1] > nine[wings, 1]).all()


def test_corners_of_the_mouth() -> None:
    """AU12 pulls them up and out, AU15 down, AU20 out, AU14 out; AU23 and AU24 draw them in."""
    twelve, down, stretch, dimple, tight, press = (moved(unit)[0][CORNERS] for unit in (12, 15, 20, 14, 23, 24))
    assert (twelve[:, 1] < -1).all() and twelve[0, 0] < -1 and twelve[1, 0] > 1
    assert (down[:, 1] > 1).all()
    for wide in (stretch, dimple):
        assert wide[0, 0] < -0.5 and wide[1, 0] > 0.5
    for narrow in (tight, press):
        assert narrow[0, 0] > 0.2 and narrow[1, 0] < -0.2


def test_chin_and_jaw(at_rest: FaceBatch) -> None:
    """AU17 pushes the lower lip up; AU25, 26 and 27 part the lips, each more, the last two with the jaw."""
    assert (moved(17)[0][[56, 57, 58], 1] < -0.5).all()
    moves = [moved(unit)[0] for unit in (25, 26, 27)]
    gaps = [(move[INNER_LOWER_LIP, 1] - move[INNER_UPPER_LIP, 1]).item() for move in moves]
    assert 0.5 < gaps[0] < gaps[1] < gaps[2] and gaps[2] > 5
    jaw = [move[CHIN, 1].item() for move in moves]
    assert abs(jaw[0]) < 0.01 < 2 < jaw[1] < jaw[2]


@pytest.mark.parametrize("unit", AUS)
def test_every_unit_is_seen_where_its_muscle_is(unit: int, at_rest: FaceBatch) -> None:
    """Most of the change of the picture lies in its regions, also where no landmark is (furrows, folds)."""
    _, faces = moved(unit)
    change = (faces.images.float() - at_rest.images.float()).abs().sum(1)[0]
    there = torch.zeros_like(change, dtype=torch.bool)
    for name in ACTION_REGIONS[unit]:
        there |= (at_rest.regions[0] == region(name)) | (faces.regions[0] == region(name))
    there = F.max_pool2d(there[None, None].float(), 5, 1, 2)[0, 0] > 0
    face = sum(at_rest.regions[0] == region(name) for name in FACE_REGIONS) > 0
    assert change.max() > 15
    share = change[there].sum() / change.sum()
    assert share > 0.6 and share > 1.2 * (there & face).sum() / face.sum()


def test_furrows_without_landmarks() -> None:
    """Skin between the brows darkens with AU4, and the fold beside the nose with AU10, where no landmark moves."""
    rest, frown, sneer = (draw_faces(average_face().with_action(*unit), 128) for unit in ((4, 0), (4, 5), (10, 5)))
    dark = [face.images[0].float().mean(0) for face in (rest, frown, sneer)]
    x, y = ((rest.landmarks[0, 21] + rest.landmarks[0, 22]) / 2).long().tolist()
    place = (slice(y - 4, y + 8), slice(x - 7, x + 8))
    assert dark[1][place].min() < dark[0][place].min() - 15
    wing, corner = rest.landmarks[0, 35], rest.landmarks[0, 54]
    x, y = (0.5 * (wing + corner) + torch.tensor([4.0, 0.0])).long().tolist()
    place = (slice(y - 5, y + 6), slice(x - 6, x + 7))
    assert dark[2][place].min() < dark[0][place].min() - 10


def test_intensity_moves_in_proportion() -> None:
    """Half the intensity moves the corner of the mouth half as far."""
    half, full = moved(12, 2.5)[0][54], moved(12, 5.0)[0][54]
    torch.testing.assert_close(2 * half, full, rtol=0.05, atol=0.02)


# ---------------------------------------------------------------- pose, regions


def test_pose_turns_the_head(at_rest: FaceBatch) -> None:
    """Yaw moves the nose's tip right against the eyes, pitch up; roll turns the line of the eyes clockwise."""

    def nose(pose: tuple[float, float, float]) -> Tensor:
        marks = draw_faces(average_face()._replace(pose=torch.tensor([pose])), 64).landmarks[0]
        return marks[NOSE_TIP] - marks[[36, 39, 42, 45]].mean(0)

    still = nose((0.0, 0.0, 0.0))
    assert nose((0.3, 0.0, 0.0))[0] > still[0] + 2 and nose((-0.3, 0.0, 0.0))[0] < still[0] - 2
    assert nose((0.0, 0.2, 0.0))[1] < still[1] - 1 and nose((0.0, -0.2, 0.0))[1] > still[1] + 1
    rolled = draw_faces(average_face()._replace(pose=torch.tensor([[0.0, 0.0, 0.2]])), 64).landmarks[0]
    line = rolled[45] - rolled[36]
    assert torch.atan2(line[1], line[0]).item() == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize("yaw", [0.0, 0.5])
def test_jaw_follows_the_outline(yaw: float) -> None:
    """Just inside the jaw's landmarks there is face, just outside there is none."""
    factors = average_face()._replace(pose=torch.tensor([[yaw, 0.0, 0.0]]))
    faces = draw_faces(factors, 128)
    centre = faces.landmarks[0, 27:31].mean(0)
    jaw = faces.landmarks[0, [3, 4, 5, 11, 12, 13]]
    face = torch.tensor([region(name) for name in FACE_REGIONS])

    def is_face(points: Tensor) -> Tensor:
        x, y = points.long().unbind(1)
        return torch.isin(faces.regions[0, y, x].long(), face)

    assert is_face(centre + 0.93 * (jaw - centre)).all()
    assert not is_face(centre + 1.09 * (jaw[3 if yaw else 0 :] - centre)).any()


def test_regions_agree_with_landmarks() -> None:
    """Eyes, nose and mouth are where their landmarks are, in turned faces of any age, if nothing hides them."""
    index = torch.arange(60)
    faces = render_faces(index, 64, per_subject=1, occlusion=0.0)
    for part, name in ((RIGHT_EYE, "eyes"), (LEFT_EYE, "eyes"), (slice(48, 66), "mouth"), (slice(28, 31), "nose")):
        centre = faces.landmarks[:, part].mean(1)
        x, y = centre.long().unbind(1)
        assert (faces.regions[index, y, x] == region(name)).all(), name


def test_occluders_hide_the_face() -> None:
    """Each shows as 'occluder' where there was something else, a background face as itself; none without one."""
    plain = average_face(7)
    assert (draw_faces(plain, 64).regions != region("occluder")).all()
    worn = plain._replace(accessories=torch.eye(7, dtype=torch.int64))
    worn.accessories[5, 4] = 1  # the ring needs its hand
    behind = average_face(7)
    behind.camera[:, :3] = torch.tensor([0.12, 0.4, 0.0])
    faces = draw_faces(worn, 96, behind)
    hidden = (faces.regions == region("occluder")).flatten(1).sum(1)
    assert (hidden[:6] > 3).all() and hidden[6] == 0
    assert (faces.regions[6] == region("background face")).sum() > 50
    assert (faces.images[5].int() - faces.images[4].int()).abs().amax() > 30
    assert torch.equal(faces.occluders, worn.accessories.bool())


def test_every_region_occurs_and_groups_are_regions(faces: FaceBatch) -> None:
    """Names are known; every one is drawn somewhere."""
    assert set(range(len(REGIONS))) == set(faces.regions.unique().tolist())
    assert set(AGE_REGIONS) <= set(REGIONS) and set(FACE_REGIONS) <= set(REGIONS) and set(ACTION_REGIONS) == set(AUS)
    with pytest.raises(ValueError, match=r"region must be one of .*, got 'elbow'"):
        region("elbow")


# ---------------------------------------------------------------- age


def wrinkles(age: float, size: int) -> float:
    """Return how much a bare face differs from its smoothed self on cheeks, forehead and beside the eyes."""
    factors = average_face()._replace(age=torch.tensor([age]))
    factors.hair[:, 0], factors.hair[:, 4] = 0, 200.0
    faces = draw_faces(factors, size)
    skin = sum(faces.regions == region(name) for name in ("forehead", "cheeks", "skin")) > 0
    skin = -F.max_pool2d(-skin[:, None].float(), 5, 1, 2)[:, 0] > 0
    grey = faces.images.float().mean(1, keepdim=True)
    fine = (grey - F.avg_pool2d(F.pad(grey, (1, 1, 1, 1), mode="reflect"), 3, 1))[:, 0]
    return (fine[skin].square().mean().sqrt() / grey[:, 0][skin].mean()).item()


def test_wrinkles_need_resolution() -> None:
    """Fine lines grow with age at 192 pixels and are all but gone at 32."""
    high = [wrinkles(age, 192) for age in (25.0, 50.0, 65.0, 80.0)]
    assert high == sorted(high) and high[3] > 2 * high[0]
    low = [wrinkles(age, 32) for age in (25.0, 80.0)]
    assert low[1] - low[0] < 0.35 * (high[3] - high[0])


def test_heads_grow() -> None:
    """Children have larger eyes and shorter faces below them, for the same half width."""
    factors = average_face(3)._replace(age=torch.tensor([1.0, 8.0, 30.0]))
    marks = draw_faces(factors, 128).landmarks
    lower = marks[:, CHIN, 1] - marks[:, 36:48, 1].mean(1)
    eye = marks[:, 45, 0] - marks[:, 42, 0]
    assert lower[0] < lower[1] < lower[2] and eye[0] > eye[1] > eye[2]


def test_factors_are_separate() -> None:
    """One trait changed leaves the rest of the truth alone and moves what it names."""
    factors = average_face(2)
    factors.shape[1, SHAPE.index("mouth_width")] = 2.0
    marks = draw_faces(factors, 128).landmarks
    width = marks[:, 54, 0] - marks[:, 48, 0]
    assert width[1] > width[0] + 2
    torch.testing.assert_close(marks[0, :48], marks[1, :48], rtol=0, atol=1e-3)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index": []}, "index must hold at least one"),
        ({"index": [-1]}, "index must hold at least one"),
        ({"index": [0.5]}, "index must hold at least one"),
        ({"size": 8}, "size must be at least 16"),
        ({"population": "c"}, "population must be one of 'a', 'b', got 'c'"),
        ({"per_subject": 0}, "per_subject must be at least 1"),
        ({"occlusion": -0.1}, "occlusion must lie in"),
    ],
)
def test_bad_options(options: dict[str, object], message: str) -> None:
    """Each is refused by name."""
    with pytest.raises(ValueError, match=message):
        render_faces(**{"index": [0], "size": 16, **options})


@pytest.mark.parametrize(
    ("factor", "value", "message"),
    [
        ("age", 81.0, r"factors.age must lie in 0..80, got 81"),
        ("aus", 6.0, r"factors.aus must lie in 0..5, got 6"),
        ("pose", 1.2, r"yaw and pitch must stay within 0.8"),
        ("shape", float("nan"), r"factors.shape must be finite"),
        ("hair", 8.0, r"styles of hair are 0..7"),
        ("identity", -1, r"factors.identity must be 0 or above"),
        ("camera", 0.0, r"half width must be above 0"),
    ],
)
def test_bad_factors(factor: str, value: float, message: str) -> None:
    """Each is refused by name."""
    factors = average_face()
    getattr(factors, factor).fill_(value)
    with pytest.raises(ValueError, match=message):
        draw_faces(factors, 16)


def test_shapes_of_factors_are_checked() -> None:
    """A missing column is named; so is a missing background face."""
    with pytest.raises(ValueError, match=r"factors.aus must have shape \(1, 19\), got \(1, 18\)"):
        draw_faces(average_face()._replace(aus=torch.zeros(1, 18)), 16)
    factors = average_face()
    factors.accessories[:, OCCLUDERS.index("background face")] = 1
    with pytest.raises(ValueError, match="give `behind`"):
        draw_faces(factors, 16)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_draws_the_same() -> None:
    """To two grey levels, as sums are ordered otherwise there."""
    some = torch.arange(8)
    here, there = render_faces(some, 48), render_faces(some, 48, device="cuda")
    assert (here.images.int() - there.images.cpu().int()).abs().float().mean() < 0.1
