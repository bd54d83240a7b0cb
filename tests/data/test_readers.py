"""The readers, on small files written in the official layouts, and on damaged ones."""

import gzip
import io
import json
import struct

import numpy as np
import pytest
from PIL import Image

from fgr.data.readers import cifar10, mnist, mnist_5k


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def write_idx(file, values):
    """The layout of the official page: magic 0, 0, 8 (unsigned byte), dimensions; big-endian sizes; the values."""
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    file.write_bytes(header + values.astype(np.uint8).tobytes())


def write_mnist(folder, part, images, labels):
    write_idx(folder / f"{part}-images-idx3-ubyte", images)
    write_idx(folder / f"{part}-labels-idx1-ubyte", labels)


def test_mnist_reads_what_was_written(tmp_path, rng):
    images, labels = rng.integers(0, 256, (7, 28, 28)), rng.integers(0, 10, 7)
    write_mnist(tmp_path, "t10k", images, labels)
    test = mnist.read(tmp_path, "test")
    assert (test.images[:, 0].numpy() == images).all()
    assert (test.targets.numpy() == labels).all()


def test_mnist_holds_out_the_last_of_the_training_part(tmp_path, monkeypatch, rng):
    monkeypatch.setattr(mnist, "VALIDATION", 3)
    labels = np.arange(10)
    write_mnist(tmp_path, "train", rng.integers(0, 256, (10, 28, 28)), labels)
    got = {split: mnist.read(tmp_path, split).targets.tolist() for split in ("train", "validation", "trainval")}
    assert got == {"train": list(range(7)), "validation": [7, 8, 9], "trainval": list(range(10))}


def test_mnist_damage_is_named(tmp_path, rng):
    write_mnist(tmp_path, "t10k", rng.integers(0, 256, (7, 28, 28)), np.zeros(6))
    with pytest.raises(ValueError, match="7 t10k images but 6 labels"):
        mnist.read(tmp_path, "test")
    file = tmp_path / "t10k-images-idx3-ubyte"
    whole = file.read_bytes()
    for damaged, complaint in [
        (whole[:-1], r"should hold \(7, 28, 28\) bytes"),
        (whole + b"\0", r"should hold \(7, 28, 28\) bytes"),
        (whole[:9], "is no IDX file"),
        (b"", "is no IDX file"),
        (gzip.compress(whole), "is no IDX file"),
        ((tmp_path / "t10k-labels-idx1-ubyte").read_bytes(), "is no IDX file"),
    ]:
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=complaint):
            mnist.read(tmp_path, "test")


def write_cifar10(folder, rng, records=4):
    for file in (*cifar10.TRAIN_FILES, "test_batch.bin"):
        labels = rng.integers(0, 10, (records, 1))
        pixels = rng.integers(0, 256, (records, 3072))
        (folder / file).write_bytes(np.hstack([labels, pixels]).astype(np.uint8).tobytes())


def test_cifar10_reads_planes_and_labels(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(cifar10, "VALIDATION", 2)
    write_cifar10(tmp_path, rng)
    trainval, train, validation = (cifar10.read(tmp_path, split) for split in ("trainval", "train", "validation"))
    assert (len(trainval), len(train), len(validation)) == (20, 18, 2)
    assert (trainval.images[18:] == validation.images).all()
    record = (tmp_path / "data_batch_2.bin").read_bytes()[3073 : 2 * 3073]  # the sixth image of all
    assert trainval.targets[5] == record[0]
    red, green, blue = (record[1 + 1024 * plane :][:1024] for plane in range(3))  # "the first 1024 bytes are red"
    row, column = 3, 5
    pixel = trainval.images[5, :, row, column].tolist()
    assert pixel == [plane[row * 32 + column] for plane in (red, green, blue)]


def test_cifar10_damage_is_named(tmp_path, rng):
    write_cifar10(tmp_path, rng)
    file = tmp_path / "test_batch.bin"
    whole = file.read_bytes()
    for damaged, complaint in [
        (whole[:-1], "records of 3073 bytes"),
        (b"", "records of 3073 bytes"),
        (b"\x0a" + whole[1:], "holds the label 10"),
    ]:
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=complaint):
            cifar10.read(tmp_path, "test")


def test_cifar10_picture_rows_become_the_official_records(tmp_path, rng):
    write_cifar10(tmp_path, rng)
    records = (tmp_path / "data_batch_1.bin").read_bytes()
    images = cifar10.read(tmp_path, "trainval").images[:4].permute(0, 2, 3, 1).reshape(4, 1024, 3)  # one a row
    picture = io.BytesIO()
    Image.fromarray(images.numpy()).save(picture, "png")
    labels = json.dumps([9, 9, *(records[i * 3073] for i in range(4))]).encode()
    assert cifar10.records_from_png(picture.getvalue(), labels, first=2) == records
    with pytest.raises(ValueError, match="3 labels"):
        cifar10.records_from_png(picture.getvalue(), labels, first=3)


def write_digits(file, rows, compress=gzip.compress):
    file.write_bytes(compress(b"\n".join(b",".join(b"%d" % value for value in row) for row in rows)))


def test_mnist_5k_damage_is_named(tmp_path):
    file = tmp_path / "mnist_5k.csv.gz"
    digit = [0] * 784 + [3]
    for rows, complaint in [
        ([digit] * 2, "500 digits of each class"),
        ([digit[1:]], "784 pixels"),
        ([[256, *digit[1:]]], "784 pixels"),
        ([digit, digit[1:]], "fetch it again"),
    ]:
        write_digits(file, rows)
        with pytest.raises(ValueError, match=complaint):
            mnist_5k.read(tmp_path, "train")
    for damage in (lambda text: gzip.compress(text)[:-9], lambda text: text, lambda text: b""):
        write_digits(file, [digit], damage)
        with pytest.raises(ValueError, match=r"fetch it again|784 pixels"):
            mnist_5k.read(tmp_path, "train")
