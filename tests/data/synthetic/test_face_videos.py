"""Videos of generated faces: pain that is scored by its formula, emotions by their recipes, frames drawn lazily."""

import itertools

import pytest
import torch

from fgr.data.synthetic.faces import (
    AUS,
    EMOTIONS,
    EmotionVideos,
    PainVideos,
    emotion_videos,
    pain_videos,
    pspi,
    render_emotions,
    render_pain,
)
from fgr.data.synthetic.faces.emotions import COUNTS
from fgr.data.synthetic.faces.pain import painful_frames
from fgr.data.synthetic.faces.timeline import blinks, drift, numbered_frames


@pytest.fixture(scope="module")
def pain() -> PainVideos:
    """The whole table with its defaults: 25 subjects, 200 videos."""
    return pain_videos()


@pytest.fixture(scope="module")
def emotions() -> EmotionVideos:
    """The whole table with its defaults: 120 subjects, 327 videos."""
    return emotion_videos()


def columns(*units: int) -> list[int]:
    """Return the columns of action units."""
    return [AUS.index(unit) for unit in units]


# ---------------------------------------------------------------- PSPI


@pytest.mark.parametrize(
    ("grades", "score"),
    [
        ({}, 0),
        ({4: 1}, 1),
        ({6: 2, 7: 4}, 4),
        ({6: 5, 7: 4}, 5),
        ({9: 3, 10: 1}, 3),
        ({9: 1, 10: 2}, 2),
        ({43: 1}, 1),
        ({1: 5, 2: 5, 5: 5, 12: 5, 14: 5, 15: 5, 17: 5, 20: 5, 23: 5, 24: 5, 25: 5, 26: 5, 27: 5}, 0),
        ({4: 2, 6: 3, 7: 1, 9: 2, 10: 4, 12: 5, 43: 1}, 10),
        ({4: 5, 6: 5, 7: 5, 9: 5, 10: 5, 43: 1}, 16),
    ],
)
def test_pspi_by_hand(grades: dict[int, int], score: int) -> None:
    """AU4 + max(AU6, AU7) + max(AU9, AU10) + AU43; nothing else counts."""
    aus = torch.zeros(2, 19)
    for unit, value in grades.items():
        aus[1, AUS.index(unit)] = value
    assert pspi(aus).tolist() == [0, score]


def test_pspi_with_loops(pain: PainVideos) -> None:
    """The same for every 37th frame of the table, one at a time."""
    for row in range(0, len(pain.pspi), 37):
        au = dict(zip(AUS, pain.aus[row].int().tolist()))
        assert pain.pspi[row] == au[4] + max(au[6], au[7]) + max(au[9], au[10]) + au[43]


@pytest.mark.parametrize(("unit", "value"), [(4, 0.5), (4, 6.0), (43, 2.0), (12, -1.0), (12, float("nan"))])
def test_pspi_takes_grades_only(unit: int, value: float) -> None:
    """Not intensities between them, nor others; and all 19 columns."""
    aus = torch.zeros(19)
    aus[AUS.index(unit)] = value
    with pytest.raises(ValueError, match="grades are whole numbers from 0 to 5"):
        pspi(aus)
    with pytest.raises(ValueError, match="aus must have 19 columns"):
        pspi(torch.zeros(3, 18))


# ---------------------------------------------------------------- pain


@pytest.mark.parametrize("seed", range(5))
def test_share_of_frames_without_pain(seed: int) -> None:
    """As in UNBC-McMaster, 82.7%, for every seed; also for few and short videos."""
    assert 0.81 < (pain_videos(seed).pspi == 0).float().mean() < 0.84
    assert 0.81 < (pain_videos(seed, sequences=3, length=40).pspi == 0).float().mean() < 0.84


