"""UEC Food-100 in the layout of its README.

"[1-100]: directory names correspond to food ID; [1-100]/*.jpg: food photo files (some photos are duplicated in two or
more directories, since they include two or more food items); [1-100]/bb_info.txt: bounding box information";
category.txt begins with a heading "id name", bb_info.txt with "img x1 y1 x2 y2".
"""

import pytest
import torch

from fgr.data.readers import uec_food_100

DISHES = ("rice", "eels on rice", "miso soup")


def write(tree, each=20, root="UECFOOD100"):
    """`each` photographs of every dish; 5 and 6 show rice and miso soup, the latter two bowls of it."""
    files = {f"{root}/category.txt": "id\tname\n" + "".join(f"{i}\t{name}\n" for i, name in enumerate(DISHES, 1))}
    for dish in (1, 2, 3):
        photos = [1000 * dish + number for number in range(each)]
        rows = [f"{photo} {dish} 1 9 7" for photo in photos]
        if dish != 2:
            rows += [f"{photo} 0 {dish} 11 8" for photo in (5, 6)]
            photos += [5, 6]
        if dish == 3:
            rows.append("6 4 4 8 8")
        files[f"{root}/{dish}/bb_info.txt"] = "img x1 y1 x2 y2\n" + "\n".join(rows) + "\n"
        files |= {f"{root}/{dish}/{photo}.jpg": None for photo in photos}
    return tree(files)


def test_one_row_a_box(tree):
    """Every line of every folder's list is an example, with the photograph of that folder."""
    folder = write(tree, each=2)
    parts = [uec_food_100.read(folder, split) for split in ("trainval", "test")]
    rows = {
        (part.classes[target], path.parent.name, path.stem, photo, tuple(box))
        for part in parts
        for target, path, photo, box in zip(
            part.targets.tolist(),
            part.images.paths,
            part.annotations["photo"].tolist(),
            part.annotations["box"].tolist(),
        )
    }
    expected = {
        (name, str(dish), str(photo), photo, (dish, 1, 9, 7))
        for dish, name in enumerate(DISHES, 1)
        for photo in (1000 * dish, 1000 * dish + 1)
    }
    for dish, name in ((1, "rice"), (3, "miso soup")):
        expected |= {(name, str(dish), str(photo), photo, (0, dish, 11, 8)) for photo in (5, 6)}
    assert rows == expected | {("miso soup", "3", "6", 6, (4, 4, 8, 8))}
    assert sum(map(len, parts)) == 11


def test_splits_share_no_photograph(tree):
    """Seven, one and two tenths of every dish; all rows of a photograph lie together."""
    folder = write(tree)
    parts = {split: uec_food_100.read(folder, split) for split in ("train", "validation", "test", "trainval")}
    photos = {split: set(part.annotations["photo"].tolist()) for split, part in parts.items()}
    assert not photos["train"] & photos["validation"]
    assert not photos["trainval"] & photos["test"]
    assert photos["train"] | photos["validation"] == photos["trainval"]
    assert len(photos["trainval"] | photos["test"]) == 62
    assert parts["test"].targets.bincount().tolist()[1] == 4
    assert parts["validation"].targets.bincount().tolist()[1] == 2
    assert sum(len(parts[split]) for split in ("trainval", "test")) == 65


def test_cut_to_boxes(tree):
    """A box fills the image along its longer side, and lies inside."""
    food = uec_food_100.read(write(tree, root="."), "trainval")
    cut = food.in_memory(8, crop="box")
    assert cut.images.shape == (len(food), 3, 8, 8)
    low, high = cut.annotations["box"].split(2, 1)
    assert torch.allclose((high - low).amax(1), torch.tensor(8.0))
    assert torch.allclose((high + low) / 2, torch.tensor(4.0))


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("2/bb_info.txt", "img x1 y1 x2 y2\n2000 1 2 3", r"bb_info.txt, line 2: expected the numbers img x1 y1 x2 y2"),
        ("2/bb_info.txt", "img x1 y1 x2 y2\n77 1 2 3 4", r"2/77.jpg is listed in .*bb_info.txt but missing"),
        ("2/bb_info.txt", "", r"2/bb_info.txt is empty"),
        ("category.txt", "id\tname\n1\trice\n3\tsoup\n", r"category.txt should number its 2 lines from 1 to 2"),
        ("category.txt", "id\tname\n1\ta\n2\tb\n3\tc\n4\td\n", r"4/bb_info.txt is missing"),
    ],
)
def test_damage_is_named(name, content, complaint, tree):
    """The file and line."""
    write(tree, each=2)
    with pytest.raises(ValueError, match=complaint):
        uec_food_100.read(tree({f"UECFOOD100/{name}": content}), "train")


def test_an_unknown_split_is_refused(tmp_path):
    """Before anything is read."""
    with pytest.raises(ValueError, match="split of uec_food_100 must be one of"):
        uec_food_100.read(tmp_path, "val")
