"""The decoder and its loss: Eq. 6.1 to 6.3 against loops and autograd, normalisation, scale, chunks, prediction."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from fgr.output_codes import (
    code_loss,
    decode,
    decoder_jacobian,
    dense_random,
    gaussian,
    hadamard,
    loss_floor,
    loss_gradient,
    one_hot,
    predict,
    scale_for_loss,
    separation,
    unit_jacobian,
)
from fgr.output_codes.decoder import NORMALIZATIONS

EXACT = {"rtol": 1e-12, "atol": 1e-12}
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.int64]
each_normalization = pytest.mark.parametrize("normalize", NORMALIZATIONS)


def seed(number: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def problem(n: int = 7, k: int = 5, batch: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    """Return outputs, codes and targets in float64."""
    double = torch.float64
    return torch.randn(batch, k, dtype=double), torch.randn(n, k, dtype=double), torch.randint(n, (batch,))


def unit(row: list[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in row))
    return [x / length for x in row]


def logits_by_loops(z: Tensor, codes: Tensor, scale: float, normalize: str) -> list[list[float]]:
    outputs, words = z.tolist(), codes.tolist()
    outputs = [unit(row) for row in outputs] if normalize in ("both", "output") else outputs
    words = [unit(row) for row in words] if normalize in ("both", "codes") else words
    return [[-scale / 2 * sum((m - u) ** 2 for m, u in zip(M, U)) for M in words] for U in outputs]


def loss_by_loops(logits: list[list[float]], targets: Tensor) -> float:
    terms = [math.log(sum(math.exp(x) for x in row)) - row[y] for row, y in zip(logits, targets.tolist())]
    return sum(terms) / len(terms)


# ---------------------------------------------------------------- the equations


@each_normalization
@pytest.mark.parametrize("scale", [0.3, 1.0, 12.0])
def test_decode_is_minus_half_the_squared_distance(scale: float, normalize: str) -> None:
    z, codes, targets = problem()
    logits = logits_by_loops(z, codes, scale, normalize)
    expected = torch.tensor(logits, dtype=torch.float64)
    torch.testing.assert_close(decode(z, codes, scale, normalize), expected, **EXACT)
    for chunk in (None, 3):
        loss = code_loss(z, codes, targets, scale, normalize, chunk).item()
        assert loss == pytest.approx(loss_by_loops(logits, targets), rel=1e-12)


def test_eq_6_1_jacobian_of_the_decoder() -> None:
    z, codes, _ = problem()
    U = F.normalize(z, dim=1)
    exact = torch.func.vmap(torch.func.jacrev(lambda u: decode(u[None], codes, 1.0, "none")[0]))(U)
    torch.testing.assert_close(decoder_jacobian(U, codes), exact, **EXACT)
    by_loops = [[[m - u for m, u in zip(M, row)] for M in codes.tolist()] for row in U.tolist()]
    torch.testing.assert_close(decoder_jacobian(U, codes), torch.tensor(by_loops, dtype=torch.float64), **EXACT)


def test_eq_6_2_jacobian_of_the_unit_vector_and_its_printed_power() -> None:
    z, _, _ = problem()
    exact = torch.func.vmap(torch.func.jacrev(lambda row: row / row.norm()))(z)
    torch.testing.assert_close(unit_jacobian(z), exact, **EXACT)
    length = z.norm(dim=1)[:, None, None]
    projector = torch.eye(5, dtype=z.dtype) - (z / length[:, :, 0])[:, :, None] * (z / length[:, :, 0])[:, None]
    torch.testing.assert_close(unit_jacobian(z), projector / length, **EXACT)
    torch.testing.assert_close(
        unit_jacobian(z, printed=True), exact / length, **EXACT
    )  # the cube is one power too many


@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_eq_6_3_gradient_of_the_loss_and_what_is_printed(scale: float) -> None:
    z, codes, targets = problem()
    leaf = z.clone().requires_grad_()
    code_loss(leaf, codes, targets, scale, "output").backward()
    exact = leaf.grad * len(z)  # the loss is a mean over the batch
    torch.testing.assert_close(loss_gradient(z, codes, targets, scale), exact, **EXACT)
    printed = loss_gradient(z, codes, targets, scale, printed=True)
    torch.testing.assert_close(printed, -exact / z.norm(dim=1, keepdim=True), **EXACT)  # it climbs, and is too short


def test_eq_6_3_by_loops() -> None:
    z, codes, targets = problem(n=4, k=3, batch=2)
    expected = []
    for row, y in zip(z.tolist(), targets.tolist()):
        length = math.sqrt(sum(x * x for x in row))
        U = [x / length for x in row]
        logits = [-sum((m - u) ** 2 for m, u in zip(M, U)) / 2 for M in codes.tolist()]
        total = sum(math.exp(d) for d in logits)
        error = [math.exp(d) / total - (i == y) for i, d in enumerate(logits)]
        to_U = [sum(e * (M[j] - U[j]) for e, M in zip(error, codes.tolist())) for j in range(3)]
        expected.append([sum(to_U[i] * ((i == j) - U[i] * U[j]) for i in range(3)) / length for j in range(3)])
    torch.testing.assert_close(loss_gradient(z, codes, targets), torch.tensor(expected, dtype=torch.float64), **EXACT)


@each_normalization
def test_gradcheck(normalize: str) -> None:
    z, codes, targets = problem()
    z.requires_grad_()
    codes.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, m: decode(a, m, 3.0, normalize), (z, codes))
    assert torch.autograd.gradgradcheck(lambda a: code_loss(a, codes.detach(), targets, 3.0, normalize), z)
    assert torch.autograd.gradcheck(lambda a: code_loss(a, codes.detach(), targets, 3.0, normalize, chunk=3), z)


@each_normalization
@pytest.mark.parametrize("chunk", [1, 3, 7, 100])
def test_chunks_change_neither_loss_nor_gradient(chunk: int, normalize: str) -> None:
    z, codes, targets = problem()
    results = []
    for size in (None, chunk):
        leaf = z.clone().requires_grad_()
        loss = code_loss(leaf, codes, targets, 9.0, normalize, size)
        loss.backward()
        results.append((loss.detach(), leaf.grad))
    torch.testing.assert_close(results[1], results[0], **EXACT)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_targets_of_any_integer_type_are_the_same_classes(dtype: torch.dtype) -> None:
    z, codes, _ = problem(n=4, k=3, batch=4)  # as many classes as samples: uint8 would pass as a mask
    targets = torch.tensor([1, 2, 3, 1])
    for chunk in (None, 2):
        assert code_loss(z, codes, targets.to(dtype), chunk=chunk) == code_loss(z, codes, targets, chunk=chunk)
    assert torch.equal(loss_gradient(z, codes, targets.to(dtype)), loss_gradient(z, codes, targets))


# ---------------------------------------------------------------- limiting cases


def test_one_hot_codes_are_a_softmax_of_unit_outputs_at_the_stated_scale() -> None:
    z = torch.randn(6, 9, dtype=torch.float64)
    probabilities = decode(z, one_hot(9).double(), scale=4.0).softmax(1)
    torch.testing.assert_close(probabilities, (4.0 * F.normalize(z, dim=1)).softmax(1), **EXACT)


def test_default_scale_gives_signs_the_printed_formula_and_a_linear_layer_of_fixed_weights() -> None:
    codes = dense_random(12, 16, seed(), candidates=1).double()
    z = torch.randn(5, 16, dtype=torch.float64)
    torch.testing.assert_close(decode(z, codes).softmax(1), decode(z, codes, 1.0, "output").softmax(1), **EXACT)
    torch.testing.assert_close(decode(z, codes, 1.0, "codes").softmax(1), (z @ codes.T / 4).softmax(1), **EXACT)


def test_only_the_direction_of_a_normalised_output_matters() -> None:
    z, codes, _ = problem()
    torch.testing.assert_close(decode(1e3 * z, codes), decode(z, codes), **EXACT)
    torch.testing.assert_close(decode(z, codes * torch.rand(7, 1).double()), decode(z, codes), **EXACT)
    assert not torch.allclose(decode(2 * z, codes, normalize="none"), decode(z, codes, normalize="none"))
    for size in (1e-30, 1e30):  # whose squares are 0 or infinite in float32
        torch.testing.assert_close(decode(size * z.float(), codes.float()), decode(z.float(), codes.float()))


def test_without_normalised_rows_short_gaussian_words_win() -> None:
    codes = gaussian(100, 66, seed())
    right = {
        kind: (decode(codes, codes, 1.0, kind).argmax(1) == torch.arange(100)).float().mean() for kind in NORMALIZATIONS
    }
    assert right["output"] < 0.5  # 20% of the classes in the reference notes
    assert right["both"] == right["none"] == 1


def test_unit_rows_without_a_scale_cannot_fall_far_below_chance() -> None:
    chance = math.log(100)
    codes = gaussian(100, 66, seed())
    assert chance - 1.1 < loss_floor(codes, scale=1.0) < chance
    assert loss_floor(codes) < 0.1  # at sqrt(66)
    z = codes.clone().requires_grad_()
    optimizer = torch.optim.Adam([z], 0.05)
    for _ in range(100):  # outputs trained freely do little better than the words themselves
        optimizer.zero_grad()
        loss = code_loss(z, codes, torch.arange(100), scale=1.0)
        loss.backward()
        optimizer.step()
    assert loss_floor(codes, scale=1.0) - 0.2 < loss.item() <= loss_floor(codes, scale=1.0)


def test_scale_for_loss_is_the_smallest_that_reaches_it() -> None:
    expected = math.log(99 / math.expm1(0.01))  # one-hot: log(1 + 99 exp(-scale)) = 0.01
    assert scale_for_loss(torch.eye(100, dtype=torch.float64), 0.01) == pytest.approx(expected, rel=1e-3)
    close = torch.tensor([[1.0, 0.0], [0.9, 0.1], [-1.0, 0.0]])
    assert scale_for_loss(close, 0.01) > 5 * scale_for_loss(torch.eye(3), 0.01)
    with pytest.raises(ValueError, match="no scale up to"):
        scale_for_loss(torch.ones(2, 3))


def test_scale_for_a_loss_that_guessing_reaches_is_refused_with_the_range() -> None:
    guessing = math.log(4)
    for loss in (2.0, guessing, guessing * (1 - 1e-9)):
        with pytest.raises(ValueError, match=r"loss must be above 0 and below ln 4 = 1\.38629 nats, .* got"):
            scale_for_loss(torch.eye(4), loss)
    assert loss_floor(torch.eye(4), scale_for_loss(torch.eye(4), 0.999 * guessing)) <= 0.999 * guessing
    with pytest.raises(ValueError, match="num_classes must be at least 2, got 1"):
        scale_for_loss(torch.ones(1, 3))


@pytest.mark.parametrize("make", [dense_random, hadamard])
def test_bits_flipped_within_the_codes_distance_still_decode(make) -> None:
    codes = make(20, 31, seed())
    correctable = (separation(codes).rows - 1) // 2
    assert correctable >= 3
    for flips in range(correctable + 1):
        received = codes.clone()
        for row in received:
            row[torch.randperm(31)[:flips]] *= -1
        for normalize in NORMALIZATIONS:
            assert torch.equal(decode(received, codes, 1.0, normalize).argmax(1), torch.arange(20))
    rows = (codes[:, None] != codes[None]).sum(2).fill_diagonal_(99)
    i, j = divmod(int(rows.argmin()), 20)  # the two nearest: more than half of their difference decodes wrongly
    received = codes[i].clone()
    differing = (codes[i] != codes[j]).nonzero().squeeze(1)
    received[differing[: len(differing) // 2 + 1]] *= -1
    assert decode(received[None], codes).argmax() != i


def test_two_classes() -> None:
    codes = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    z = torch.tensor([[0.3], [-2.0]], dtype=torch.float64)
    torch.testing.assert_close(decode(z, codes, 1.0), torch.tensor([[0.0, -2.0], [-2.0, 0.0]]).double(), **EXACT)


# ---------------------------------------------------------------- extremes


@pytest.mark.parametrize("chunk", [None, 2])
def test_extreme_outputs_stay_finite(chunk: int | None) -> None:
    codes = gaussian(5, 4, seed())
    z = torch.tensor([[0.0] * 4, [1e-30] * 4, [1e30, -1e30, 1.0, 0.0], [3e38] * 4]).requires_grad_()
    loss = code_loss(z, codes, torch.tensor([0, 1, 2, 3]), scale=50.0, chunk=chunk)
    loss.backward()
    assert loss.isfinite()
    assert z.grad.isfinite().all()
    assert z.grad[0].any()  # a zero output has no direction yet and is pushed towards one


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@each_normalization
def test_half_precision_is_decoded_in_float32(dtype: torch.dtype, normalize: str) -> None:
    codes, z = gaussian(5, 64, seed()).to(dtype), (100 * torch.randn(3, 64)).to(dtype)
    logits = decode(z, codes, 2.0, normalize)
    assert logits.dtype is torch.float32
    torch.testing.assert_close(logits, decode(z.float(), codes.float(), 2.0, normalize))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@each_normalization
def test_autocast_changes_no_bit(dtype: torch.dtype, normalize: str) -> None:
    codes, z, targets = gaussian(100, 66, seed()), torch.randn(32, 66).to(dtype), torch.arange(32)

    def everything(autocast: bool) -> list[Tensor]:
        leaf = z.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            losses = [code_loss(leaf, codes, targets, 50.0, normalize, chunk) for chunk in (None, 7)]
            decoded = [decode(z, codes, 50.0, normalize), *predict(z, codes, 50.0, normalize, 3)]
        return [*decoded, *losses, *(torch.autograd.grad(loss, leaf)[0] for loss in losses)]

    for ours, theirs in zip(everything(autocast=True), everything(autocast=False), strict=True):
        assert torch.equal(ours, theirs)


def test_the_meta_device_which_has_no_autocast_gives_shapes() -> None:
    z, codes, targets = (
        torch.empty(4, 5, device="meta"),
        torch.empty(7, 5, device="meta"),
        torch.empty(4, device="meta"),
    )
    assert decode(z, codes).shape == (4, 7)
    with pytest.raises(ValueError, match=r"whole class numbers, got torch\.float32; use targets\.long\(\)"):
        code_loss(z, codes, targets)


# ---------------------------------------------------------------- prediction


@each_normalization
@pytest.mark.parametrize("chunk", [1, 2, 5, 64])
@pytest.mark.parametrize("top", [1, 3, 11])
def test_prediction_in_chunks_is_the_top_of_all_scores(chunk: int, top: int, normalize: str) -> None:
    z, codes, _ = problem(n=11)
    expected = decode(z, codes, 3.0, normalize).topk(top, dim=1)
    scores, classes = predict(z, codes, 3.0, normalize, top, chunk)
    assert torch.equal(classes, expected.indices)
    torch.testing.assert_close(scores, expected.values, **EXACT)


def test_wrong_input_is_named() -> None:
    z, codes, targets = problem()
    with pytest.raises(ValueError, match=r"z must have shape \(B, 5\), got \(4, 4\)"):
        decode(z[:, :4], codes)
    with pytest.raises(ValueError, match="normalize must be one of 'both', 'output', 'codes', 'none', got 'rows'"):
        decode(z, codes, normalize="rows")
    with pytest.raises(ValueError, match="scale must be a finite number above 0, got -1"):
        decode(z, codes, scale=-1)
    for chunk in (None, 3):
        with pytest.raises(ValueError, match=r"targets must be in \[0, 7\), got 7"):
            code_loss(z, codes, torch.tensor([0, 1, 7, 2]), chunk=chunk)
    with pytest.raises(ValueError, match=r"targets must have shape \(4\), got \(3,\)"):
        code_loss(z, codes, targets[:3])
    with pytest.raises(ValueError, match=r"whole class numbers, got torch\.float32"):
        code_loss(z, codes, targets.float())
    with pytest.raises(ValueError, match="learned ones need chunk=None"):
        code_loss(z, codes.requires_grad_(), targets, chunk=2)
    with pytest.raises(ValueError, match=r"top must be in \[1, 7\], got 8"):
        predict(z, codes, top=8)
