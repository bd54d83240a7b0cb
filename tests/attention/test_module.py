"""Attention modules, global gates and their sum: limits, identities, gradients, extreme inputs, wrong inputs."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from fgr.attention import AttentionModule, GlobalGates, Observed, Rectifier, attend, attend_first, combine

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def maps(B: int = 2, heads: int = 3, classes: int = 4, H: int = 3, W: int = 5) -> Tensor:
    return torch.randn(B, heads * (classes + 2), H, W, dtype=torch.float64)


# ---------------------------------------------------------------- modules


def test_masks_and_head_gates_sum_to_one() -> None:
    """Softmax masks over places; softmax gates over heads, of scores between -1 and 1."""
    scores, masks, gates = attend(20 * maps(), heads=3)
    assert scores.shape == (2, 4) and masks.shape == (2, 3, 3, 5) and gates.shape == (2, 3)
    torch.testing.assert_close(masks.sum((2, 3)), torch.ones(2, 3, dtype=torch.float64), **EXACT)
    torch.testing.assert_close(gates.sum(1), torch.ones(2, dtype=torch.float64), **EXACT)
    assert gates.min() >= 1 / (1 + 2 * math.e**2) and gates.max() <= math.e / (math.e + 2 / math.e)


def test_one_head_equals_no_head_gate() -> None:
    """With AW = 1 the gate is 1 and the weights that feed it get no gradient."""
    module = AttentionModule(5, 4, heads=1).double()
    plain = AttentionModule(5, 4, heads=1, head_gates=False).double()
    with torch.no_grad():
        plain.conv.weight.copy_(module.conv.weight[[0, 2, 3, 4, 5]])
    features = torch.randn(2, 5, 4, 4, dtype=torch.float64)
    gated, ungated = module(features), plain(features)
    torch.testing.assert_close(gated.scores, ungated.scores, **EXACT)
    assert torch.equal(gated.gates, torch.ones(2, 1, dtype=torch.float64))
    gated.scores.square().sum().backward()
    assert (module.conv.weight.grad[1] == 0).all() and module.conv.weight.grad[[0, 2, 3, 4, 5]].any()


def test_permuting_heads_changes_nothing_but_their_order() -> None:
    """Heads have no rank: scores stay, masks and gates move along."""
    order = [2, 0, 1]
    given = maps()
    moved = given.unflatten(1, (3, 6))[:, order].flatten(1, 2)
    first, second = attend(given, 3), attend(moved, 3)
    torch.testing.assert_close(first.scores, second.scores, **EXACT)
    assert torch.equal(first.masks[:, order], second.masks) and torch.equal(first.gates[:, order], second.gates)


def test_a_mask_on_one_place_reads_the_scores_there() -> None:
    """And a uniform mask reads their mean."""
    given = maps(heads=1)
    given[:, 0] = 0
    torch.testing.assert_close(attend(given, 1).scores, given[:, 2:].mean((2, 3)), **EXACT)
    given[:, 0, 1, 4] = 1e4
    torch.testing.assert_close(attend(given, 1).scores, given[:, 2:, 1, 4], **EXACT)


def test_sigmoid_masks_close_and_open() -> None:
    """Closed they read nothing, open the mean: the degenerations that the thesis expects of them."""
    given = maps(heads=1)
    given[:, 0] = -1e4
    assert (attend(given, 1, masks="sigmoid").scores == 0).all()
    given[:, 0] = 1e4
    torch.testing.assert_close(attend(given, 1, masks="sigmoid").scores, given[:, 2:].mean((2, 3)), **EXACT)


def test_module_is_one_convolution_and_attend() -> None:
    """The module agrees with its function, and costs 9 C K (L + 2) parameters."""
    module = AttentionModule(6, 10, heads=4)
    features = torch.randn(2, 6, 4, 7)
    for ours, expected in zip(module(features), attend(module.conv(features), 4)):
        assert torch.equal(ours, expected)
    assert sum(p.numel() for p in module.parameters()) == 9 * 6 * 4 * 12
    assert sum(p.numel() for p in AttentionModule(6, 10, 4, batch_norm=True).parameters()) == 9 * 6 * 4 * 12 + 12
    normed = AttentionModule(6, 10, 4, batch_norm=True)
    assert torch.equal(normed(features).masks, attend(normed.conv(normed.norm(features)), 4).masks)
    assert (normed.norm(features) >= 0).all()


@pytest.mark.parametrize(("masks", "head_gates"), [("softmax", True), ("sigmoid", False)])
def test_gradcheck_of_attend(masks: str, head_gates: bool) -> None:
    """Analytic against numeric derivatives."""
    given = torch.randn(2, 2 * (3 + 1 + head_gates), 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: tuple(attend(x, 2, masks, head_gates)), given)


# ---------------------------------------------------------------- looking before classifying


@pytest.mark.parametrize("size", [(4, 6), (1, 1), (2, 1), (7, 3)])
@pytest.mark.parametrize(("masks", "head_gates"), [("softmax", True), ("sigmoid", True), ("softmax", False)])
@pytest.mark.parametrize("heads", [1, 3])
def test_looking_first_is_the_same_function(heads: int, masks: str, head_gates: bool, size: tuple[int, int]) -> None:
    """Scores, masks, gates, and the gradients of features and weights, on maps as small as one place."""
    features = torch.randn(2, 5, *size, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(heads * (4 + 1 + head_gates), 5, 3, 3, dtype=torch.float64, requires_grad=True)
    slow = attend(F.conv2d(features, weight, padding=1), heads, masks, head_gates)
    quick = attend_first(features, weight, heads, masks, head_gates)
    for ours, expected in zip(quick, slow):
        torch.testing.assert_close(ours, expected, **EXACT)
    towards = torch.randn_like(slow.scores)
    grads = [
        torch.autograd.grad((h.scores * towards).sum() + h.masks.square().sum(), (features, weight))
        for h in (slow, quick)
    ]
    for ours, expected in zip(*grads):
        torch.testing.assert_close(ours, expected, rtol=1e-11, atol=1e-11)


def test_gradcheck_of_looking_first() -> None:
    """Analytic against numeric derivatives, by features and weights."""
    features = torch.randn(2, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2 * (2 + 2), 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x, w: tuple(attend_first(x, w, 2)), (features, weight))


def test_a_trained_module_may_look_first() -> None:
    """The switch changes no weight, no name of one, and what is put out only in the last digits."""
    module = AttentionModule(6, 10, heads=4, batch_norm=True)
    switched = AttentionModule(6, 10, heads=4, batch_norm=True, look_first=True)
    switched.load_state_dict(module.state_dict())
    features = torch.randn(3, 6, 5, 5).to(memory_format=torch.channels_last)
    for ours, expected in zip(switched(features), module(features)):
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)
    module.look_first = True
    assert torch.equal(module(features).scores, switched(features).scores)


def test_looking_first_costs_little_whatever_the_classes() -> None:
    """Multiply-accumulates, counted: 9 C K (L + 2) a place against 18 C K, and 9 C K (L + 1) once an image."""
    C, K, places = 16, 4, 14 * 14
    for classes in (10, 200):
        counted = []
        for look_first in (False, True):
            module, features = AttentionModule(C, classes, K, look_first=look_first), torch.zeros(1, C, 14, 14)
            with FlopCounterMode(display=False) as counter:
                module(features)
            counted.append(counter.get_total_flops() / 2)
        votes = K * (classes + 1) * places  # the sum over places of what was classified
        assert counted[0] == 9 * C * K * (classes + 2) * places + votes
        assert counted[1] == 18 * C * K * places + 9 * C * K * (classes + 1)


def test_looking_first_refuses_channels_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match=r"weight must have heads x \(classes \+ 2\) channels, got 7 for 3 heads"):
        attend_first(torch.zeros(1, 2, 3, 3), torch.zeros(7, 2, 3, 3), heads=3)
    with pytest.raises(ValueError, match="masks must be one of"):
        attend_first(torch.zeros(1, 2, 3, 3), torch.zeros(9, 2, 3, 3), heads=3, masks="hard")


# ---------------------------------------------------------------- gates


@pytest.mark.parametrize(("hypotheses", "lowest", "highest"), [(2, 0.119, 0.881), (3, 0.063, 0.787), (4, 0.043, 0.711)])
def test_softmax_gates_never_close(hypotheses: int, lowest: float, highest: float) -> None:
    """The tanh bounds them, whatever the scores: no module can be switched off, against the thesis's remark."""
    gates = GlobalGates(1, hypotheses, batch_norm=False)
    for signs, bound, found in ((-1, lowest, torch.min), (1, highest, torch.max)):
        with torch.no_grad():
            gates.linear.weight.fill_(-1e3 * signs)
            gates.linear.weight[0] = 1e3 * signs
        assert found(gates(torch.ones(1, 1))).item() == pytest.approx(bound, abs=6e-4)