def test_table_of_pain(pain: PainVideos) -> None:
    """25 subjects with 8 videos each; frames count up in each video; every level is there, strong ones rarely."""
    assert pain.subject.unique().tolist() == list(range(25)) and pain.sequence.unique().tolist() == list(range(200))
    assert torch.equal(pain.subject, pain.sequence // 8)
    counts = pain.sequence.bincount()
    assert torch.equal(pain.frame, torch.cat([torch.arange(n) for n in counts.tolist()]))
    assert counts.min() >= 64 and counts.max() <= 128 and abs(counts.float().mean() - 96) < 5
    levels = pain.pspi.bincount(minlength=17)
    assert (levels[:9] > 0).all() and levels[1:4].sum() > 2 * levels[4:].sum()
    assert len(pain.factors.identity.unique()) == 25
    shares = torch.stack([(pain.pspi[pain.subject == s] > 0).float().mean() for s in range(25)])
    assert shares.max() > 4 * shares.min() and shares.min() > 0


def test_grades_come_from_what_is_drawn(pain: PainVideos) -> None:
    """Intensities of the pictures, rounded; lids that a blink closes count for nothing."""
    assert torch.equal(pain.aus, pain.factors.aus.round())
    assert set(pain.aus[:, -1].tolist()) == {0.0, 1.0}
    blinking = pain.factors.blink > 0.9
    assert blinking.sum() > 50 and (pain.aus[blinking, -1] == 0).float().mean() > 0.8


def test_pain_comes_in_episodes(pain: PainVideos) -> None:
    """Frames with pain are few runs, which rise to one apex and fall; videos start and end without."""
    runs = []
    for sequence in range(200):
        score = pain.pspi[pain.sequence == sequence].tolist()
        assert score[0] == score[-1] == 0
        painful = [list(run) for hurts, run in itertools.groupby(score, lambda s: s > 0) if hurts]
        assert len(painful) <= 2
        runs += painful
    assert len(runs) > 60
    for run in runs:
        top = run.index(max(run))
        assert run[: top + 1] == sorted(run[: top + 1]) and run[top:] == sorted(run[top:], reverse=True)


def test_movement_is_smooth(pain: PainVideos) -> None:
    """From one frame to the next, heads turn little and units change by less than two grades."""
    follows = pain.sequence[1:] == pain.sequence[:-1]
    turn = (pain.factors.pose[1:] - pain.factors.pose[:-1])[follows].abs()
    assert turn.max() < 0.15 and turn.max() > 0.005
    change = (pain.factors.aus[1:, :-1] - pain.factors.aus[:-1, :-1])[follows].abs()
    steady = [k for k, unit in enumerate(AUS[:-1]) if unit not in (25, 26)]  # lips move faster when talking
    assert change[:, steady].max() < 2


def test_people_without_pain_move_too(pain: PainVideos) -> None:
    """Smiles, talk and raised brows occur without pain, and none of the score's units does."""
    calm = pain.aus[pain.pspi == 0]
    for unit in (1, 12, 17, 25):
        assert (calm[:, columns(unit)] >= 2).any()
    assert (calm[:, columns(4, 6, 7, 9, 10, 43)] == 0).all()


def test_pain_frames_are_drawn_lazily(pain: PainVideos) -> None:
    """Any rows in any order give the same pictures, with the table's truth."""
    rows = torch.tensor([7000, 3, 12000])
    faces, again = render_pain(pain, rows, 32), render_pain(pain, [12000], 32)
    assert (faces.images[2].int() - again.images[0].int()).abs().max() <= 1
    assert torch.equal(faces.aus, pain.aus[rows]) and torch.equal(faces.subject, pain.subject[rows])
    torch.testing.assert_close(render_pain(pain, rows, 64).landmarks, 2 * faces.landmarks, rtol=0, atol=1e-2)
    for wrong in ([len(pain.pspi)], [-1], []):
        with pytest.raises(ValueError, match="rows must hold at least one integer from 0 to"):
            render_pain(pain, wrong, 16)


def test_strong_pain_shows(pain: PainVideos) -> None:
    """In the frame of the highest score eyes are narrower than in the same video's first frame."""
    row = int(pain.pspi.argmax())
    first = int((pain.sequence == pain.sequence[row]).nonzero()[0])
    marks = render_pain(pain, [first, row], 64).landmarks
    opening = marks[:, [40, 41, 46, 47], 1].mean(1) - marks[:, [37, 38, 43, 44], 1].mean(1)
    assert opening[1] < 0.7 * opening[0]


def test_painful_frames_are_shared_out() -> None:
    """Their sum is the share of all; weights decide; no video has more than it can hold."""
    frames = torch.tensor([100, 50, 80, 120])
    given = painful_frames(torch.tensor([0.0, 1.0, 1.0, 0.0]), frames)
    assert given.tolist() == [0, 30, 31, 0] or (given[[0, 3]].sum() == 0 and abs(given.sum() - 61) <= 1)
    flooded = painful_frames(torch.tensor([1.0, 0.0, 0.0, 0.0]), frames)
    assert abs(flooded.sum() - 61) <= 1 and (flooded <= 0.63 * frames).all()


def test_tables_are_determined_by_the_seed(pain: PainVideos, emotions: EmotionVideos) -> None:
    """The same again; another one for another seed."""
    for table, make in ((pain, pain_videos), (emotions, emotion_videos)):
        again, other = make(), make(seed=1)
        for one, two in zip(table[1:], again[1:]):
            assert torch.equal(one, two)
        assert all(torch.equal(one, two) for one, two in zip(table.factors, again.factors))
        assert not set(table.factors.identity.tolist()) & set(other.factors.identity.tolist())


@pytest.mark.parametrize("options", [{"subjects": 0}, {"sequences": 0}, {"length": 31}])
def test_bad_pain_options(options: dict[str, int]) -> None:
    """Each is refused by name."""
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be at least"):
        pain_videos(**options)


# ---------------------------------------------------------------- emotions


def test_table_of_emotions(emotions: EmotionVideos) -> None:
    """Videos of CK+ by emotion; about 120 people, none with two videos of one emotion."""
    first = emotions.frame == 0
    assert tuple(emotions.emotion[first].bincount().tolist()) == COUNTS and sum(COUNTS) == 327
    assert len(emotions.subject.unique()) >= 105
    pairs = torch.stack([emotions.emotion[first], emotions.subject[first]], 1)
    assert len(pairs.unique(dim=0)) == 327
    assert emotions.sequence.bincount().min() >= 8


def test_emotions_grow_from_neutral(emotions: EmotionVideos) -> None:
    """The first frame shows nothing that a coder would grade; no unit of the recipe falls on the way to the last."""
    assert (emotions.aus[emotions.frame == 0] <= 1).all() and emotions.aus[emotions.frame == 0].mean() < 0.1
    core = {"happy": 12, "surprise": 26, "disgust": 9, "contempt": 14, "sadness": 15, "anger": 4, "fear": 1}
    for name, unit in core.items():
        column = emotions.factors.aus[:, AUS.index(unit)]
        for sequence in emotions.sequence[emotions.emotion == EMOTIONS.index(name)].unique()[:4]:
            course = column[emotions.sequence == sequence]
            assert course[-1] > 0.5 and course[-1] > course[0] and course.diff().min() > -0.15


def test_recipes_tell_emotions_apart(emotions: EmotionVideos) -> None:
    """The nearest mean of the other videos' last grades names the emotion nearly always."""
    last = torch.cat([emotions.frame[1:] == 0, torch.tensor([True])])
    grades, label = emotions.aus[last], emotions.emotion[last]
    grades = grades / grades.norm(dim=1, keepdim=True).clamp_min(1)
    right = 0
    for k in range(len(label)):
        others = torch.arange(len(label)) != k
        means = torch.stack([grades[others & (label == e)].mean(0) for e in range(7)])
        right += int((means - grades[k]).norm(dim=1).argmin() == label[k])
    assert right / len(label) > 0.9


def test_emotion_frames_are_drawn_lazily(emotions: EmotionVideos) -> None:
    """Rows in any order; a smile's corners rise from the first frame to the last."""
    happy = emotions.sequence[emotions.emotion == EMOTIONS.index("happy")].unique()
    strength = emotions.factors.aus[:, AUS.index(12)]
    best = max(happy.tolist(), key=lambda s: strength[emotions.sequence == s].max())
    rows = (emotions.sequence == best).nonzero()[:, 0][[0, -1]]
    faces = render_emotions(emotions, rows.flip(0), 64)
    assert torch.equal(faces.aus, emotions.aus[rows.flip(0)])
    high = faces.landmarks[:, [48, 54], 1].mean(1) - faces.landmarks[:, [51, 57], 1].mean(1)
    assert high[0] < high[1] - 0.5
    with pytest.raises(ValueError, match="rows must hold"):
        render_emotions(emotions, [10**6], 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"counts": (1, 1)}, "counts must be 7 numbers"),
        ({"counts": (0,) * 7}, "counts must be 7 numbers"),
        ({"subjects": 10}, "counts must be 7 numbers of 0 to 10"),
        ({"length": 5}, "length must be at least 6"),
    ],
)
def test_bad_emotion_options(options: dict[str, object], message: str) -> None:
    """Each is refused by name."""
    with pytest.raises(ValueError, match=message):
        emotion_videos(**options)


