"""Sets of images, in memory and on disk: what is checked, picked, decoded, cut and scaled, and where boxes go."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from fgr.data import ImageFiles, ImageSet


def a_set(images, annotations=None, **changes):
    """A set of two classes in turns."""
    targets = torch.arange(len(images)) % 2
    given = {"name": "pets", "split": "train", "targets": targets, "classes": ("cat", "dog")}
    return ImageSet(**(given | {"images": images, "annotations": annotations or {}} | changes))


@pytest.fixture
def ramp(tmp_path):
    """Write a picture of 24x16 whose red is 10 times the column, green 10 times the row, and return its path."""

    def write(name="ramp.png", size=(24, 16)):
        pixels = np.zeros((size[1], size[0], 3), np.uint8)
        pixels[..., 0] = 10 * np.arange(size[0])
        pixels[..., 1] = 10 * np.arange(size[1])[:, None]
        Image.fromarray(pixels).save(tmp_path / name)
        return tmp_path / name

    return write


def bytes_of(count, channels=1):
    """Images that differ."""
    return torch.arange(count * channels * 4).byte().view(count, channels, 2, 2)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"images": torch.zeros(2, 2, 2, dtype=torch.uint8)}, r"images must have shape \(B, C, H, W\)"),
        ({"images": torch.zeros(2, 1, 2, 2)}, "images must be uint8, got torch.float32"),
        ({"targets": torch.zeros(3).long()}, r"targets must have shape \(2\), got \(3,\)"),
        ({"targets": torch.zeros(2, 1).long()}, r"targets must have shape \(2\)"),
        ({"targets": torch.zeros(2)}, "targets must be int64, got torch.float32"),
        ({"targets": torch.tensor([0, 2])}, r"targets of pets must lie in \[0, 2\), got 0 to 2"),
        ({"targets": torch.tensor([-1, 1])}, r"targets of pets must lie in \[0, 2\), got -1 to 1"),
        ({"annotations": {"age": torch.zeros(3)}}, "age of pets has 3 rows for 2 images"),
    ],
)
def test_what_does_not_fit_is_refused(changes, complaint):
    """Shapes, types, classes and numbers of rows."""
    with pytest.raises(ValueError, match=complaint):
        a_set(**({"images": bytes_of(2)} | changes))


@pytest.mark.parametrize(
    ("indices", "rows"),
    [
        ([3, 0, 3], [3, 0, 3]),
        (torch.tensor([2, 1]), [2, 1]),
        (torch.tensor([False, True, False, True, True]), [1, 3, 4]),
        (slice(1, None, 2), [1, 3]),
        ([], []),
        (torch.tensor([], dtype=torch.int32), []),
        (np.array([4, 0]), [4, 0]),
    ],
)
def test_select_picks_the_same_rows_of_everything(indices, rows, ramp):
    """Numbers, booleans and slices, of tensors and of files."""
    files = ImageFiles(tuple(ramp(f"{row}.png") for row in range(5)))
    annotations = {"age": torch.arange(5.0), "parts": torch.arange(30.0).view(5, 2, 3)}
    for images in (bytes_of(5, 3), files):
        whole = a_set(images, annotations, labels={"parts": ("eye", "tail")})
        part = whole.select(indices)
        assert len(part) == len(rows)
        assert part.targets.tolist() == [row % 2 for row in rows]
        assert part.annotations["age"].tolist() == rows
        assert torch.equal(part.annotations["parts"], annotations["parts"][rows])
        assert (part.name, part.split, part.classes, part.labels) == ("pets", "train", ("cat", "dog"), whole.labels)
        if images is files:
            assert [path.stem for path in part.images.paths] == [str(row) for row in rows]
        else:
            assert torch.equal(part.images, images[rows])


def test_select_refuses_masks_of_another_length():
    """A boolean a row, no fewer."""
    with pytest.raises(ValueError, match=r"indices must have shape \(3\), got \(2,\)"):
        a_set(bytes_of(3)).select(torch.tensor([True, False]))


def test_files_are_decoded_as_they_are(tmp_path, ramp):
    """Three channels whatever the file has; sizes are width and height."""
    path = ramp()
    Image.new("L", (5, 7), 9).save(tmp_path / "grey.png")
    Image.new("RGBA", (5, 7), (1, 2, 3, 0)).save(tmp_path / "transparent.png")
    Image.new("P", (5, 7), 0).save(tmp_path / "palette.gif")
    files = ImageFiles((path, *(tmp_path / name for name in ("grey.png", "transparent.png", "palette.gif"))))
    assert files.sizes().tolist() == [[24, 16], [5, 7], [5, 7], [5, 7]]
    assert files[0].shape == (3, 16, 24)
    assert files[0][:, 3, 20].tolist() == [200, 30, 0]
    assert files[1].unique().tolist() == [9]
    assert files[2][:, 0, 0].tolist() == [1, 2, 3]
    assert all(files[row].shape == (3, 7, 5) for row in (1, 2, 3))
    assert ImageFiles(()).sizes().shape == (0, 2)
    assert ImageFiles(()).read(4).shape == (0, 3, 4, 4)


def test_read_scales_like_a_low_pass_filter(ramp):
    """The whole image squeezed into a square: what torch's anti-aliased interpolation gives, to rounding."""
    files = ImageFiles((ramp(),))
    ours = files.read(8)[0].float()
    assert ours.shape == (3, 8, 8)
    theirs = F.interpolate(files[0][None].float(), (8, 8), mode="bilinear", antialias=True)[0]
    assert (ours - theirs).abs().max() <= 1