def test_sigmoid_gates_are_divided_by_their_sum() -> None:
    """The released switch; 1e-6 keeps the sum below one."""
    gates = GlobalGates(3, 4, kind="sigmoid")(torch.randn(5, 3))
    assert (gates.sum(1) < 1).all() and (gates.sum(1) > 1 - 2e-6).all()


@pytest.mark.parametrize("sum_of", ["log_probabilities", "probabilities", "scores"])
def test_gates_fixed_to_the_network_recover_it_exactly(sum_of: str) -> None:
    """With all weight on one hypothesis the sum is its log-softmax to the last bit."""
    scores = torch.randn(3, 4, 5) * 10
    gates = torch.tensor([[0.0, 0.0, 0.0, 1.0]]).expand(3, 4)
    assert torch.equal(combine(scores, gates, sum_of), scores[:, 3].log_softmax(1))


def test_sums_are_normalised_where_they_should_be() -> None:
    """The mixture and the printed form are distributions; the released sum is the latter before it is normalised."""
    scores, gates = torch.randn(6, 3, 5, dtype=torch.float64) * 3, torch.rand(6, 3, dtype=torch.float64).softmax(1)
    ones = torch.ones(6, dtype=torch.float64)
    released = combine(scores, gates)
    torch.testing.assert_close(combine(scores, gates, "probabilities").exp().sum(1), ones, **EXACT)
    torch.testing.assert_close(combine(scores, gates, "scores").exp().sum(1), ones, **EXACT)
    assert (released.exp().sum(1) < 1).all()
    torch.testing.assert_close(released.log_softmax(1), combine(scores, gates, "scores"), **EXACT)  # same product
    assert (combine(scores, gates, "probabilities") >= released).all()  # Jensen


