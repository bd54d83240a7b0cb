"""LSUV: unit variance, orthonormal rows, and a model that is otherwise as it was."""

import pytest
import torch
from torch import Tensor, nn

from fgr.initialization import lsuv_


@pytest.fixture
def model() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, groups=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(6 * 4 * 6, 10),
    )


@pytest.fixture
def images() -> Tensor:
    return 3 + 2 * torch.randn(128, 1, 8, 10)


def outputs(model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """What every Linear and convolution puts out, in evaluation mode."""
    seen: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(lambda _, __, output, name=name: seen.update({name: output}))
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, nn.Conv2d))
    ]
    with torch.no_grad():
        model.eval()(inputs)
    for hook in hooks:
        hook.remove()
    return seen


def test_every_layer_puts_out_unit_variance(model: nn.Sequential, images: Tensor) -> None:
    assert lsuv_(model, images, tolerance=0.01) is model
    variances = {name: output.var(correction=0).item() for name, output in outputs(model, images).items()}
    assert list(variances) == ["0", "2", "6"]
    assert variances == pytest.approx(dict.fromkeys(variances, 1.0), abs=0.01)


def test_weights_are_orthonormal_up_to_one_scale_and_biases_are_zero(model: nn.Sequential, images: Tensor) -> None:
    lsuv_(model, images)
    for layer in (model[0], model[2], model[6]):
        rows = layer.weight.detach().flatten(1)
        gram = rows @ rows.T
        torch.testing.assert_close(gram / gram[0, 0], torch.eye(len(rows)), rtol=0, atol=1e-5)
        assert (layer.bias == 0).all()


def test_layers_are_scaled_in_the_order_in_which_they_run() -> None:
    class Backwards(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.second, self.first, self.unused = nn.Linear(16, 4), nn.Linear(8, 16), nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x).relu())

    model, inputs = Backwards(), 5 * torch.randn(256, 8)
    lsuv_(model, inputs, tolerance=0.01, max_passes=2)  # one pass scales, one confirms
    variances = {name: output.var(correction=0).item() for name, output in outputs(model, inputs).items()}
    assert list(variances) == ["first", "second"]
    assert variances == pytest.approx(dict.fromkeys(variances, 1.0), abs=0.01)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(model: nn.Sequential, images: Tensor, dtype: torch.dtype) -> None:
    lsuv_(model.to(dtype), images.to(dtype), tolerance=0.05)
    for output in outputs(model, images.to(dtype)).values():
        assert output.dtype is dtype
        assert output.float().var(correction=0).item() == pytest.approx(1, abs=0.05)
    rows = model[6].weight.detach().flatten(1).float()
    gram = rows @ rows.T
    torch.testing.assert_close(gram / gram[0, 0], torch.eye(len(rows)), rtol=0, atol=0.02)


def test_modes_are_restored(model: nn.Sequential, images: Tensor) -> None:
    model.train()
    model[5].eval()  # a part that its owner froze
    lsuv_(model, images)
    assert [module.training for module in model] == [True] * 5 + [False] + [True]
    assert model.training


def test_constant_output_is_an_error_and_modes_are_still_restored(model: nn.Sequential) -> None:
    with pytest.raises(ValueError, match="layer '0' puts out a constant on this batch; give varied `inputs`"):
        lsuv_(model.train(), torch.zeros(4, 1, 8, 10))
    assert all(module.training for module in model)


def test_failing_forward_restores_modes_and_leaves_no_hooks(model: nn.Sequential) -> None:
    with pytest.raises(RuntimeError):
        lsuv_(model.train(), torch.randn(4, 3, 8, 10))
    assert all(module.training and not module._forward_hooks for module in model)


def test_wrong_tolerance_is_named(model: nn.Sequential, images: Tensor) -> None:
    with pytest.raises(ValueError, match="tolerance must be a finite number above 0, got 0"):
        lsuv_(model, images, tolerance=0)
