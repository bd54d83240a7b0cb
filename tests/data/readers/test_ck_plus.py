"""CK+: folders and labels as the read-me of the distribution describes them (phase 1, revised 28 September 2010).

It says: 593 videos of 123 subjects run from neutral to the peak; 68 landmarks for each image; one FACS file a video,
for the last frame, each line a unit and its intensity; emotion files for 327 videos only, one number from 0 to 7
(0 neutral, 1 anger, 2 contempt, 3 disgust, 4 fear, 5 happy, 6 sadness, 7 surprise), and no file means no label. Its
example is cohn-kanade-images/S005/001/S005_001_00000011.png.
"""

import math

import pytest

from fgr.data import load
from fgr.data.readers import ck_plus

IMAGES = "cohn-kanade-images"


def scientific(*values):
    """Numbers as the files have them."""
    return "".join(f"   {value:.7e}" for value in values) + "\n"


def video(subject, number, frames, emotion=None, facs=()):
    """The files of one video; emotions and units belong to the last frame."""
    place, files = f"{subject}/{number:03d}", {}
    for frame in frames:
        stem = f"{place}/{subject}_{number:03d}_{frame:08d}"
        files[f"{IMAGES}/{stem}.png"] = None
        files[f"Landmarks/{stem}_landmarks.txt"] = "".join(scientific(point, frame) for point in range(68))
    files[f"FACS/{stem}_facs.txt"] = "".join(scientific(*row) for row in facs)
    if emotion is not None:
        files[f"Emotion/{stem}_emotion.txt"] = scientific(emotion)
    return files


def official():
    """Three subjects, four videos, one of them without emotion and one with gaps between its frames."""
    return {
        **video("S005", 1, range(1, 12), 3, [(9, 4), (17, 0)]),
        **video("S005", 2, range(1, 6), None, [(1, 5)]),
        **video("S010", 1, [1, 2, 14, 15], 7, [(1, 3), (25, 0)]),
        **video("S999", 3, range(1, 5), 5),
        f"{IMAGES}/S005/001/.DS_Store": "",
        "Emotion/S005/002/.DS_Store": "",
        f"{IMAGES}/.DS_Store": "",
    }


