"""CIFAR-100: pickles as the official page describes them, against torchvision's reader, and harmful ones.

https://www.cs.toronto.edu/~kriz/cifar.html: files train, test and meta, pickled by cPickle of Python 2; `data` has a
row of 3072 bytes an image, 1024 red, green and blue ones; `fine_labels` and `coarse_labels` are lists.
"""

import os
import pickle

import numpy as np
import pytest
from torchvision.datasets import CIFAR100

from fgr.data.readers import cifar100

FINE = [f"fine_{number}" for number in range(5)]


class Harm:
    """What a pickle could run when it is opened."""

    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def python_2(content) -> bytes:
    """The pickle of Python 2 of a dictionary with an array: protocol 2, its strings bytes, its arrays' bytes strings.

    Python 3 writes bytes as a call of _codecs.encode on the latin-1 text; Python 2 wrote the text itself.
    """
    blob = pickle.dumps(content, protocol=2)
    return blob.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def official(rng, count=12):
    """Contents of a batch."""
    return {
        "data": rng.integers(0, 256, (count, 3072)).astype(np.uint8),
        "fine_labels": rng.integers(0, 5, count).tolist(),
        "coarse_labels": rng.integers(0, 2, count).tolist(),
        "filenames": [f"a_s_{number:06d}.png" for number in range(count)],
        "batch_label": "training batch 1 of 1",
    }


META = {"fine_label_names": FINE, "coarse_label_names": ["large_carnivores", "people"]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that the archive unpacks to, with 12 images each for train and test; 3 are held out."""
    monkeypatch.setattr(cifar100, "VALIDATION", 3)
    place = tmp_path / "cifar-100-python"
    place.mkdir()
    rng = np.random.default_rng(0)
    for name, content in (("train", official(rng)), ("test", official(rng)), ("meta", META)):
        (place / name).write_bytes(python_2(content))
    return tmp_path


@pytest.mark.parametrize(("split", "train"), [("trainval", True), ("test", False)])
def test_equals_torchvision(split, train, folder, monkeypatch):
    """Every pixel and label as torchvision reads them (its check of the official hashes left out)."""
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    theirs = CIFAR100(folder, train=train)
    own = cifar100.read(folder, split)
    assert (own.images.permute(0, 2, 3, 1).numpy() == theirs.data).all()
    assert own.targets.tolist() == theirs.targets
    assert [name.replace(" ", "_") for name in own.classes] == theirs.classes


def test_splits_and_levels(folder):
    """The last images are held out; coarse labels as classes, the fine ones as annotation."""
    trainval, train, validation = (cifar100.read(folder, split) for split in ("trainval", "train", "validation"))
    assert (len(train), len(validation)) == (9, 3)
    assert (trainval.images[9:] == validation.images).all()
    assert trainval.targets.tolist() == train.targets.tolist() + validation.targets.tolist()
    coarse = cifar100.read(folder / "cifar-100-python", "trainval", labels="coarse")
    assert coarse.classes == ("large carnivores", "people")
    assert coarse.targets.tolist() == trainval.annotations["coarse"].tolist()
    assert coarse.annotations["fine"].tolist() == trainval.targets.tolist()
    assert coarse.labels["fine"] == trainval.classes


def test_a_string_of_python_2_is_read_as_bytes(folder):
    """In the official files an array's bytes are a Python 2 string: opcode U or T instead of a call of encode."""
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    blob = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02K\x03\x86"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        b"U\x06\x00\x01\x02\x03\x04\x05tb."
    )
    file = folder / "array"
    file.write_bytes(blob)
    with file.open("rb") as stream:
        assert (cifar100._Unpickler(stream, encoding="latin1").load() == array).all()


@pytest.mark.parametrize(
    "call",
    [
        (os.system, "touch harmed"),
        (eval, "__import__('pathlib').Path('harmed').touch()"),
        (np.load, "harmed"),
    ],
)
def test_code_in_a_pickle_does_not_run(call, folder, monkeypatch):
    """Whatever it names is refused by name, before it is called."""
    monkeypatch.chdir(folder)
    for protocol in (0, 2, 4):
        blob = pickle.dumps({"data": Harm(*call)}, protocol=protocol)
        (folder / "cifar-100-python" / "test").write_bytes(blob)
        with pytest.raises(ValueError, match=r"test is not the official pickle \(it asks to run .*\): fetch it again"):
            cifar100.read(folder, "test")
        assert not (folder / "harmed").exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"data": np.zeros((12, 3071), np.uint8)}, r"rows of 3072 bytes, got uint8 \(12, 3071\)"),
        ({"data": np.zeros((12, 3072), np.float32)}, "rows of 3072 bytes, got float32"),
        ({"fine_labels": [0] * 11}, "12 images but 11 fine labels"),
        ({"coarse_labels": [0] * 13}, "12 images but 13 coarse labels"),
        ({"fine_labels": [5] * 12}, r"targets of cifar100 must lie in \[0, 5\), got 5 to 5"),
    ],
)
def test_wrong_contents_are_named(change, complaint, folder):
    """Shapes, counts and labels that cannot be."""
    content = official(np.random.default_rng(1)) | change
    (folder / "cifar-100-python" / "test").write_bytes(python_2(content))
    with pytest.raises(ValueError, match=complaint):
        cifar100.read(folder, "test")


def test_damage_is_named(folder):
    """A cut file, none, and lists where names should be."""
    place = folder / "cifar-100-python"
    file = place / "test"
    whole = file.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"hello"):
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match="test is not the official pickle"):
            cifar100.read(folder, "test")
    file.write_bytes(python_2(["a", "list"]))
    with pytest.raises(ValueError, match="test lacks data, fine_labels, coarse_labels"):
        cifar100.read(folder, "test")
    file.unlink()
    with pytest.raises(ValueError, match=r"test is missing: unpack cifar-100-python.tar.gz there"):
        cifar100.read(folder, "test")
    (place / "meta").write_bytes(python_2({"fine_label_names": FINE}))
    with pytest.raises(ValueError, match="meta should hold coarse_label_names"):
        cifar100.read(folder, "train")
    with pytest.raises(ValueError, match="split of cifar100 must be one of"):
        cifar100.read(folder, "val")
