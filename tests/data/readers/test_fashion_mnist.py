"""Fashion-MNIST's IDX files, against torchvision's reader of the same files.

github.com/zalandoresearch/fashion-mnist: the four files of MNIST, classes T-shirt/top to ankle boot.
"""

import struct

import numpy as np
import pytest
import torch
from torchvision.datasets import FashionMNIST

from fgr.data.readers import fashion_mnist, mnist


def test_equals_torchvision(tmp_path, monkeypatch):
    """Every pixel and label as torchvision reads them; the last images are held out."""
    monkeypatch.setattr(mnist, "VALIDATION", 4)
    rng = np.random.default_rng(0)
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", 10), ("t10k", 6)):
        header = bytes([0, 0, 8, 3]) + struct.pack(">3I", count, 28, 28)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + rng.bytes(count * 784))
        header = bytes([0, 0, 8, 1]) + struct.pack(">I", count)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(header + bytes(number % 10 for number in range(count)))
    for split, train in (("trainval", True), ("test", False)):
        own, theirs = fashion_mnist.read(raw, split), FashionMNIST(tmp_path, train=train)
        assert torch.equal(own.images[:, 0], theirs.data)
        assert torch.equal(own.targets, theirs.targets)
        assert list(own.classes) == theirs.classes
        assert (own.name, own.split) == ("fashion_mnist", split)
    assert fashion_mnist.read(raw, "train").targets.tolist() == list(range(6))
    assert fashion_mnist.read(raw, "validation").targets.tolist() == [6, 7, 8, 9]
    with pytest.raises(ValueError, match="split of fashion_mnist must be one of"):
        fashion_mnist.read(raw, "val")
