"""Generated birds (`fgr.data.synthetic.birds`): rendered when first asked for, then kept in the set's folder."""

from functools import partial
from pathlib import Path

from fgr.data.images import ImageSet
from fgr.data.synthetic.birds import ATTRIBUTES, PARTS, render_birds, taxonomy
from fgr.data.synthetic.cache import rendered, split_indices

KEEP = ("images", "species", "parts", "boxes", "part_labels")


def read(
    folder: Path,
    split: str,
    count: int = 1000,
    size: int = 64,
    num_species: int = 100,
    difficulty: float = 0.5,
    seed: int = 0,
) -> ImageSet:
    """Return `count` birds of one split; species take turns, so that classes are even.

    Args:
        folder: where rendered images are kept.
        split: "train", "validation" or "test": different birds of the same species.
        count: images, at least 1.
        size: pixels of a side.
        num_species, difficulty: as in `render_birds`.
        seed: another one gives other birds of the same species.

    Returns:
        An `ImageSet` with `parts` (B, 12, 3), `box`, `attributes` (B, 85) bool, which its species has, and
        `part_labels` (B, H, W) uint8: 0 off the bird, else 1 + which part shows.

    Raises:
        ValueError: if an option is out of range.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     birds = read(Path(folder), "train", count=20, size=32, num_species=20)
        >>> birds.images.shape, birds.targets[:3].tolist(), birds.annotations["box"].shape
        (torch.Size([20, 3, 32, 32]), [0, 1, 2], torch.Size([20, 4]))
    """
    tree = taxonomy(num_species)
    options = {"size": size, "num_species": num_species, "difficulty": difficulty, "seed": seed}
    index = split_indices(split, count)
    birds = rendered(folder, "birds", options, index, partial(render_birds, **options), KEEP, f"birds, {split}")
    species = birds["species"]
    return ImageSet(
        "synthetic_birds",
        split,
        birds["images"],
        species,
        tree.names,
        {
            "parts": birds["parts"],
            "box": birds["boxes"],
            "attributes": tree.attributes[species],
            "part_labels": birds["part_labels"],
        },
        {"parts": PARTS, "attributes": ATTRIBUTES},
    )
