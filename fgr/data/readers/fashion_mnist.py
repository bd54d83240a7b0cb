"""Fashion-MNIST: 28x28 pictures of clothes in exactly the files of MNIST (github.com/zalandoresearch/fashion-mnist)."""

from dataclasses import replace
from pathlib import Path

from fgr.checks import check_choice
from fgr.data.images import ImageSet
from fgr.data.readers import mnist
from fgr.data.readers._split import PARTS

CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


def read(folder: Path, split: str) -> ImageSet:
    """Read one split from the four official files (unpacked).

    train is the official training part without its last 10,000 images, validation those, trainval all of it.

    Raises:
        ValueError: if a file is not IDX, is cut, or holds another number of labels than images.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as root:
        ...     images = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(784)
        ...     _ = Path(root, "t10k-images-idx3-ubyte").write_bytes(images)
        ...     _ = Path(root, "t10k-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 1, 9]))
        ...     clothes = read(Path(root), "test")
        >>> clothes.classes[clothes.targets[0]], clothes.images.shape
        ('Ankle boot', torch.Size([1, 1, 28, 28]))
    """
    check_choice(split, (*PARTS, "trainval"), "split of fashion_mnist")
    return replace(mnist.read(folder, split), name="fashion_mnist", classes=CLASSES)
