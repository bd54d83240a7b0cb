"""CUB-200-2011 in the layout of its README (CNS-TR-2011-001): tables by identifiers that count from 1.

images.txt "<image_id> <image_name>", classes.txt, image_class_labels.txt, train_test_split.txt "<image_id>
<is_training_image>", bounding_boxes.txt "<image_id> <x> <y> <width> <height>", parts/parts.txt, parts/part_locs.txt
"<image_id> <part_id> <x> <y> <visible>", attributes/image_attribute_labels.txt "<image_id> <attribute_id> <is_present>
<certainty_id> <time>". Not in the README, but in the archive: attributes.txt beside the folder, and lines of the last
table with more columns, which pandas stumbles over ("Expected 5 fields, saw 7").
"""

import math
import re

import pytest
import torch

from fgr.data import load
from fgr.data.readers import cub_200_2011

SPECIES = ("001.Black_footed_Albatross", "002.Chuck_will_Widow")
PARTS = ("back", "left eye", "nape")
ATTRIBUTES = ("has_bill_shape::dagger", "has_wing_color::blue", "has_size::small_(5_-_9_in)", "has_eye_color::red")
IMAGES = [  # species, part of the split (1: training), box, visible parts
    (1, 0, (60.0, 27.0, 325.0, 304.0), (1, 3)),
    (1, 1, (139.0, 30.0, 153.0, 264.0), (1, 2, 3)),
    (2, 1, (14.0, 112.0, 388.0, 186.0), ()),
    (2, 0, (112.0, 90.0, 255.0, 242.0), (2,)),
    (2, 1, (70.5, 50.0, 134.0, 303.0), (3,)),
]


def official():
    """All files of five images."""
    names = [f"{SPECIES[species - 1]}/Bird_{image:04d}.jpg" for image, (species, *_) in enumerate(IMAGES, 1)]

    def table(rows):
        return "".join(" ".join(map(str, row)) + "\n" for row in rows)

    located = [
        (image, part, *((10.0 * image + part, 5.5 * part, 1) if part in visible else (0.0, 0.0, 0)))
        for image, (*_, visible) in enumerate(IMAGES, 1)
        for part in range(1, 4)
    ]
    labelled = [
        (image, attribute, (image + attribute) % 2, 1 + (image * attribute) % 4, 1.509)
        for image in range(1, 6)
        for attribute in range(1, 5)
    ]
    labelled[6] = (*labelled[6][:4], 0, 17.7)  # more columns than described
    labelled[13] = (*labelled[13][:4], 1, 0, 9.2)
    root = "CUB_200_2011"
    return {
        "attributes.txt": table(enumerate(ATTRIBUTES, 1)),
        f"{root}/images.txt": table(enumerate(names, 1)),
        f"{root}/classes.txt": table(enumerate(SPECIES, 1)),
        f"{root}/image_class_labels.txt": table((image, row[0]) for image, row in enumerate(IMAGES, 1)),
        f"{root}/train_test_split.txt": table((image, row[1]) for image, row in enumerate(IMAGES, 1)),
        f"{root}/bounding_boxes.txt": table((image, *row[2]) for image, row in enumerate(IMAGES, 1)),
        f"{root}/parts/parts.txt": table(enumerate(PARTS, 1)),
        f"{root}/parts/part_locs.txt": table(located),
        f"{root}/attributes/certainties.txt": "1 not visible\n2 guessing\n3 probably\n4 definitely\n",
        f"{root}/attributes/image_attribute_labels.txt": table(labelled),
        **{f"{root}/images/{name}": None for name in names},
    }


@pytest.mark.parametrize("inner", ["", "CUB_200_2011"])
def test_every_table_is_read(inner, tree):
    """Identifiers from 1 become indices from 0, in the folder of the archive or in the one it unpacks to."""
    folder = tree(official()) / inner
    for split, rows in (("trainval", [1, 2, 4]), ("test", [0, 3])):
        birds = load("cub_200_2011", split, folder=folder)
        known = birds.annotations
        assert birds.classes == ("Black footed Albatross", "Chuck will Widow")
        assert birds.targets.tolist() == [IMAGES[row][0] - 1 for row in rows]
        assert [path.stem for path in birds.images.paths] == [f"Bird_{row + 1:04d}" for row in rows]
        for at, row in enumerate(rows):
            x, y, width, height = IMAGES[row][2]
            assert known["box"][at].tolist() == [x, y, x + width, y + height]
            for part in range(3):
                seen = part + 1 in IMAGES[row][3]
                place = known["parts"][at, part].tolist()
                assert place[2] == seen
                if seen:
                    assert place[:2] == [10.0 * (row + 1) + part + 1, 5.5 * (part + 1)]
                else:
                    assert all(math.isnan(value) for value in place[:2])
            ids = [(row + 1, attribute) for attribute in range(1, 5)]
            assert known["attributes"][at].tolist() == [(image + attribute) % 2 == 1 for image, attribute in ids]
            assert known["certainty"][at].tolist() == [(image * attribute) % 4 for image, attribute in ids]
        assert birds.labels == {
            "parts": PARTS,
            "attributes": ATTRIBUTES,
            "certainty": ("not visible", "guessing", "probably", "definitely"),
        }
    assert known["attributes"].dtype == torch.bool


def test_lines_may_come_in_any_order(tree):
    """Tables are joined by identifier, not by line."""
    files = official()
    before = cub_200_2011.read(tree(files), "trainval")
    for name, text in files.items():
        if text is not None:
            files[name] = "\n".join(reversed(text.splitlines()))
    after = cub_200_2011.read(tree({name: text for name, text in files.items() if text is not None}), "trainval")
    assert after.images == before.images
    for name, values in before.annotations.items():
        assert torch.equal(after.annotations[name].nan_to_num(-1), values.nan_to_num(-1)), name