@pytest.mark.parametrize("sum_of", ["log_probabilities", "probabilities", "scores"])
def test_gradcheck_of_combine(sum_of: str) -> None:
    """By scores and by gates."""
    scores = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    gates = torch.rand(2, 3, dtype=torch.float64).add(0.1).requires_grad_()
    assert torch.autograd.gradcheck(lambda s, g: combine(s, g, sum_of), (scores, gates))


# ---------------------------------------------------------------- all together


def observed(dtype: torch.dtype = torch.float32, scale: float = 1.0) -> Observed:
    taps = (torch.randn(4, 6, 2, 2), torch.randn(4, 3, 4, 4))
    return Observed(
        scale * torch.randn(4, 5).to(dtype),
        scale * torch.randn(4, 6).to(dtype),
        tuple(scale * tap.to(dtype) for tap in taps),
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "options",
    [{}, {"masks": "sigmoid", "gates": "sigmoid"}, {"sum_of": "probabilities"}, {"look_first": True}],
)
def test_extreme_inputs_stay_finite(options: dict[str, str], dtype: torch.dtype) -> None:
    """Features and logits in the hundreds, forward and backward, in each precision."""
    rectifier = Rectifier([6, 3], 6, 5, heads=2, **options).to(dtype)
    output = rectifier(observed(dtype, scale=300.0))
    output.log_scores.sum().backward()
    for tensor in (output.log_scores, output.gates, *output.masks, *(p.grad for p in rectifier.parameters())):
        assert tensor.dtype == dtype and tensor.isfinite().all()


