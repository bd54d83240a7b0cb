"""The earlier attention, which masks feature maps: its size, its equations as loops, its gates."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.attention import AttendAndRectify, MaskedFeatures, MaskedRectifier, Observed, attention_loss
from fgr.models import cluttered_cnn
from fgr.models.cluttered_cnn import TAPS

EXACT = {"rtol": 1e-10, "atol": 1e-10}
SHAPES = [(128, 4, 4), (128, 6, 6), (128, 6, 6), (64, 8, 8)]  # of TAPS[:4] in the released layout


def digits() -> AttendAndRectify:
    return AttendAndRectify(
        cluttered_cnn(layout="released"), MaskedRectifier(SHAPES, 256, 10, heads=4), TAPS[:4], "classifier"
    )


def test_four_modules_of_four_heads_nearly_triple_the_network_for_digits() -> None:
    """2,668,078 parameters, as counted in the released code."""
    with torch.device("meta"):
        model = digits()
        assert model(torch.empty(2, 1, 40, 40)).gates.shape == (2, 17)
    assert sum(p.numel() for p in model.parameters()) == 2_668_078


def norm(values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """BatchNorm of one channel in training."""
    return (values - values.mean()) / (values.var(correction=0) + 1e-5).sqrt() * weight + bias


@pytest.mark.parametrize("joint", [False, True])
def test_module_equals_its_loops(joint: bool) -> None:
    """Head by head and channel by channel, forward and the gradient of every parameter."""
    B, r, K, L = 3, 2, 3, 4
    module = MaskedFeatures((4, 2, 3), L, K, joint_masks=joint).double()
    Z = torch.randn(B, 4, 2, 3, dtype=torch.float64)
    bn, shared, hidden_bn, gate_bn = module.reduce[1], module.norm, module.hidden_norm, module.gate_norm
    X = F.conv2d(Z, module.reduce[0].weight)
    X = torch.stack([norm(X[:, i], bn.weight[i], bn.bias[i]) for i in range(r)], 1)
    looks = torch.stack([F.conv2d(X, module.look.weight[k : k + 1], padding=1)[:, 0] for k in range(K)], 1).exp()
    A = torch.stack([look / look.sum() if joint else look / look.sum((1, 2), keepdim=True) for look in looks])
    M = torch.stack([A[:, k, None] * X for k in range(K)])  # (K, B, r, H, W)
    M = torch.stack([norm(M[:, :, i], shared.weight[i], shared.bias[i]) for i in range(r)], 2)
    scores, gates = [], []
    for k in range(K):
        mine = slice(k * r, (k + 1) * r)
        u = (M[k].flatten(1) @ module.hidden.weight[mine].flatten(1).T).clamp(min=0)
        u = torch.stack([norm(u[:, i], hidden_bn.weight[mine][i], hidden_bn.bias[mine][i]) for i in range(r)], 1)
        classes = slice(k * L, (k + 1) * L)
        scores.append(u @ module.classify.weight[classes, :, 0].T + module.classify.bias[classes])
        gates.append(norm(u @ module.gate.weight[k, :, 0], gate_bn.weight[k], gate_bn.bias[k]).tanh())
    output, expected = module(Z), (torch.stack(scores, 1), A, torch.stack(gates, 1))
    for ours, slow in zip(output, expected):
        torch.testing.assert_close(ours, slow, **EXACT)
    weights = [torch.randn_like(part) for part in expected]
    losses = [sum((part * w).sum() for part, w in zip(parts, weights)) for parts in (output, expected)]
    for ours, slow in zip(*(torch.autograd.grad(loss, list(module.parameters())) for loss in losses)):
        torch.testing.assert_close(ours, slow, **EXACT)


def test_gates_of_all_heads_and_the_network_share_one_softmax() -> None:
    """Masks sum to one a head, or together if joint; without gates all count alike."""
    taps = (torch.randn(3, 4, 2, 2), torch.randn(3, 6, 4, 4))
    seen = Observed(torch.randn(3, 5), torch.randn(3, 7), taps)
    shapes = [(4, 2, 2), (6, 4, 4)]
    output = MaskedRectifier(shapes, 7, 5, heads=2)(seen)
    torch.testing.assert_close(output.gates.sum(1), torch.ones(3))
    for mask in output.masks:
        torch.testing.assert_close(mask.sum((2, 3)), torch.ones(3, 2))
    joint = MaskedRectifier(shapes, 7, 5, heads=2, joint_masks=True)(seen)
    torch.testing.assert_close(joint.masks[1].sum((1, 2, 3)), torch.ones(3))
    assert torch.equal(MaskedRectifier(shapes, 7, 5, heads=2, gates=False)(seen).gates, torch.full((3, 5), 1 / 5))


def test_memory_format_changes_nothing() -> None:
    """Images with channels last, as convolutions on GPUs like them: through the network, forward and backward."""
    module = MaskedFeatures((4, 2, 3), 5, heads=3).double()
    features = torch.randn(3, 4, 2, 3, dtype=torch.float64)
    expected, ours = module(features), module(features.to(memory_format=torch.channels_last))
    for first, second in zip(ours, expected):
        torch.testing.assert_close(first, second, **EXACT)
    model = digits().to(memory_format=torch.channels_last)
    images = torch.rand(3, 1, 40, 40).to(memory_format=torch.channels_last)
    attention_loss(model(images), torch.tensor([1, 2, 3])).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_every_parameter_learns() -> None:
    """On cluttered digits, with the unpooled penalty of that code."""
    model = digits()
    attention_loss(model(torch.rand(3, 1, 40, 40)), torch.tensor([1, 2, 3]), 1.0, pool=1).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MaskedFeatures((1, 2, 2), 3), r"channels / 2 must be a finite number above 0, got 0"),
        (lambda: MaskedFeatures((4, 2, 2), 3)(torch.zeros(1, 4, 2, 3)), r"features must have shape \(B, 4, 2, 2\)"),
        (lambda: MaskedRectifier([], 4, 3), r"shapes must hold one \(C, H, W\) a tap, got none"),
    ],
)
def test_wrong_input_is_named(call: object, message: str) -> None:
    """One sentence with the value and what was expected."""
    with pytest.raises(ValueError, match=message):
        call()
