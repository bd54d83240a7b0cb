"""Modules and the methods they are compared with: heads, losses, learned codes, cosine, contrastive, sparsity."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fgr.output_codes import (
    CodeHead,
    CodeLoss,
    CosineHead,
    LearnedCodes,
    code_loss,
    decode,
    gaussian,
    near_zero_share,
    one_hot,
    predict,
    supervised_contrastive,
)
from fgr.output_codes.decoder import NORMALIZATIONS

EXACT = {"rtol": 1e-12, "atol": 1e-12}


def codes_of(n: int, k: int) -> torch.Tensor:
    return gaussian(n, k, torch.Generator().manual_seed(0)).double()


# ---------------------------------------------------------------- head and loss


@pytest.mark.parametrize("normalize", NORMALIZATIONS)
def test_modules_are_the_functions(normalize: str) -> None:
    codes, z, targets = codes_of(9, 5), torch.randn(4, 5, dtype=torch.float64), torch.tensor([0, 8, 3, 3])
    head = CodeHead(codes, 3.0, normalize)
    torch.testing.assert_close(head(z), decode(z, codes, 3.0, normalize), **EXACT)
    torch.testing.assert_close(CodeHead(codes, None, normalize)(z), decode(z, codes, None, normalize), **EXACT)
    for chunk in (None, 4):
        loss = CodeLoss(codes, 3.0, normalize, chunk)
        torch.testing.assert_close(loss(z, targets), code_loss(z, codes, targets, 3.0, normalize), **EXACT)
    torch.testing.assert_close(F.cross_entropy(head(z), targets), code_loss(z, codes, targets, 3.0, normalize), **EXACT)
    found, expected = head.predict(z, top=3, chunk=2), predict(z, codes, 3.0, normalize, 3)
    assert torch.equal(found.classes, expected.classes)
    learned = LearnedCodes(9, 5, 3.0, normalize).double()
    torch.testing.assert_close(learned(z), decode(z, learned.codes, 3.0, normalize), **EXACT)


def test_head_has_nothing_to_train_and_passes_gradients_to_the_network() -> None:
    model = nn.Sequential(nn.Linear(6, 5), CodeHead(gaussian(9, 5, torch.Generator().manual_seed(0))))
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias"]
    F.cross_entropy(model(torch.randn(4, 6)), torch.arange(4)).backward()
    assert all(p.grad.any() and p.grad.isfinite().all() for p in model.parameters())
    assert "num_classes=9, length=5, scale=2.236, normalize='both'" in repr(model)


def test_codes_and_scale_survive_a_file(tmp_path: Path) -> None:
    head = CodeHead(codes_of(9, 5), scale=7.0)
    torch.save(head.state_dict(), tmp_path / "head.pt")
    other = CodeHead(torch.randn(9, 5, dtype=torch.float64), scale=1.0)
    other.load_state_dict(torch.load(tmp_path / "head.pt", weights_only=True))
    z = torch.randn(3, 5, dtype=torch.float64)
    assert torch.equal(other(z), head(z))


def test_codes_given_are_not_shared() -> None:
    codes, z = codes_of(4, 3), torch.randn(2, 3, dtype=torch.float64)
    head = CodeHead(codes, normalize="none")
    before = head(z)
    codes.zero_()
    assert torch.equal(head(z), before)


def test_network_with_codes_learns_to_tell_classes_apart() -> None:
    centres, targets = torch.randn(20, 8), torch.arange(200) % 20
    features = centres[targets] + 0.1 * torch.randn(200, 8)
    for normalize in NORMALIZATIONS:
        model = nn.Linear(8, 10)
        loss = CodeLoss(gaussian(20, 10, torch.Generator().manual_seed(0)), 10.0, normalize, chunk=7)
        optimizer = torch.optim.Adam(model.parameters(), 0.05)
        for _ in range(150):
            optimizer.zero_grad()
            value = loss(model(features), targets)
            value.backward()
            optimizer.step()
        right = (loss.head.predict(model(features)).classes.flatten() == targets).float().mean()
        assert right > 0.8 if normalize != "output" else right > 0.2  # unequal words let a few classes win


def test_learned_codes_get_a_gradient_and_move_towards_their_class() -> None:
    torch.manual_seed(0)
    learned = LearnedCodes(5, 3, scale=10.0)
    z = F.normalize(torch.randn(5, 3), dim=1)
    optimizer = torch.optim.SGD(learned.parameters(), 0.1)
    before = F.cosine_similarity(learned.codes.detach(), z).mean()
    F.cross_entropy(learned(z), torch.arange(5)).backward()
    assert all(row.any() for row in learned.codes.grad)
    optimizer.step()
    assert F.cosine_similarity(learned.codes.detach(), z).mean() > before


def test_duplicate_words_are_refused_unless_allowed() -> None:
    with pytest.raises(ValueError, match="classes 4 and 5 have the same codeword"):
        CodeHead(one_hot(6, 4))
    head = CodeHead(one_hot(6, 4), scale=9.0, allow_duplicates=True)
    assert head.predict(torch.eye(4)).classes.flatten().tolist() == [0, 1, 2, 3]
    assert CodeLoss(one_hot(6, 4), allow_duplicates=True)(torch.eye(4), torch.arange(4)).isfinite()
    parallel = torch.tensor([[1.0, 2.0], [2.0, 4.0], [0.0, 1.0]])
    with pytest.raises(ValueError, match="classes 0 and 1 have the same codeword"):
        CodeHead(parallel)
    assert CodeHead(parallel, normalize="output").codes.shape == (3, 2)


def test_wrong_options_are_refused_on_construction() -> None:
    for make in (CodeHead, CodeLoss, lambda codes, *rest: LearnedCodes(9, 5, *rest)):
        with pytest.raises(ValueError, match="normalize must be one of"):
            make(codes_of(9, 5), 1.0, "rows")
        with pytest.raises(ValueError, match="scale must be a finite number above 0, got 0"):
            make(codes_of(9, 5), 0.0)
    with pytest.raises(ValueError, match="chunk must be a finite number above 0"):
        CodeLoss(codes_of(9, 5), chunk=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("chunk", [None, 3])
def test_gpu_agrees(chunk: int | None) -> None:
    codes, z, targets = codes_of(9, 5), torch.randn(4, 5, dtype=torch.float64), torch.tensor([0, 8, 3, 3])
    loss = CodeLoss(codes, 3.0, chunk=chunk)
    here = loss(z, targets)
    torch.testing.assert_close(loss.cuda()(z.cuda(), targets.cuda()).cpu(), here)
    assert torch.equal(loss.head.predict(z.cuda()).classes.cpu(), CodeHead(codes, 3.0).predict(z).classes)


def test_autocast_trains() -> None:
    model, loss = nn.Linear(6, 5), CodeLoss(gaussian(9, 5, torch.Generator().manual_seed(0)), chunk=4)
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(model(torch.randn(4, 6)), torch.arange(4))
    value.backward()
    assert value.isfinite()
    assert model.weight.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8])
@pytest.mark.parametrize("chunk", [None, 4])
def test_a_compiled_or_exported_loss_is_the_loss(chunk: int | None, dtype: torch.dtype) -> None:
    loss = CodeLoss(codes_of(9, 5), 3.0, chunk=chunk)
    z, targets = torch.randn(4, 5, dtype=torch.float64, requires_grad=True), torch.tensor([0, 8, 3, 3], dtype=dtype)
    expected = loss(z, targets)
    found = torch.compile(loss, fullgraph=True, backend="eager")(z, targets)
    assert torch.equal(found, expected)
    assert torch.equal(*(torch.autograd.grad(value, z)[0] for value in (found, expected)))
    for strict in (True, False):
        exported = torch.export.export(loss, (z.detach(), targets), strict=strict).module()
        assert torch.equal(exported(z.detach(), targets), expected)
    with pytest.raises(ValueError, match=r"targets must be in \[0, 9\), got 9"):  # values are looked at again
        loss(z, targets + 1)


# ---------------------------------------------------------------- comparisons


def test_cosine_head_by_loops() -> None:
    head, features = CosineHead(4, 3, scale=8.0).double(), torch.randn(2, 4, dtype=torch.float64)
    expected = [
        [8 * sum(a * b for a, b in zip(x, w)) / math.hypot(*x) / math.hypot(*w) for w in head.weight.tolist()]
        for x in features.tolist()
    ]
    torch.testing.assert_close(head(features), torch.tensor(expected, dtype=torch.float64), **EXACT)
    F.cross_entropy(head(features), torch.tensor([0, 2])).backward()
    assert head.weight.grad.any()
    with pytest.raises(ValueError, match=r"features must have shape \(B, 4\)"):
        head(features[:, :3])
    with pytest.raises(ValueError, match="num_classes must be a finite number above 0"):
        CosineHead(4, 0)


def contrastive_by_loops(features: torch.Tensor, targets: list[int], temperature: float) -> float:
    z = [[x / math.hypot(*row) for x in row] for row in features.tolist()]
    terms = []
    for i, mine in enumerate(targets):
        others = [a for a in range(len(z)) if a != i]
        similar = {a: math.exp(sum(p * q for p, q in zip(z[i], z[a])) / temperature) for a in others}
        positive = [a for a in others if targets[a] == mine]
        if positive:
            terms.append(-sum(math.log(similar[p] / sum(similar.values())) for p in positive) / len(positive))
    return sum(terms) / len(terms)


def test_supervised_contrastive_by_loops() -> None:
    features, targets = torch.randn(7, 4, dtype=torch.float64), [0, 1, 0, 2, 1, 0, 3]  # classes 2 and 3 are alone
    found = supervised_contrastive(features, torch.tensor(targets), 0.3)
    assert found.item() == pytest.approx(contrastive_by_loops(features, targets, 0.3), rel=1e-12)
    assert torch.autograd.gradcheck(
        lambda x: supervised_contrastive(x, torch.tensor(targets), 0.3), features.requires_grad_()
    )


def test_supervised_contrastive_at_its_limits() -> None:
    features = torch.randn(4, 3, requires_grad=True)
    alone = supervised_contrastive(features, torch.arange(4))
    alone.backward()
    assert alone == 0
    assert (features.grad == 0).all()
    same = supervised_contrastive(torch.ones(5, 2), torch.zeros(5, dtype=torch.long))
    assert same.item() == pytest.approx(math.log(4))  # all alike: each positive is one of four
    assert supervised_contrastive(1e30 * features.detach(), torch.tensor([0, 0, 1, 1]), 1e-3).isfinite()
    pairs = torch.tensor([0, 0, 1, 1])
    assert supervised_contrastive(features, pairs.byte()) == supervised_contrastive(features, pairs)
    with pytest.raises(ValueError, match=r"targets must be whole class numbers, got torch\.float32"):
        supervised_contrastive(features, pairs.float())
    with pytest.raises(ValueError, match="temperature must be a finite number above 0"):
        supervised_contrastive(features, torch.arange(4), 0.0)


# ---------------------------------------------------------------- sparsity


def test_near_zero_share() -> None:
    assert near_zero_share(torch.ones(10)) == 0
    assert near_zero_share(torch.zeros(10)) == 1
    assert near_zero_share(torch.eye(10)) == 0.9
    assert near_zero_share(torch.randn(100_000)) == pytest.approx(
        math.erf(0.1 / math.sqrt(2)), abs=0.004
    )  # four standard errors
    with pytest.raises(ValueError, match="all must be finite"):
        near_zero_share(torch.tensor([math.nan]))
    with pytest.raises(ValueError, match="must have entries"):
        near_zero_share(torch.zeros(0))


def test_gradients_of_one_hot_outputs_are_sparser_than_those_of_codes() -> None:
    features, targets = torch.randn(16, 32), torch.arange(16) * 50
    shares = {}
    codes = gaussian(1000, 100, torch.Generator().manual_seed(0))
    for name, layer, loss in (
        ("one-hot", nn.Linear(32, 1000), F.cross_entropy),
        ("codes", nn.Linear(32, 100), CodeLoss(codes, 12.0)),
    ):
        loss(layer(features), targets).backward()
        shares[name] = near_zero_share(layer.weight.grad)
    assert shares["one-hot"] > 0.8
    assert shares["codes"] < 0.2
