"""What does a regularised training step cost? OrthoReg beside autograd of its loss, and beside orthogonal weights.

usage: python benchmarks/orthoreg.py [--repeats 5] [--device cpu] [--out benchmarks/orthoreg.csv]

One process, one run, variants taking turns, medians: compare the ratios, not the seconds. A step is forward, backward
and SGD update on random images; added_seconds is what a variant does after that, the better measure where it is small
beside the noise of a step (orthogonal weights do their work inside the step). Where the regulariser works on weights
alone its cost does not depend on the batch, so the ratio falls as the batch grows; batches here are the thesis's.
"""

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import orthogonal
from tqdm import tqdm

from fgr.models import WideResNet, mlp
from fgr.orthoreg import FILTER_LAYERS, OrthoReg, orthoreg_loss
from fgr.results.rows import provenance

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "MLP 3x1024": (mlp, (200, 1, 32, 32)),
    "WRN-16-4": (lambda: WideResNet(16, 4), (128, 3, 32, 32)),
    "WRN-28-10": (lambda: WideResNet(28, 10), (128, 3, 32, 32)),
}
STRENGTH, LR = 0.1, 0.01


def plain(model: nn.Module) -> Callable[[], None]:
    """Return what a variant adds to a step: nothing."""
    return lambda: None


def ours(mode: str) -> Callable[[nn.Module], Callable[[], None]]:
    """OrthoReg after the optimiser step."""

    def build(model: nn.Module) -> Callable[[], None]:
        orthoreg = OrthoReg(model, STRENGTH, mode=mode)
        return lambda: orthoreg.step(LR)

    return build


def by_autograd(model: nn.Module) -> Callable[[], None]:
    """The local loss of every layer, differentiated by autograd: the peer that needs no derivation."""
    layers = [module for module in model.modules() if isinstance(module, FILTER_LAYERS)]

    def add() -> None:
        (STRENGTH * sum(orthoreg_loss(layer.weight) for layer in layers)).backward()

    return add


def with_orthogonal_weights(model: nn.Module) -> Callable[[], None]:
    """Weights kept exactly orthogonal by torch's parametrisation; for Linear layers only."""
    for module in list(model.modules()):
        if isinstance(module, nn.Linear):
            orthogonal(module)
    return lambda: None


def variants(name: str) -> dict[str, Callable[[nn.Module], Callable[[], None]]]:
    """Return the variants that make sense for a network."""
    table = {"none": plain, "OrthoReg local": ours("local"), "OrthoReg global": ours("global"), "autograd": by_autograd}
    return table | ({"orthogonal weights": with_orthogonal_weights} if name.startswith("MLP") else {})


def step_of(build: Callable[[], nn.Module], add: Callable, shape: tuple[int, ...], device: str) -> Callable[[], float]:
    """Return one whole training step of one variant, which returns the seconds of what the variant added at its end."""
    torch.manual_seed(0)
    model = build().to(device)
    extra = add(model)
    optimizer = torch.optim.SGD(model.parameters(), LR)
    images, targets = torch.randn(shape, device=device), torch.randint(10, shape[:1], device=device)

    def wait() -> float:
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter()

    def step() -> float:
        optimizer.zero_grad()
        F.cross_entropy(model(images), targets).backward()
        optimizer.step()
        began = wait()
        extra()
        return wait() - began

    return step


def measure(name: str, repeats: int, device: str) -> list[dict]:
    """Time all variants of one network in turns and return one line a variant."""
    build, shape = NETWORKS[name]
    steps = {variant: step_of(build, add, shape, device) for variant, add in variants(name).items()}
    seconds: dict[str, list[float]] = {variant: [] for variant in steps}
    added: dict[str, list[float]] = {variant: [] for variant in steps}
    for turn in tqdm(range(repeats + 1), desc=name, disable=not sys.stderr.isatty()):
        for variant, step in steps.items():
            began = time.perf_counter()
            end = step()
            if turn:  # the first turn warms up
                seconds[variant].append(time.perf_counter() - began)
                added[variant].append(end)
    base = statistics.median(seconds["none"])
    made = provenance()
    return [
        {
            "network": name,
            "batch": shape[0],
            "variant": variant,
            "seconds_a_step": round(statistics.median(times), 5),
            "ratio": round(statistics.median(times) / base, 3),
            "added_seconds": round(statistics.median(added[variant]), 5),
            "repeats": repeats,
            "device": device if device != "cpu" else f"cpu, {torch.get_num_threads()} threads, {platform.machine()}",
            "torch": made["torch"],
            "commit": made["commit"],
            "source_hash": made["source_hash"],
        }
        for variant, times in seconds.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    lines = [line for name in asked.networks for line in measure(name, asked.repeats, asked.device)]
    table = pd.DataFrame(lines)
    print(table[["network", "batch", "variant", "seconds_a_step", "ratio", "added_seconds"]].to_string(index=False))
    if asked.out:
        table.to_csv(asked.out, index=False)


if __name__ == "__main__":
    main()