def test_a_tenth_of_every_species_is_held_out(tree):
    """Of ten and twenty training images one and two; train and validation make trainval."""
    files = {name: text for name, text in official().items() if text is not None}
    root = "CUB_200_2011"
    names = [f"{SPECIES[image % 3 > 0]}/{image}.jpg" for image in range(30)]
    files[f"{root}/images.txt"] = "".join(f"{image} {name}\n" for image, name in enumerate(names, 1))
    for table, value in (("image_class_labels", None), ("train_test_split", 1), ("bounding_boxes", "1 2 3 4")):
        given = [1 + (image % 3 > 0) if value is None else value for image in range(30)]
        files[f"{root}/{table}.txt"] = "".join(f"{image} {text}\n" for image, text in enumerate(given, 1))
    files[f"{root}/parts/part_locs.txt"] = "".join(f"{i} {p} 1 2 1\n" for i in range(1, 31) for p in (1, 2, 3))
    folder = tree(files | {f"{root}/images/{name}": None for name in names})
    parts = {split: cub_200_2011.read(folder, split, attributes=False) for split in ("train", "validation", "trainval")}
    assert [part.targets.bincount().tolist() for part in parts.values()] == [[9, 18], [1, 2], [10, 20]]
    assert {*parts["train"].images.paths, *parts["validation"].images.paths} == {*parts["trainval"].images.paths}
    assert "attributes" not in parts["train"].annotations
    assert len(cub_200_2011.read(folder, "test", attributes=False)) == 0


ROOT = "CUB_200_2011/"


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("images.txt", "1 a.jpg\n3 b.jpg", "images.txt should number its 2 lines from 1 to 2"),
        ("images.txt", "one a.jpg", "expected lines of image_id image_name"),
        ("images.txt", "1", "images.txt, line 1: expected image_id image_name, got '1'"),
        ("classes.txt", "", "classes.txt is empty"),
        ("image_class_labels.txt", "1 1\n2 1\n3 2\n4 2", "holds image_id 5 0 times instead of once"),
        ("image_class_labels.txt", "1 1\n2 1\n3 2\n4 2\n5 3", "targets of cub_200_2011 must lie in"),
        ("image_class_labels.txt", "1 1\n2 1\n3 2\n4 2\n6 1", "line 5: image_id must lie in 1 to 5, got '6 1'"),
        ("image_class_labels.txt", "1 1\n2 1\n3 two\n4 2\n5 1", "line 3: expected the numbers image_id class_id"),
        ("train_test_split.txt", "1 1\n2 1\n3 2\n4 0\n5 1", "train_test_split.txt should hold 0 and 1 alone"),
        ("bounding_boxes.txt", "1 2 3 4\n" * 5, "line 1: expected the numbers image_id x y width height"),
        ("parts/part_locs.txt", "1 1 0 0 1\n1 1 0 0 1", "image_id part_id 1 1 2 times instead of once"),
        ("attributes/image_attribute_labels.txt", "1 5 0 1 0", "image_id attribute_id must lie in 1 to 5 4, got"),
        (
            "attributes/image_attribute_labels.txt",
            "".join(f"{image} {attribute} 0 5 1.0\n" for image in range(1, 6) for attribute in range(1, 5)),
            "image_attribute_labels.txt: is_present must be 0 or 1, certainty_id 1 to 4",
        ),
    ],
)
def test_damage_is_named(name, content, complaint, tree):
    """File, line and what was expected."""
    folder = tree(official() | {ROOT + name: content})
    with pytest.raises(ValueError, match=re.escape(complaint)):
        cub_200_2011.read(folder, "trainval")


def test_what_is_missing_is_named(tree):
    """A table, an image, the list of attributes, and an unknown split."""
    files = official()
    folder = tree(files)
    with pytest.raises(ValueError, match="split of cub_200_2011 must be one of"):
        cub_200_2011.read(folder, "dev")
    (folder / "attributes.txt").unlink()
    with pytest.raises(ValueError, match=r"attributes/attributes.txt and .*attributes.txt are missing"):
        cub_200_2011.read(folder, "test")
    next((folder / ROOT / "images").glob("*/Bird_0004.jpg")).unlink()
    with pytest.raises(ValueError, match=r"Bird_0004.jpg is listed in .*images.txt but missing"):
        cub_200_2011.read(folder, "test", attributes=False)
    (folder / ROOT / "bounding_boxes.txt").unlink()
    with pytest.raises(ValueError, match=r"bounding_boxes.txt is missing: unpack the official archive there"):
        cub_200_2011.read(folder, "test", attributes=False)


def test_boxes_and_parts_move_with_the_image(tree):
    """Cut to the box and scaled: a part keeps its place on the bird, an invisible one stays unknown."""
    files = official()
    lines = files[f"{ROOT}bounding_boxes.txt"].splitlines()
    lines[0], lines[3] = "1 2.0 1.0 4.0 2.0", "4 0.0 0.0 12.0 8.0"
    located = files[f"{ROOT}parts/part_locs.txt"].splitlines()
    located[0] = "1 1 4.0 2.0 1"
    files |= {f"{ROOT}bounding_boxes.txt": "\n".join(lines), f"{ROOT}parts/part_locs.txt": "\n".join(located)}
    cut = cub_200_2011.read(tree(files), "test").in_memory(16, crop="box")
    assert cut.images.shape == (2, 3, 16, 16)
    assert cut.annotations["box"][0].tolist() == [0.0, 4.0, 16.0, 12.0]  # the square is x 2 to 6, y 0 to 4
    assert cut.annotations["parts"][0, 0].tolist() == [8.0, 8.0, 1.0]
    assert cut.annotations["parts"][0, 1].isnan().tolist() == [True, True, False]
