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
    with pytest.raises(ValueError, match="face_cnn has no weights called 'DEFAULT'; give a file, or 'random'"):
        load_network("face_cnn", "DEFAULT")
    with pytest.raises(ValueError, match="torchvision has no weights 'IMAGENET9' for resnet18"):
        load_network("resnet18", "IMAGENET9")
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
