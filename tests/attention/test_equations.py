"""Chapter 4 written twice: the library against one plain loop over samples, heads, classes and places, in float64."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fgr.attention import GlobalGates, Observed, Rectifier, attention_loss, mask_penalty
from fgr.models import WARN

EXACT = {"rtol": 1e-10, "atol": 1e-10}
L = 3  # classes
Options = dict[str, object]


def softmax(values: Sequence[Tensor]) -> list[Tensor]:
    exponentials = [value.exp() for value in values]
    total = sum(exponentials)
    return [value / total for value in exponentials]


def log_softmax(values: Sequence[Tensor]) -> list[Tensor]:
    return [probability.log() for probability in softmax(values)]


def convolution(image: Tensor, kernel: Tensor) -> list[Tensor]:
    """Return the places of one output channel of a 3 x 3 convolution with padding 1, row by row; kernel (C, 3, 3)."""
    _, H, W = image.shape
    padded = F.pad(image, (1, 1, 1, 1))
    return [(padded[:, y : y + 3, x : x + 3] * kernel).sum() for y in range(H) for x in range(W)]


def module_by_loops(
    image: Tensor, weight: Tensor, heads: int, masks: str = "softmax", head_gates: bool = True
) -> tuple[list[Tensor], list[list[Tensor]]]:
    """Return class scores and masks of one module for one image (C, H, W), a convolution each (Eq. 4.1 to 4.5)."""
    kernels = iter(weight)
    scores, gate_scores, looks = [], [], []
    for _ in range(heads):
        look = convolution(image, next(kernels))
        P = len(look)
        look = softmax(look) if masks == "softmax" else [1 / (1 + (-value).exp()) / P for value in look]
        if head_gates:
            gate = convolution(image, next(kernels))
            gate_scores.append(sum(h * value for h, value in zip(look, gate)))
        scores.append([sum(h * value for h, value in zip(look, convolution(image, next(kernels)))) for _ in range(L)])
        looks.append(look)
    if head_gates:
        gates = softmax([score.tanh() for score in gate_scores])
    else:
        gates = [torch.tensor(1 / heads, dtype=image.dtype)] * heads
    return [sum(g * score[y] for g, score in zip(gates, scores)) for y in range(L)], looks


def gates_by_loops(features: Tensor, gates: GlobalGates, kind: str, norm: bool) -> list[list[Tensor]]:
    """Return the global gates of a batch (Eq. 4.6, 4.7) in training."""
    weight = gates.linear.weight
    c = [[row @ w for w in weight] for row in features]
    B = len(c)
    for j in range(len(weight)):
        column = [row[j] for row in c]
        mean = sum(column) / B
        variance = sum((value - mean) ** 2 for value in column) / B
        for row in c:
            if norm:
                row[j] = (row[j] - mean) / (variance + 1e-5).sqrt() * gates.norm.weight[j] + gates.norm.bias[j]
            row[j] = row[j].tanh()
    if kind == "softmax":
        return [softmax(row) for row in c]
    opened = [[1 / (1 + (-value).exp()) for value in row] for row in c]
    return [[value / (1e-6 + sum(row)) for value in row] for row in opened]


def sum_by_loops(hypotheses: list[list[Tensor]], q: list[Tensor], sum_of: str) -> list[Tensor]:
    """Return the log scores of one image from its hypotheses (Eq. 4.8)."""
    if sum_of == "scores":
        return log_softmax([sum(g * h[y] for g, h in zip(q, hypotheses)) for y in range(L)])
    if sum_of == "probabilities":
        return [sum(g * softmax(h)[y] for g, h in zip(q, hypotheses)).log() for y in range(L)]
    return [sum(g * log_softmax(h)[y] for g, h in zip(q, hypotheses)) for y in range(L)]


def rectify_by_loops(
    rectifier: Rectifier, observed: Observed, heads: int, options: Options
) -> tuple[Tensor, list[list[list[list[Tensor]]]]]:
    """Return log scores (B, L) and masks[module][image][head][place]."""
    B = len(observed.logits)
    kind, norm = options.get("gates", "softmax"), options.get("gate_norm", True)
    J = len(observed.taps) + 1
    if kind in ("softmax", "sigmoid"):
        q = gates_by_loops(observed.features, rectifier.gates, kind, norm)
    else:
        q = [[torch.tensor(1 / J, dtype=torch.float64)] * J] * B
    masks = [[] for _ in observed.taps]
    rows = []
    for b in range(B):
        hypotheses = []
        for number, (module, tap) in enumerate(zip(rectifier.attention, observed.taps)):
            scores, looks = module_by_loops(
                tap[b], module.conv.weight, heads, options.get("masks", "softmax"), options.get("head_gates", True)
            )
            hypotheses.append(scores)
            masks[number].append(looks)
        hypotheses.append(list(observed.logits[b]))
        if kind == "projection":
            x = torch.stack([value for h in hypotheses for value in log_softmax(h)])
            projected = [x @ w + bias for w, bias in zip(rectifier.projection.weight, rectifier.projection.bias)]
            rows.append(torch.stack(log_softmax(projected)))
        else:
            rows.append(torch.stack(sum_by_loops(hypotheses, q[b], options.get("sum_of", "log_probabilities"))))
    return torch.stack(rows), masks


def penalty_by_loops(masks: list[list[list[list[Tensor]]]]) -> Tensor:
    """Return the inter-mask penalty of square maps."""
    total = torch.zeros((), dtype=torch.float64)
    for module in masks:
        for looks in module:
            side, K = math.isqrt(len(looks[0])), len(looks)
            pooled = [
                [
                    sum(look[(y + dy) * side + x + dx] for dy in (0, 1) for dx in (0, 1)) / 4
                    for y in range(0, side - 1, 2)
                    for x in range(0, side - 1, 2)
                ]
                for look in looks
            ]
            for k in range(K):
                for other in range(K):
                    if k != other:
                        overlap = sum(a * b for a, b in zip(pooled[k], pooled[other]))
                        total = total + overlap**2 / (len(module) * K * K) / len(masks)
    return total


def loss_by_loops(log_scores: Tensor, targets: Tensor, masks: list, weight: float) -> Tensor:
    B = len(targets)
    return sum(-log_scores[b][targets[b]] for b in range(B)) / B + weight * penalty_by_loops(masks)


def assert_same(first: nn.Module, loss: Tensor, expected: Tensor) -> None:
    """Assert that two losses agree, and their gradients by every parameter of the module."""
    torch.testing.assert_close(loss, expected, **EXACT)
    names, parameters = zip(*first.named_parameters())
    ours = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
    theirs = torch.autograd.grad(expected, parameters, retain_graph=True, materialize_grads=True)
    for name, gradient, slow in zip(names, ours, theirs):
        torch.testing.assert_close(gradient, slow, **EXACT, msg=lambda text, name=name: f"{name}: {text}")


def observed(sizes: Sequence[tuple[int, int, int]], B: int = 3) -> Observed:
    taps = tuple(torch.randn(B, *size, dtype=torch.float64) for size in sizes)
    return Observed(torch.randn(B, L, dtype=torch.float64), torch.randn(B, 5, dtype=torch.float64), taps)


# ---------------------------------------------------------------- the attention


@pytest.mark.parametrize("look_first", [False, True])
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"gates": "sigmoid"},
        {"gates": "none"},
        {"gates": "projection"},
        {"gate_norm": False, "sum_of": "scores"},
        {"sum_of": "probabilities"},
        {"masks": "sigmoid"},
        {"head_gates": False},
    ],
    ids=lambda options: " ".join(map(str, options.values())) or "released",
)
def test_eq_4_1_to_4_8_each_option_equals_its_loops(options: Options, heads: int, look_first: bool) -> None:
    """Loss, masks and the gradient of every parameter, on maps that are not square."""
    seen = observed([(4, 2, 3), (2, 4, 2)])
    rectifier = Rectifier([4, 2], 5, L, heads, look_first=look_first, **options).double()
    output = rectifier(seen)
    log_scores, masks = rectify_by_loops(rectifier, seen, heads, options)
    targets = torch.tensor([0, 2, 1])
    assert_same(rectifier, attention_loss(output, targets, 0), loss_by_loops(log_scores, targets, masks, 0.0))
    for mask, slow in zip(output.masks, masks):
        expected = torch.stack([torch.stack([torch.stack(look) for look in looks]) for looks in slow])
        torch.testing.assert_close(mask.flatten(2), expected, **EXACT)


def test_mask_penalty_equals_its_loops_and_is_minute() -> None:
    """The penalty matters in the loss only at weights far above the released one."""
    seen, targets = observed([(4, 4, 4), (3, 5, 5)]), torch.tensor([0, 2, 1])
    rectifier = Rectifier([4, 3], 5, L, heads=3).double()
    output = rectifier(seen)
    log_scores, masks = rectify_by_loops(rectifier, seen, 3, {})
    weight = 1000.0
    loss = attention_loss(output, targets, weight)
    assert_same(rectifier, loss, loss_by_loops(log_scores, targets, masks, weight))
    assert loss - attention_loss(output, targets, 0) > 1e-2
    assert 0 < attention_loss(output, targets, 0.001) - attention_loss(output, targets, 0) < 3.9e-6
    assert 0 < mask_penalty(output.masks) < 1 / 256


# ---------------------------------------------------------------- WARN


def norm(x: Tensor, module: nn.Module) -> Tensor:
    """BatchNorm in training, by its formula."""
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt() * module.weight[:, None, None] + module.bias[:, None, None]


def backbone_by_hand(model: WARN, images: Tensor) -> Observed:
    """WRN-10 written out: raw shortcuts, stem BN, taps behind the next stage's first BN and ReLU."""
    base = model.base
    x = F.relu(norm(F.conv2d(images, base.stem[0].weight, padding=1), base.stem[1]))
    taps = []
    for number, stride in enumerate((1, 2, 2)):
        (block,) = base.stages[number]
        active = F.relu(norm(x, block.bn1))
        if number:
            taps.insert(0, active)
        y = F.conv2d(active, block.conv1.weight, stride=stride, padding=1)
        y = F.conv2d(F.relu(norm(y, block.bn2)), block.conv2.weight, padding=1)
        x = y + (x if block.shortcut is None else F.conv2d(x, block.shortcut.weight, stride=stride))
    z = F.relu(norm(x, base.bn))
    v = z.sum((2, 3)) / (z.shape[2] * z.shape[3])
    return Observed(v @ base.classifier.weight.T + base.classifier.bias, v, (z, *taps))


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("attention_depth", [1, 2, 3])
def test_warn_equals_the_loops(attention_depth: int, heads: int) -> None:
    """The released loss of WARN-10-1 in training, forward and every gradient, for each depth and width of attention."""
    model = WARN(10, 1, L, attention_depth, heads).double()
    images, targets = torch.randn(2, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 2])
    seen = backbone_by_hand(model, images)
    seen = seen._replace(taps=seen.taps[:attention_depth])
    log_scores, masks = rectify_by_loops(model.rectifier, seen, heads, {})
    output = model(images)
    assert_same(model, attention_loss(output, targets), loss_by_loops(log_scores, targets, masks, 0.001))
    torch.testing.assert_close(output.log_scores, log_scores, **EXACT)
