"""UNBC-McMaster: folders, per-frame labels and landmarks as Lucey et al. (FG 2011) distribute them.

By the paper, 200 videos of 25 subjects, 48,398 frames with FACS codes, a PSPI score from 0 to 16 and 66 landmarks each.
Public loaders agree on the files: Images, AAM_landmarks (`_aam.txt`, lines "x y") and Frame_Labels/FACS and /PSPI
(`_facs.txt` in both; FACS has four columns, unit, intensity, onset and offset, and is empty where no unit was seen).
"""

import math

import pytest
import torch

from fgr.data import load
from fgr.data.readers import unbc_mcmaster

VIDEOS = {"042-ll042": {"ll042t1aaaff": 3, "ll042t2aeaff": 1}, "120-kz120": {"kz120t2aaunaff": 2}}
FACS = {  # the frames that show something; columns: unit, intensity, onset and offset frame
    "ll042t1aaaff002": [(4, 2, 1, 9), (6, 1, 1, 9), (7, 3, 2, 4), (9, 1, 1, 3), (43, 1, 2, 2)],
    "ll042t1aaaff003": [(4, 5, 1, 9), (10, 4, 1, 9), (6, 2, 1, 2), (43, 1, 2, 2)],
    "ll042t2aeaff001": [(12, 3, 1, 1), (12, 4, 1, 1), (50, 1, 1, 1)],
}


def scientific(*values):
    """Numbers as MATLAB's save -ascii writes them."""
    return "".join(f"   {value:.7e}" for value in values) + "\n"


def pspi(units):
    """Prkachin and Solomon: AU4 + max(AU6, AU7) + max(AU9, AU10) + AU43."""
    four, six, seven, nine, ten, eyes = (units.get(unit, 0) for unit in (4, 6, 7, 9, 10, 43))
    return four + max(six, seven) + max(nine, ten) + eyes


def official():
    """The files of six frames."""
    files = {}
    for subject, videos in VIDEOS.items():
        for video, count in videos.items():
            for number in range(1, count + 1):
                stem = f"{video}{number:03d}"
                place = f"{subject}/{video}/{stem}"
                rows = FACS.get(stem, [])
                files[f"Images/{place}.png"] = None
                files[f"AAM_landmarks/{place}_aam.txt"] = "".join(
                    scientific(point + number / 10, 2 * point) for point in range(66)
                )
                files[f"Frame_Labels/FACS/{place}_facs.txt"] = "".join(scientific(*row) for row in rows)
                level = pspi({unit: intensity for unit, intensity, *_ in rows})
                files[f"Frame_Labels/PSPI/{place}_facs.txt"] = scientific(level)
    return files


def test_frames_and_labels_are_read(tree):
    """Frames in time order with their files' values; intensities follow the formula of PSPI."""
    frames = load("unbc_mcmaster", "all", folder=tree(official()))
    known = frames.annotations
    assert [path.name for path in frames.images.paths] == [
        *(f"ll042t1aaaff00{number}.png" for number in (1, 2, 3)),
        "ll042t2aeaff001.png",
        *(f"kz120t2aaunaff00{number}.png" for number in (1, 2)),
    ]
    assert known["pspi"].tolist() == [0, 2 + 3 + 1 + 1, 5 + 2 + 4 + 1, 0, 0, 0]
    assert known["frame"].tolist() == [1, 2, 3, 1, 1, 2]
    assert [frames.labels["subject"][index] for index in known["subject"]] == ["042-ll042"] * 4 + ["120-kz120"] * 2
    assert known["sequence"].tolist() == [0, 0, 0, 1, 2, 2]
    assert frames.labels["sequence"][2] == "120-kz120/kz120t2aaunaff"
    assert known["landmarks"].shape == (6, 66, 2)
    assert known["landmarks"][1, 65].tolist() == pytest.approx([65.2, 130])
    units = dict(zip(frames.labels["aus"], known["aus"].T.tolist()))
    assert list(units) == [f"AU{unit}" for unit in (4, 6, 7, 9, 10, 12, 20, 25, 26, 27, 43, 50)]
    assert units["AU4"] == [0, 2, 5, 0, 0, 0]
    assert units["AU12"] == [0, 0, 0, 4, 0, 0]  # the larger of two entries
    assert units["AU50"] == [0, 0, 0, 1, 0, 0]  # a unit that the archive does not describe
    for row in range(6):
        assert pspi({int(name[2:]): values[row] for name, values in units.items()}) == known["pspi"][row]