def test_read_cuts_boxes_and_fills_with_black(ramp):
    """A box of whole pixels is copied exactly, also where it leaves the image; order is kept among threads."""
    path = ramp()
    image = ImageFiles((path,))[0]
    boxes = [(4, 2, 12, 10), (-3, -2, 5, 6), (20, 12, 28, 20), (0, 8, 8, 16), (30, 30, 38, 38)]
    padded = F.pad(image, (40, 40, 40, 40))
    cut = ImageFiles((path,) * len(boxes)).read(8, torch.tensor(boxes))
    for row, (x0, y0, x1, y1) in enumerate(boxes):
        assert torch.equal(cut[row], padded[:, y0 + 40 : y1 + 40, x0 + 40 : x1 + 40]), boxes[row]


def test_a_box_outside_is_scaled_like_a_padded_image(ramp):
    """Half a pixel off and partly outside: the same as cutting it out of an image with a black margin."""
    path = ramp()
    wide = ImageFiles((path,))[0]
    margin = F.pad(wide, (6, 6, 6, 6)).permute(1, 2, 0).numpy()
    reference = Image.fromarray(margin).resize((8, 8), Image.Resampling.BILINEAR, box=(2.5, 1.5, 18.5, 17.5))
    cut = ImageFiles((path,)).read(8, torch.tensor([[-3.5, -4.5, 12.5, 11.5]]))[0]
    difference = cut.permute(1, 2, 0).int() - torch.from_numpy(np.array(reference)).int()
    inside = difference[1:-1, 1:-1]  # at the edge of the cut the filter sees one or the other side
    assert inside.abs().max() <= 1


@pytest.mark.parametrize("box", [[3, 3, 3, 9], [9, 3, 3, 9], [float("nan")] * 4])
def test_boxes_without_area_are_refused(box, ramp):
    """The file is named, before anything is decoded."""
    files = ImageFiles((ramp("a.png"), ramp("b.png")))
    with pytest.raises(ValueError, match=r"the box of .*b.png has no area"):
        files.read(8, torch.tensor([[0.0, 0, 4, 4], box]))
    with pytest.raises(ValueError, match=r"boxes must have shape \(2, 4\)"):
        files.read(8, torch.zeros(3, 4))


@pytest.mark.parametrize("content", [b"", b"not an image", "half"])
def test_damaged_files_are_named(content, ramp, tmp_path):
    """By every way of reading them; other files do not hide it."""
    good, bad = ramp(), tmp_path / "bad.png"
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(bad)
    whole = bad.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    files = ImageFiles((good, bad, good))
    complaint = r"bad.png cannot be read as an image \(.*\): replace the file"
    with pytest.raises(ValueError, match=complaint):
        files[1]
    with pytest.raises(ValueError, match=complaint):
        files.read(8)
    if content != "half":  # the header of half a file is whole
        with pytest.raises(ValueError, match=complaint):
            files.sizes()
    bad.unlink()
    with pytest.raises(ValueError, match=complaint):
        files.sizes()


