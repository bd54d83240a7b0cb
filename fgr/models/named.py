"""A network by its name and a file of weights: what a command line can say."""

import hashlib
import inspect
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
import torchvision
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from fgr.models.vgg import VGG, face_cnn, load_vgg_weights, vgg16

OWN = ("vgg_face", "face_cnn")
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FACE_MEAN = (129.1863 / 255, 104.7624 / 255, 93.5940 / 255)  # red, green, blue of VGG-Face's training faces
VGG_LAST = "classifier.6.bias"  # as torchvision calls it, whose names the own networks take too
WRAPPED = ("model", "state_dict")  # keys under which training scripts, `fgr.training` among them, keep the weights
SUFFIXES = (".pt", ".pth", ".safetensors")  # of a file of weights, whether or not it is there
UNREADABLE = (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, KeyError)


class Preparation(NamedTuple):
    """How a network wants its images: in [0, 1], less a mean, over a deviation, channels red first or blue first."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    bgr: bool


def preparation(name: str) -> Preparation:
    """Return what images of a network of this name are prepared by.

    torchvision's weights were mostly trained with ImageNet's constants, published VGG-Face weights with values up to
    255 and blue first; a small network of your own trained otherwise needs its own.

    Example:
        >>> preparation("resnet18").mean, preparation("vgg_face").bgr
        ((0.485, 0.456, 0.406), True)
    """
    if name == "vgg_face":
        return Preparation(FACE_MEAN, (1 / 255,) * 3, bgr=True)
    return Preparation(IMAGENET_MEAN, IMAGENET_STD, bgr=False)


def load_network(name: str, weights: str, size: int = 224) -> nn.Module:
    """Build a network and load its weights, in evaluation mode.

    Args:
        name: "vgg_face", "face_cnn", or any name of `torchvision.models.list_models()`.
        weights: a checkpoint file (.pt, .pth, .safetensors), whose number of classes the network takes over; a name of
            torchvision's own weights ("DEFAULT", "IMAGENET1K_V1", "ResNet18_Weights.IMAGENET1K_V1"), which it
            downloads; or "random", always the same.
        size: side of the images, which the two own networks are made for.

    Raises:
        ValueError: on an unknown name, weights that do not fit, or a file that is no checkpoint or holds code.
        OSError: if a file cannot be read, or torchvision's weights are not there and cannot be downloaded.

    Example:
        >>> sum(p.numel() for p in load_network("squeezenet1_1", "random").parameters())
        1235496
    """
    if name not in OWN and name not in torchvision.models.list_models():
        raise ValueError(
            f"there is no network {name!r}; there are {', '.join(OWN)} and torchvision.models.list_models()"
        )
    if weights == "random":
        with torch.random.fork_rng(devices=[]):  # two parts of a data set must meet the same network
            torch.manual_seed(0)
            return _build(name, None, size).eval()
    if Path(weights).suffix in SUFFIXES or Path(weights).is_file():
        state = read_weights(Path(weights))
        return _fill(_build(name, _classes(name, size, state), size), state, weights).eval()
    if name in OWN:
        raise ValueError(f"{name} has no weights called {weights!r}, nor is that a file; give one, or 'random'")
    try:
        return torchvision.models.get_model(name, weights=weights).eval()
    except (ValueError, KeyError) as error:
        raise ValueError(
            f"torchvision has no weights {weights!r} for {name}, nor is that a file; give one, or 'DEFAULT'"
        ) from error
    except OSError as error:
        url = torchvision.models.get_model_weights(name)[weights.rsplit(".", 1)[-1]].url
        place = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[1]
        raise OSError(f"no download of {url} ({error}): put that file at {place}") from error


def read_weights(file: Path) -> dict[str, Tensor]:
    """Read parameter name -> tensor from a checkpoint; code in it is not run.

    Raises:
        ValueError: if the file is damaged, holds code, or no weights.
        OSError: if it cannot be read.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "weights.pt"
        >>> torch.save({"state_dict": {"module.weight": torch.zeros(2)}}, file)
        >>> read_weights(file)
        {'weight': tensor([0., 0.])}
    """
    file.stat()
    try:
        if file.suffix == ".safetensors":
            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise ValueError(f"{file} is damaged, no checkpoint, or holds code, which is not run") from error
    for key in WRAPPED:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{file} holds no weights (parameter name -> tensor)")
    return {name.removeprefix("module."): value for name, value in state.items()}  # DataParallel's prefix


def fingerprint(model: nn.Module) -> str:
    """Return a hash of all weights, by which features of different networks are told apart.

    Example:
        >>> a, b = load_network("squeezenet1_1", "random"), load_network("squeezenet1_1", "random")
        >>> fingerprint(a) == fingerprint(b)
        True
    """
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:16]


def _build(name: str, num_classes: int | None, size: int) -> nn.Module:
    if name == "vgg_face":
        return vgg16(num_classes or 2622, size)
    if name == "face_cnn":
        return face_cnn(num_classes or 2, size)
    options = {"num_classes": num_classes} if num_classes else {}
    if "weights_backbone" in inspect.signature(torchvision.models.get_model_builder(name)).parameters:
        options["weights_backbone"] = None  # or it is downloaded
    return torchvision.models.get_model(name, weights=None, **options)


def _classes(name: str, size: int, state: Mapping[str, Tensor]) -> int | None:
    """Return the outputs of the last layer in these weights; None if they lack it, which loading them will say."""
    try:
        with torch.device("meta"):
            network = _build(name, None, size)
    except NotImplementedError:  # RegNets compute their widths by tensors, which must hold numbers
        network = _build(name, None, size)
    last = list(network.state_dict())[-1]  # a file may list it elsewhere: safetensors goes by the alphabet
    found = next((state[entry] for entry in (last, VGG_LAST) if entry in state), None)
    return len(found) if found is not None and found.ndim else None


def _fill(model: nn.Module, state: dict[str, Tensor], source: str) -> nn.Module:
    try:
        if isinstance(model, VGG):
            return load_vgg_weights(model, state)
        model.load_state_dict(state)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{source} does not fit the network: {reason}") from error
    return model