def test_classes(tree):
    """Pain from PSPI 1 on; the merged levels of Table 2.4; PSPI itself."""
    folder = tree(official())
    for labels, targets, last in [
        ("pain", [0, 1, 1, 0, 0, 0], "pain"),
        ("level", [0, 5, 5, 0, 0, 0], "6+"),
        ("pspi", [0, 7, 12, 0, 0, 0], "16"),
    ]:
        frames = unbc_mcmaster.read(folder, "all", labels=labels, landmarks=False)
        assert frames.targets.tolist() == targets
        assert frames.classes[-1] == last
        assert "landmarks" not in frames.annotations


def test_splits_share_no_subject(tree):
    """Ten subjects: seven, one and two, and all of them together."""
    files = {}
    for name in range(10):
        place = f"{name:03d}-s/v{name}/v{name}001"
        files |= {f"Images/{place}.png": None, f"Frame_Labels/PSPI/{place}_facs.txt": "0"}
        files |= {f"Frame_Labels/FACS/{place}_facs.txt": ""}
    folder = tree(files)
    parts = {
        split: unbc_mcmaster.read(folder, split, landmarks=False).annotations["subject"].tolist()
        for split in ("train", "validation", "test", "trainval", "all")
    }
    assert [len(part) for part in parts.values()] == [7, 1, 2, 8, 10]
    assert sorted(parts["train"] + parts["validation"] + parts["test"]) == list(range(10))
    assert sorted(parts["train"] + parts["validation"]) == parts["trainval"]


def test_landmarks_move_with_the_image(tree):
    """In memory at another size, coordinates are scaled like the pixels (12 by 8 to 24 by 24)."""
    frames = unbc_mcmaster.read(tree(official()), "all")
    before, after = frames.annotations["landmarks"], frames.in_memory(24).annotations["landmarks"]
    assert torch.allclose(after, before * torch.tensor([2.0, 3.0]))


PSPI, CODES = (f"Frame_Labels/{kind}/120-kz120/kz120t2aaunaff/kz120t2aaunaff002_facs.txt" for kind in ("PSPI", "FACS"))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        (PSPI, "17", r"002_facs.txt, line 1: PSPI sh"),
        (PSPI, "2.5", "from 0 to 16, got 2.5"),
        (PSPI, "1\n2", "one whole number"),
        (PSPI, "", "002_facs.txt is empty"),
        (CODES, "4 1 1 1\n6 x", "002_facs.txt, line 2"),
        (CODES, "4 1 1 1\n6 7 1 1", "line 2: expected a"),
        (
            "AAM_landmarks/120-kz120/kz120t2aaunaff/kz120t2aaunaff002_aam.txt",
            "1 2\n",
            "hold 66 points, one a line, got 1",
        ),
        ("Images/120-kz120/kz120t2aaunaff/nobody.png", None, "should end with the number of the frame"),
        ("Images/120-kz120/kz120t2aaunaff/kz120t2aaunaff01.png", None, "has the number of kz120t2aaunaff001.png"),
        ("Images/120-kz120/kz120t2aaunaff/kz120t2aaunaff003.png", None, "003_facs.txt is missing"),
    ],
)
def test_damage_is_named(name, content, complaint, tree):
    """File and line, or what is missing."""
    folder = tree(official() | {name: content})
    with pytest.raises(ValueError, match=complaint):
        unbc_mcmaster.read(folder, "all")


def test_empty_places_and_unknown_options_are_refused(tree, tmp_path):
    """The message names the folder, or the choices."""
    folder = tree(official())
    with pytest.raises(ValueError, match="labels must be one of 'pain', 'level', 'pspi'"):
        unbc_mcmaster.read(folder, "all", labels="vas")
    with pytest.raises(ValueError, match="split of unbc_mcmaster must be one of"):
        unbc_mcmaster.read(folder, "dev")
    with pytest.raises(ValueError, match=r"validation of unbc_mcmaster is empty, 2 groups are too few"):
        unbc_mcmaster.read(folder, "validation")
    with pytest.raises(ValueError, match="FACS are missing"):
        unbc_mcmaster.read(tmp_path, "all")
    (tmp_path / "Images").mkdir()
    (tmp_path / "FACS").mkdir()
    (tmp_path / "PSPI").mkdir()
    with pytest.raises(ValueError, match="holds no frames"):
        unbc_mcmaster.read(tmp_path, "all")


def test_nan_landmarks_are_refused(tree):
    """A point that is not a number counts as missing."""
    files = official()
    name = next(name for name in files if name.endswith("_aam.txt"))
    lost = files[name].splitlines()
    lost[3] = scientific(math.nan, 1)
    with pytest.raises(ValueError, match="66 points, one a line, got 65"):
        unbc_mcmaster.read(tree(files | {name: "\n".join(lost)}), "all")
