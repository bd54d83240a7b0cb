"""Features of listed video frames: images decoded and prepared, read by a network up to one layer, kept in a file."""

import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from fgr.data.feature_files import LIST, FrameFeatures, save_features
from fgr.data.frame_lists import FrameList, read_frame_list
from fgr.data.image_files import ImageFiles
from fgr.data.transforms import standardize
from fgr.models.features import extract_features, find_layer
from fgr.models.named import Preparation, fingerprint, load_network, preparation
from fgr.training import local_device


def extract(
    list_file: Path,
    out: Path,
    *,
    model: str,
    weights: str,
    layer: str,
    root: Path | None = None,
    size: int = 224,
    prepare: Preparation | None = None,
    batch_size: int = 32,
    device: str = "auto",
) -> FrameFeatures:
    """Compute features of every frame of a list, write them to `out` (safetensors), and return them.

    Args:
        list_file, root: as in `read_frame_list`. Images are squeezed to `size` x `size`; crop faces beforehand.
        model, weights, size: as in `load_network`.
        layer: as in `extract_features`. Of a VGG, `relu6` is what Caffe's tools, and so the thesis, call fc6.
        prepare: constants of the images; by default those of `preparation(model)`.
        batch_size: images decoded and read at once.
        device: as in `local_device`.

    Raises:
        ValueError: on a wrong list, network, layer or image; all but images are checked before the first is read.
        OSError: if a file cannot be read or written.
    """
    frames, place = read_frame_list(list_file, root), local_device(device)
    network = load_network(model, weights, size)
    find_layer(network, layer)
    constants = prepare or preparation(model)
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    batches = _batches(frames, size, constants, batch_size)
    features = torch.cat([part.float() for part in extract_features(network, batches, layer, place)])
    made = {LIST: str(list_file), "model": model, "weights": fingerprint(network), "layer": layer, "size": str(size)}
    made |= {"mean": str(constants.mean), "std": str(constants.std), "bgr": str(constants.bgr)}
    paths = tuple(str(path) for path in frames.paths)
    found = FrameFeatures(features, frames.labels, frames.sequences, paths, made)
    save_features(out, found)
    return found


def _batches(frames: FrameList, size: int, prepare: Preparation, batch_size: int) -> Iterator[Tensor]:
    starts = range(0, len(frames), batch_size)
    with tqdm(total=len(frames), desc="frames", unit="frame", disable=not sys.stderr.isatty()) as bar:
        for start in starts:
            images = ImageFiles(frames.paths[start : start + batch_size]).read(size)
            prepared = standardize(images, prepare.mean, prepare.std)
            yield prepared.flip(1) if prepare.bgr else prepared
            bar.update(len(images))