# ---------------------------------------------------------------- timelines


def test_numbered_frames_without_videos_of_one_frame() -> None:
    """Also a single video."""
    sequence, frame = numbered_frames(torch.tensor([3]))
    assert sequence.tolist() == [0, 0, 0] and frame.tolist() == [0, 1, 2]


def test_drift_is_smooth_and_of_unit_size() -> None:
    """Standard deviation about 1 over many videos, steps no larger than the shortest period allows."""
    video, frame = numbered_frames(torch.full((300,), 100))
    path = drift(0, "test", video, frame, 2, (40, 100))
    assert (path.std(0) - 1).abs().max() < 0.15
    steps = path.diff(dim=0)[(video[1:] == video[:-1])]
    assert steps.abs().max() < 2 * 3.1416 / 40 * 3 * (2 / 3) ** 0.5


def test_blinks_are_short_and_rare() -> None:
    """Lids are open in most frames; a blink takes at most five."""
    video, frame = numbered_frames(torch.tensor([6000]))
    closed = blinks(0, video, frame)
    assert 0.03 < (closed > 0).float().mean() < 0.12 and closed.max() > 0.9
    runs = [len(list(run)) for shut, run in itertools.groupby((closed > 0).tolist()) if shut]
    assert len(runs) == 100 and max(runs) <= 5
