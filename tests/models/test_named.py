"""Networks by name and file: every kind of checkpoint, what does not fit, random weights that are always the same."""

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

from fgr.models import face_cnn
from fgr.models.named import fingerprint, load_network, preparation, read_weights


def test_random_weights_are_always_the_same_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first = load_network("face_cnn", "random", size=16)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(8)
    assert fingerprint(load_network("face_cnn", "random", size=16)) == fingerprint(first)
    with torch.no_grad():
        first.fc8.bias[0] += 1e-6
    assert fingerprint(load_network("face_cnn", "random", size=16)) != fingerprint(first)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("wrap", [None, "model", "state_dict"])
def test_every_kind_of_checkpoint_is_read_and_the_classes_counted(
    tmp_path: Path, suffix: str, wrap: str | None
) -> None:
    trained = face_cnn(num_classes=9, size=16)
    state, file = trained.state_dict(), tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(state, file)
    elif wrap:
        torch.save({wrap: {f"module.{name}": value for name, value in state.items()}, "epoch": 3}, file)
    else:
        torch.save(state, file)
    model = load_network("face_cnn", str(file), size=16)
    assert not model.training and model.fc8.out_features == 9 and fingerprint(model) == fingerprint(trained)


def test_a_torchvision_network_from_a_file(tmp_path: Path) -> None:
    trained = torchvision.models.resnet18(num_classes=3)
    torch.save(trained.state_dict(), tmp_path / "r.pt")
    assert fingerprint(load_network("resnet18", str(tmp_path / "r.pt"))) == fingerprint(trained)


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "squeezenet1_1", "mobilenet_v3_small", "regnet_x_400mf"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.filterwarnings("ignore:The default weight initialization of GoogleNet")
def test_classes_are_counted_wherever_the_last_layer_stands(name: str, suffix: str, tmp_path: Path) -> None:
    """safetensors sorts by names, and a state dict may hold any order: batch normalisation, say, at its end."""
    trained = torchvision.models.get_model(name, weights=None, num_classes=7)
    state = dict(sorted(trained.state_dict().items(), reverse=True))
    (save_file if suffix == ".safetensors" else torch.save)(state, tmp_path / f"w{suffix}")
    assert fingerprint(load_network(name, str(tmp_path / f"w{suffix}"))) == fingerprint(trained)


def test_classes_of_the_own_networks_are_counted_under_torchvisions_names(tmp_path: Path) -> None:
    trained = face_cnn(num_classes=9, size=16)
    convolutional = [name for name, _ in trained.named_children() if name.startswith(("conv", "bn", "relu", "pool"))]
    numbers = {name: f"features.{number}" for number, name in enumerate(convolutional)}
    numbers |= {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}
    renamed = {
        ".".join((numbers[name.split(".")[0]], name.split(".")[1])): v for name, v in trained.state_dict().items()
    }
    save_file(renamed, tmp_path / "w.safetensors")
    model = load_network("face_cnn", str(tmp_path / "w.safetensors"), size=16)
    assert fingerprint(model) == fingerprint(trained)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that torchvision wants to download from; none answers."""
    addresses = []

    def refuse(url: str, **_: object) -> None:
        addresses.append(url)
        raise OSError("no route to host")

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", refuse)
    return addresses


@pytest.mark.parametrize("weights", ["DEFAULT", "IMAGENET1K_V1", "ResNet18_Weights.IMAGENET1K_V1"])
def test_names_of_weights_are_no_files(weights: str, asked: list[str], tmp_path: Path, monkeypatch) -> None:
    """Dots in a name are torchvision's own, and a folder of that name is none of its weights."""
    (tmp_path / weights).mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        OSError, match=r"no download of https://\S+resnet18-\w+.pth \(no route to host\): put that file"
    ):
        load_network("resnet18", weights)
    assert len(asked) == 1


def test_random_weights_of_a_detector_download_no_backbone(asked: list[str]) -> None:
    """Nor does counting the classes of a file."""
    assert not load_network("fasterrcnn_mobilenet_v3_large_320_fpn", "random").training
    assert asked == []


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "linear.pt")
    with pytest.raises(ValueError, match=r"linear\.pt does not fit the network: Error.* Missing key"):
        load_network("resnet18", str(tmp_path / "linear.pt"))
    with pytest.raises(ValueError, match=r"linear\.pt does not fit the network: weights do not fit: missing"):
        load_network("face_cnn", str(tmp_path / "linear.pt"), size=16)
    with pytest.raises(
        ValueError, match=r"there is no network 'resnet19'; there are vgg_face, face_cnn and torchvision"
    ):
        load_network("resnet19", "random")
    with pytest.raises(ValueError, match="face_cnn has no weights called 'DEFAULT', nor is that a file; give one"):
        load_network("face_cnn", "DEFAULT")
    with pytest.raises(ValueError, match="torchvision has no weights 'IMAGENET9' for resnet18"):
        load_network("resnet18", "IMAGENET9")
    with pytest.raises(ValueError, match=r"no weights '.*absent\.ckpt' for resnet18, nor is that a file; give one, or"):
        load_network("resnet18", str(tmp_path / "absent.ckpt"))
    with pytest.raises(FileNotFoundError):
        load_network("resnet18", str(tmp_path / "absent.pt"))


class Code:
    """Something that a pickle could run."""


def test_damaged_files_and_code_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.pt"
    for content in (b"", b"nothing", b"PK\x03\x04 cut off"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.pt is damaged, no checkpoint, or holds code"):
            read_weights(file)
    torch.save(Code(), file)
    with pytest.raises(ValueError, match="holds code, which is not run"):
        read_weights(file)
    torch.save({"epoch": 3}, file)
    with pytest.raises(ValueError, match="holds no weights"):
        read_weights(file)
    (tmp_path / "x.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"x\.safetensors is damaged"):
        read_weights(tmp_path / "x.safetensors")


def test_vgg_face_wants_blue_first_and_values_up_to_255() -> None:
    mean, std, bgr = preparation("vgg_face")
    assert bgr and 1 / std[0] == pytest.approx(255) and mean[0] * 255 == pytest.approx(129.1863)
    assert not preparation("resnet18").bgr
