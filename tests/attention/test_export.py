"""Networks with attention leave torch: torch.export and ONNX give the same outputs."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from fgr.attention import augment
from fgr.models import WARN


def plain() -> tuple[nn.Module, Tensor]:
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, 6, 3, stride=2), nn.ReLU()]
    base = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))
    model = augment(base, ["4", "2"], 5, heads=2, input_shape=(3, 12, 12))
    return model.eval(), torch.randn(2, 3, 12, 12)


def warn() -> tuple[nn.Module, Tensor]:
    return WARN(10, 1, 5, attention_depth=2, heads=2).eval(), torch.randn(2, 3, 8, 8)


def looking_first() -> tuple[nn.Module, Tensor]:
    return WARN(10, 1, 5, attention_depth=2, heads=2, look_first=True).eval(), torch.randn(2, 3, 8, 8)


each_network = pytest.mark.parametrize("build", [plain, warn, looking_first])


@each_network
def test_torch_export(build: object) -> None:
    """The exported program is an AttentionOutput of the same values, for any batch."""
    model, images = build()
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(model, (images,), dynamic_shapes=({0: batch},), strict=False).module()
    more = torch.cat([images, images + 1, images - 1])
    expected, output = model(more), program(more)
    assert len(output.masks) == len(expected.masks) == 2
    for ours, theirs in zip(pytree.tree_leaves(output), pytree.tree_leaves(expected)):
        torch.testing.assert_close(ours, theirs)


@each_network
def test_onnx(build: object, tmp_path: Path) -> None:
    """A runtime without torch computes log scores, masks and gates from the file."""
    pytest.importorskip("onnxscript")
    onnxruntime = pytest.importorskip("onnxruntime")
    model, images = build()
    torch.onnx.export(model, (images,), dynamo=True, verbose=False).save(str(tmp_path / "model.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    expected = pytree.tree_leaves(model(images))
    assert len(outputs) == len(expected) == 4
    for ours, theirs in zip(outputs, expected):
        torch.testing.assert_close(torch.from_numpy(ours), theirs, rtol=1e-4, atol=1e-5)