@pytest.mark.parametrize("gates", ["softmax", "sigmoid", "none", "projection"])
def test_every_parameter_learns(gates: str) -> None:
    """A gradient for each, from the log scores alone."""
    rectifier = Rectifier([6, 3], 6, 5, heads=2, gates=gates, tap_norm=True)
    rectifier(observed()).log_scores[:, 0].sum().backward()
    for name, parameter in rectifier.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_blocked_gradients_leave_the_networks_own_hypothesis() -> None:
    """Neither taps nor gates send a gradient back; logits do."""
    for block in (False, True):
        seen = observed()
        for tensor in (seen.logits, seen.features, *seen.taps):
            tensor.requires_grad_()
        rectifier = Rectifier([6, 3], 6, 5, block_gradients=block)
        rectifier(seen).log_scores[:, 0].sum().backward()
        assert seen.logits.grad.any()
        assert all((tensor.grad is None) == block for tensor in (seen.features, *seen.taps))
        assert all(parameter.grad is not None for parameter in rectifier.parameters())


def test_equal_weights_without_gates() -> None:
    """1 / (AD + 1) each, as released, not 1 / AD as the text has it."""
    output = Rectifier([6, 3], 6, 5, gates="none")(observed())
    assert torch.equal(output.gates, torch.full((4, 3), 1 / 3))


def test_a_projection_has_no_gates() -> None:
    """Its log scores are normalised."""
    output = Rectifier([6, 3], 6, 5, gates="projection")(observed())
    assert output.gates.shape == (4, 0)
    torch.testing.assert_close(output.log_scores.exp().sum(1), torch.ones(4))


# ---------------------------------------------------------------- wrong inputs


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AttentionModule(4, 3, masks="tanh"), "masks must be one of 'softmax', 'sigmoid', got 'tanh'"),
        (lambda: AttentionModule(4, 3, heads=0), "heads must be a finite number above 0, got 0"),
        (lambda: AttentionModule(4, 3)(torch.zeros(1, 5, 2, 2)), r"features must have shape \(B, 4, H, W\)"),
        (lambda: attend(torch.zeros(1, 12, 2, 2), 0), "heads must be a finite number above 0, got 0"),
        (lambda: attend(torch.zeros(1, 12, 2, 2), -2), "heads must be a finite number above 0, got -2"),
        (
            lambda: attend_first(torch.zeros(1, 2, 3, 3), torch.zeros(12, 2, 3, 3), 0),
            "heads must be a finite number above 0, got 0",
        ),
        (lambda: attend(torch.zeros(1, 13, 2, 2), 4), r"heads x \(classes \+ 2\) channels, got 13 for 4 heads"),
        (lambda: attend(torch.zeros(1, 8, 2, 2), 4), r"heads x \(classes \+ 2\) channels, got 8 for 4 heads"),
        (lambda: GlobalGates(4, 2, kind="hard"), "kind must be one of 'softmax', 'sigmoid', got 'hard'"),
        (lambda: GlobalGates(4, 2)(torch.zeros(3, 5)), r"features must have shape \(B, 4\), got \(3, 5\)"),
        (lambda: combine(torch.zeros(1, 2, 3), torch.zeros(1, 3)), r"gates must have shape \(B, 2\), got \(1, 3\)"),
        (lambda: combine(torch.zeros(1, 2, 3), torch.zeros(1, 2), "x"), "sum_of must be one of"),
        (lambda: Rectifier([], 4, 3), "channels must hold one number a tap, got none"),
        (lambda: Rectifier([4], 4, 3, gates="soft"), "gates must be one of .*'none', 'projection', got 'soft'"),
        (lambda: Rectifier([6], 6, 5)(observed()), "there must be 1 taps, one a module, got 2"),
        (lambda: Rectifier([6, 3], 6, 9)(observed()), r"logits must have shape \(B, 9\), got \(4, 5\)"),
    ],
)
def test_wrong_input_is_named(call: object, message: str) -> None:
    """One sentence with the value and what was expected."""
    with pytest.raises(ValueError, match=message):
        call()


def test_modules_are_plain() -> None:
    """No buffers besides BatchNorm's, so a checkpoint holds what is learnt and nothing else."""
    rectifier = Rectifier([6, 3], 6, 5)
    assert {name for name, _ in rectifier.named_buffers()} == {
        "gates.norm.running_mean", "gates.norm.running_var", "gates.norm.num_batches_tracked",
    }  # fmt: skip
    assert isinstance(rectifier.attention[0], nn.Module)
