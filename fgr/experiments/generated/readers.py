"""The two readers that are compared on generated images: a ridge regression on raw pixels, and a small network."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from fgr.data.loader import TensorLoader
from fgr.data.transforms import crop_and_flip
from fgr.experiments.classification import PRECISIONS
from fgr.models.vgg import VGG
from fgr.training import train

STAGES = ((8,), (16,), (32,), (64,))  # widths of the network's convolutions; the same at every size of images
HIDDEN = 128  # units of its fully connected layers
STRENGTHS = tuple(10.0**k for k in range(6))  # of the ridge's penalty, tried in turn
BATCH = 250  # images at a time where nothing is learned


@dataclass(frozen=True)
class Recipe:
    """How a network is trained, by AdamW; the learning rate falls to a fifth after 60% and 85% of the epochs."""

    lr: float = 0.003
    weight_decay: float = 0.01
    batch_size: int = 50
    epochs: int = 12
    precision: str = "float32"  # or bfloat16: see `fgr.experiments.classification.fit`


def ridge(
    inputs: Tensor, targets: Tensor, other_inputs: Tensor, other_targets: Tensor, strengths: Sequence[float] = STRENGTHS
) -> Callable[[Tensor], Tensor]:
    """Return the linear map (B, D) -> (B, K) of the penalty with the least squared error on other examples.

    W = (X'X + strength I)^-1 X'Y, with X and Y centred.

    Args:
        inputs: (B, D) examples to learn from, for images D = C H W.
        targets: (B, K) numbers to predict.
        other_inputs, other_targets: (b, D) and (b, K), which choose among the strengths.
        strengths: all above 0.

    Example:
        >>> x = torch.arange(8.0).view(8, 1)
        >>> line = ridge(x, 2 * x + 1, x, 2 * x + 1, strengths=(1e-6, 10.0))
        >>> round(line(torch.tensor([[10.0]])).item(), 2)
        21.0
    """
    middle, level = inputs.mean(0), targets.mean(0)
    x, y = inputs - middle, targets - level
    gram, moment = x.T @ x, x.T @ y  # (D, D), (D, K)
    found = []
    for strength in strengths:
        factor = torch.linalg.cholesky(gram + strength * torch.eye(len(gram), dtype=gram.dtype))
        weights = torch.cholesky_solve(moment, factor)  # (D, K)
        line = functools.partial(torch.addmm, level - middle @ weights, mat2=weights)
        found.append(((line(other_inputs) - other_targets).square().mean().item(), len(found), line))
    return min(found)[2]


def train_network(
    images: Tensor,
    targets: Tensor,
    outputs: int,
    loss: Callable[[Tensor, Tensor], Tensor],
    recipe: Recipe,
    seed: int,
    device: torch.device,
    checkpoint: Path | None,
    label: str,
) -> nn.Module:
    """Train a small VGG from nothing on shifted and mirrored images; its first answer to everything is 0.

    Args:
        images: (B, 3, S, S) standardised.
        targets: (B, ...) as `loss` takes them.
        outputs: of the network.
        loss: (output, targets) -> scalar.
        seed: of the first weights, the order of the images and their shifts.
        checkpoint, label: as in `fgr.training.train`.
    """
    size, autocast = images.shape[-1], PRECISIONS[recipe.precision]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = VGG(STAGES, HIDDEN, outputs, size, dropout=0.0, batch_norm=True)
    nn.init.zeros_(model.fc8.weight)
    optimizer = torch.optim.AdamW(model.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    steps = [max(1, round(share * recipe.epochs)) for share in (0.6, 0.85)]
    train(
        model,
        TensorLoader(
            images,
            targets,
            recipe.batch_size,
            seed=seed,
            augment=functools.partial(crop_and_flip, padding=size // 16),
            drop_last=len(images) >= recipe.batch_size,
        ),
        loss,
        optimizer,
        recipe.epochs,
        schedule=torch.optim.lr_scheduler.MultiStepLR(optimizer, steps, gamma=0.2),
        checkpoint=checkpoint,
        device=device,
        autocast=autocast,
        channels_last=True,
        label=label,
    )
    return model


@torch.no_grad()
def answer(model: nn.Module, images: Tensor, device: torch.device, precision: str = "float32") -> Tensor:
    """Return a network's output (B, outputs) float32 for standardised images, on the CPU."""
    autocast = PRECISIONS[precision]
    with torch.autocast(device.type, autocast, enabled=autocast is not None):
        return torch.cat([model(batch.to(device)).float().cpu() for batch in images.split(BATCH)])
