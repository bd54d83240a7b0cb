"""Cluttered translated MNIST (`fgr.data.synthetic.clutter`): drawn when first asked for, then kept in the set's folder.

Section 4.4.1: 200,000, 100,000 and 100,000 images with 8 distractors; Figure 4.4e has 4 to 64.
"""

from functools import cache
from pathlib import Path

from torch import Tensor

from fgr.checks import check_choice
from fgr.data.fetch import fetch, folder_of
from fgr.data.images import ImageSet
from fgr.data.readers import mnist, mnist_5k
from fgr.data.synthetic.cache import rendered, split_indices
from fgr.data.synthetic.clutter import Cluttered, clutter

NAME = "cluttered_mnist"
SOURCES = {"mnist": mnist.read, "mnist_5k": mnist_5k.read}
COUNTS = {"train": 200_000, "validation": 100_000, "test": 100_000}


def read(
    folder: Path,
    split: str,
    source: str = "mnist",
    count: int | None = None,
    distractors: int = 8,
    size: int = 40,
    seed: int = 0,
    masks: bool = False,
) -> ImageSet:
    """Return images of one split, made of digits of the same split of their source.

    Args:
        folder: where the drawn images are kept. The source's files are looked for, and fetched, beside it if it is
            the folder that `fgr.data.fetch` makes, otherwise in the data folder.
        split: "train", "validation" or "test".
        source: "mnist" (first 50,000, last 10,000 and test digits, as in the thesis), or "mnist_5k" (3,500, 500 and
            1,000 digits).
        count: images; None: as many as in the thesis.
        distractors: pieces of other digits, 0 to 64.
        size: pixels of a side.
        seed: another one gives other images.
        masks: whether to keep the strokes of every digit, which doubles the memory.

    Returns:
        An `ImageSet` with `box` (B, 4), the smallest around the digit's strokes, `distractors` (B, D, 4), the place of
        each piece, and, if asked for, `mask` (B, size, size) bool.

    Raises:
        ValueError: if an option is out of range.
        FetchError: if the source is absent and cannot be fetched.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as root:
        ...     digits = read(Path(root), "test", source="mnist_5k", count=5)
        >>> digits.images.shape, digits.annotations["distractors"].shape
        (torch.Size([5, 1, 40, 40]), torch.Size([5, 8, 4]))
    """
    check_choice(source, tuple(SOURCES), "source")
    index = split_indices(split, COUNTS.get(split, 1) if count is None else count)
    root = folder.parent if folder == folder_of(NAME, folder.parent) else None

    @cache
    def digits() -> ImageSet:  # only if something is not drawn yet
        return SOURCES[source](fetch(source, root), split)

    def draw(part: Tensor) -> Cluttered:
        return clutter(digits().images, digits().targets, part, seed, distractors, size)

    settings = {"digits": source, "split": split, "distractors": distractors, "size": size, "seed": seed}
    keep = ("images", "targets", "boxes", "distractors", *(("masks",) if masks else ()))
    drawn = rendered(folder, "clutter", settings, index, draw, keep, f"cluttered digits, {split}")
    annotations = {"box": drawn["boxes"], "distractors": drawn["distractors"]}
    if masks:
        annotations["mask"] = drawn["masks"]
    return ImageSet(NAME, split, drawn["images"], drawn["targets"], mnist.CLASSES, annotations)