def test_the_last_three_frames_of_labelled_videos(tree):
    """The protocol of section 2.3: 7 classes, three frames a video, the peak among them; no label, no video."""
    frames = load("ck_plus", "all", folder=tree(official()))
    known = frames.annotations
    assert frames.classes == ck_plus.EMOTIONS
    assert [frames.classes[target] for target in frames.targets] == ["disgust"] * 3 + ["surprise"] * 3 + ["happy"] * 3
    assert known["frame"].tolist() == [9, 10, 11, 2, 14, 15, 2, 3, 4]
    assert frames.labels["sequence"] == ("S005/001", "S010/001", "S999/003")
    assert known["subject"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert frames.images.paths[2].name == "S005_001_00000011.png"
    assert known["landmarks"].shape == (9, 68, 2)
    assert known["landmarks"][2, 67].tolist() == [67, 11]


def test_units_are_known_at_the_peak_alone(tree):
    """Seen and graded, seen and not graded (0), not seen, not coded; units of all videos have a column."""
    frames = ck_plus.read(tree(official()), "all")
    aus, present = frames.annotations["aus"], frames.annotations["au_present"]
    assert frames.labels["aus"] == ("AU1", "AU9", "AU17", "AU25")
    assert aus[2].tolist() == pytest.approx([0, 4, math.nan, 0], nan_ok=True)
    assert aus[5].tolist() == pytest.approx([3, 0, 0, math.nan], nan_ok=True)
    assert aus[8].tolist() == [0, 0, 0, 0]  # an empty file: a face that shows none
    assert present[[2, 5, 8]].tolist() == [[0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]]
    others = [row for row in range(9) if row not in (2, 5, 8)]
    assert aus[others].isnan().all()
    assert (present[others] == -1).all()


def test_choice_of_frames(tree):
    """All frames, the neutral first one, and videos without emotion."""
    folder = tree(official())

    def shown(**options):
        frames = ck_plus.read(folder, "all", landmarks=False, **options)
        first = frames.annotations["subject"] == 0
        return [
            (int(number), frames.classes[target])
            for number, target in zip(frames.annotations["frame"][first], frames.targets[first])
        ]

    assert shown(last=None) == [(number, "disgust") for number in range(1, 12)]
    assert shown(last=1, neutral=True) == [(1, "neutral"), (11, "disgust")]
    assert shown(last=None, neutral=True)[:2] == [(1, "neutral"), (2, "disgust")]
    assert shown(last=50, neutral=True) == shown(last=None, neutral=True)  # a frame is never there twice
    assert shown(last=1, unlabelled=True) == [(11, "disgust"), (5, "unlabelled")]
    assert shown(last=1, neutral=True, unlabelled=True)[2:] == [(1, "neutral"), (5, "unlabelled")]
    whole = ck_plus.read(folder, "all", neutral=True, unlabelled=True)
    assert whole.classes[7:] == ("neutral", "unlabelled")
    assert "landmarks" not in ck_plus.read(folder, "all", landmarks=False).annotations


def test_splits_share_no_subject(tree):
    """Ten subjects with two videos each."""
    files = {}
    for subject in range(10):
        for number in (1, 2):
            files |= video(f"S{subject:03d}", number, [1, 2], 1)
    folder = tree(files)
    train, test = (ck_plus.read(folder, split, landmarks=False) for split in ("trainval", "test"))
    assert (len(train), len(test)) == (32, 8)
    assert not set(train.annotations["subject"].tolist()) & set(test.annotations["subject"].tolist())
    assert train.split == "trainval"


def test_other_names_of_the_label_folders(tree):
    """Emotion_labels.zip and FACS_labels.zip, unpacked into folders of their names."""
    moved = {
        name.replace("Emotion/", "Emotion_labels/Emotion/").replace("FACS/", "FACS_labels/"): content
        for name, content in official().items()
    }
    assert len(ck_plus.read(tree(moved), "all")) == 9


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (
            "Emotion/S005/001/S005_001_00000011_emotion.txt",
            "8",
            r"11_emotion.txt, line 1: emotion .* 1 to 7, got 8",
        ),
        ("Emotion/S005/001/S005_001_00000011_emotion.txt", "0", "from 1 to 7, got 0"),
        ("Emotion/S005/001/S005_001_00000011_emotion.txt", "happy", "line 1: expected the numbers emotion"),
        ("Emotion/S005/001/S005_001_00000010_emotion.txt", "3", "one at most"),
        ("FACS/S005/001/S005_001_00000010_facs.txt", "3 1", "one at most"),
        ("FACS/S005/001/S005_001_00000011_facs.txt", "9 4\n17 D", "line 2: expected the numbers unit intensity"),
        ("FACS/S005/001/S005_001_00000011_facs.txt", "9 4\n17.5 1", "line 2: expected a unit from 1 to 99"),
        ("Landmarks/S005/001/S005_001_00000011_landmarks.txt", "1 2", "should hold 68 points, one a line, got 1"),
        ("Landmarks/S005/001/S005_001_00000011_landmarks.txt", "1 2\n3", "landmarks.txt, line 2"),
        (f"{IMAGES}/S005/001/S005_001_00000012.png", None, "00000012_landmarks.txt is missing"),
    ],
)
def test_damage_is_named(name, content, complaint, tree):
    """File and line, or what is missing."""
    folder = tree(official() | {name: content})
    with pytest.raises(ValueError, match=complaint):
        ck_plus.read(folder, "all")


def test_what_is_missing_is_named(tree, tmp_path):
    """No archive, no emotion at all, units of a frame that is not there, a count below one."""
    files = official()
    with pytest.raises(ValueError, match="Emotion_labels are missing"):
        ck_plus.read(tmp_path, "all")
    folder = tree(files)
    with pytest.raises(ValueError, match="last must be at least 1"):
        ck_plus.read(folder, "all", last=0)
    (folder / IMAGES / "S999/003/S999_003_00000004.png").unlink()
    with pytest.raises(ValueError, match=r"00000004_facs.txt is for a frame that is not in"):
        ck_plus.read(folder, "all")
    for file in folder.glob("Emotion/*/*/*.txt"):
        file.unlink()
    (folder / IMAGES / "S999/003/S999_003_00000004.png").touch()
    with pytest.raises(ValueError, match="Emotion has no file for any video"):
        ck_plus.read(folder, "all")