@pytest.mark.parametrize(
    ("kind", "name", "mode"),
    [
        (np.uint16, "deep.png", "I;16"),
        (np.uint16, "deep.tif", "I;16"),
        (np.int32, "deep.tif", "I"),
        (np.float32, "deep.tif", "F"),
    ],
)
def test_more_than_eight_bits_are_refused_by_name(kind, name, mode, ramp, tmp_path):
    """Pillow cuts them at 255: a photograph of 16 bits would be white. Whether 12 or 16 are used is not in the file."""
    Image.fromarray((1000 * np.arange(64)).reshape(8, 8).astype(kind)).save(tmp_path / name)
    files = ImageFiles((ramp(), tmp_path / name))
    complaint = rf"{name} holds one channel of more than 8 bits \(mode {mode}\): save it with 8 bits, its values scaled"
    with pytest.raises(ValueError, match=complaint):
        files[1]
    with pytest.raises(ValueError, match=complaint):
        files.read(8)
    assert files.sizes().tolist() == [[24, 16], [8, 8]]


def test_images_too_large_to_be_meant_are_named(ramp, monkeypatch):
    """Pillow's guard against files that unpack to gigabytes, by every way of reading."""
    files = ImageFiles((ramp("large.png"),))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    for read in (files.sizes, lambda: files[0], lambda: files.read(8)):
        with pytest.raises(
            ValueError, match=r"large.png cannot be read as an image \(Image size \(384 pixels\) exceeds"
        ):
            read()


def marked(path):
    """A set of one picture of 24x16 with a box, a landmark, and a part that is seen and one that is not."""
    annotations = {
        "box": torch.tensor([[4, 2, 12, 6]]),
        "landmarks": torch.tensor([[[8.0, 4.0]]]),
        "parts": torch.tensor([[[12.0, 6.0, 1.0], [float("nan"), float("nan"), 0.0]]]),
        "age": torch.tensor([7.0]),
    }
    return a_set(ImageFiles((path,)), annotations)


@pytest.mark.parametrize(
    ("crop", "margin", "frame"),
    [
        ("whole", 0.0, (0, 0, 24, 16)),
        ("centre", 0.0, (4, 0, 20, 16)),
        ("box", 0.0, (4, 0, 12, 8)),
        ("box", 0.5, (0, -4, 16, 12)),
    ],
)
def test_coordinates_move_with_the_pixels(crop, margin, frame, ramp):
    """Each crop is the part of the image that it promises; boxes and points keep their places in it."""
    whole = marked(ramp())
    moved = whole.in_memory(32, crop=crop, margin=margin)
    x0, y0, x1, y1 = frame
    assert torch.equal(moved.images, whole.images.read(32, torch.tensor([frame])))
    scale = torch.tensor([32 / (x1 - x0), 32 / (y1 - y0)])
    origin = torch.tensor([x0, y0])
    known = moved.annotations
    assert torch.allclose(known["landmarks"][0, 0], (torch.tensor([8.0, 4.0]) - origin) * scale)
    assert torch.allclose(known["parts"][0, 0, :2], (torch.tensor([12.0, 6.0]) - origin) * scale)
    assert known["parts"][0, 1].isnan().tolist() == [True, True, False]
    assert known["parts"][0, :, 2].tolist() == [1.0, 0.0]
    assert torch.allclose(known["box"][0, :2], (torch.tensor([4.0, 2.0]) - origin) * scale)
    assert torch.allclose(known["box"][0, 2:], (torch.tensor([12.0, 6.0]) - origin) * scale)
    assert known["age"].tolist() == [7.0]
    assert whole.annotations["landmarks"].tolist() == [[[8.0, 4.0]]]  # the original stays


def test_the_pixel_under_a_landmark_is_the_same_before_and_after(ramp):
    """On a picture whose colours are its coordinates."""
    whole = marked(ramp())
    for crop in ("whole", "centre", "box"):
        moved = whole.in_memory(64, crop=crop)
        x, y = moved.annotations["landmarks"][0, 0].tolist()
        red, green, _ = moved.images[0, :, int(y), int(x)].tolist()  # column 8 and row 4 begin at the landmark
        assert (red, green) == pytest.approx((80, 40), abs=6), crop


def test_in_memory_needs_files_and_boxes(ramp):
    """What is decoded already, unknown crops, and sets without boxes are refused."""
    with pytest.raises(ValueError, match=r"in memory; use fgr.data.transforms.resize"):
        a_set(bytes_of(2)).in_memory(8)
    files = a_set(ImageFiles((ramp(),)))
    with pytest.raises(ValueError, match="crop must be one of 'whole', 'centre', 'box', got 'head'"):
        files.in_memory(8, crop="head")
    with pytest.raises(ValueError, match="pets has no boxes; crop by 'centre' or 'whole'"):
        files.in_memory(8, crop="box")
