"""What does attention cost? Its module beside other blocks, networks with and without it, and Table 4.2's networks.

usage: python benchmarks/attention.py [--repeats 5] [--device cpu] [--groups module networks table] [--out FILE.csv]

One process, one run, variants taking turns, and the device waited for. Compare the ratios, not the seconds: a ratio is
the median over turns of two times taken after each other. Beside it stands the ratio of all multiply-accumulates
for an image. Three groups:

module    forward and backward of one block on a feature map of 256 x 16 x 16: attention as one fused convolution, as
          the same function that looks first and classifies afterwards, as the three convolutions it stands for, and,
          where timm is installed, blocks that rescale features instead.
networks  a training step and an inference step with and without attention.
table     inference of networks of Table 4.2, whose own Time column is impossible (0.18 s for 161 TFLOP, probably
          because the GPU was not waited for), and with it the factors of 30 to 37 over DenseNet and ResNeXt.
"""

import argparse
import importlib.util
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import torch
import torchvision
from torch import Tensor, nn
from tqdm import tqdm

from fgr.attention import AttentionModule, attention_loss, augment
from fgr.models import WARN, DenseNetBC, ResNeXt, WideResNet
from fgr.models.costs import costs
from fgr.results.rows import provenance

GROUPS = ("module", "networks", "table")
TAPS = ["layer4", "layer3", "layer2"]  # of resnet18
Build = Callable[[], nn.Module]


class ThreeConvolutions(nn.Module):
    """The attention module as the thesis prints it: one convolution for masks, one for scores, one for head gates."""

    def __init__(self, channels: int, num_classes: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.look, self.scores, self.gate = (
            nn.Conv2d(channels, heads * size, 3, padding=1, bias=False) for size in (1, num_classes, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        masks = self.look(x).flatten(2).softmax(2)  # (B, K, P)
        scores = self.scores(x).flatten(2).unflatten(1, (self.heads, -1))  # (B, K, L, P)
        scores = (scores * masks.unsqueeze(2)).sum(3)  # (B, K, L)
        gates = (self.gate(x).flatten(2) * masks).sum(2).tanh().softmax(1)  # (B, K)
        return (gates.unsqueeze(2) * scores).sum(1)


def blocks() -> dict[str, tuple[Build, tuple[int, ...]]]:
    """Return the blocks of the group "module" with the shape of their input; the first is what ratios are over."""
    shape = (16, 256, 16, 16)
    table: dict[str, Build] = {
        "attention, fused": lambda: AttentionModule(256, 10, heads=4),
        "attention, looking first": lambda: AttentionModule(256, 10, heads=4, look_first=True),
        "attention, three convolutions": lambda: ThreeConvolutions(256, 10, heads=4),
        "squeeze-excite": lambda: torchvision.ops.SqueezeExcitation(256, 16),
    }
    if importlib.util.find_spec("timm"):
        from timm.layers import NonLocalAttn
        from timm.layers.cbam import CbamModule

        table |= {"CBAM": lambda: CbamModule(256), "non-local": lambda: NonLocalAttn(256)}
    else:
        print("timm is not installed: CBAM and non-local blocks are left out", file=sys.stderr)
    return {name: (build, shape) for name, build in table.items()}


def networks() -> dict[str, dict[str, tuple[Build, tuple[int, ...]]]]:
    """Return the networks of the group "networks", each without attention first."""

    def resnet(attention: bool) -> nn.Module:
        model = torchvision.models.resnet18(num_classes=10)
        return augment(model, TAPS, num_classes=10, input_shape=(3, 64, 64)) if attention else model

    small, large, image = (16, 3, 32, 32), (2, 3, 32, 32), (4, 3, 224, 224)
    return {
        "WRN-16-4": {
            "without": (lambda: WideResNet(16, 4), small),
            "AD 1, AW 1": (lambda: WARN(16, 4, attention_depth=1, heads=1), small),
            "AD 3, AW 4": (lambda: WARN(16, 4), small),
            "AD 3, AW 4, looking first": (lambda: WARN(16, 4, look_first=True), small),
            "AD 3, AW 4, 100 classes": (lambda: WARN(16, 4, 100), small),
            "AD 3, AW 4, 100 classes, looking first": (lambda: WARN(16, 4, 100, look_first=True), small),
        },
        "WRN-28-10": {"without": (lambda: WideResNet(28, 10), large), "AD 3, AW 4": (lambda: WARN(28, 10), large)},
        "resnet18": {"without": (lambda: resnet(False), image), "AD 3, AW 4": (lambda: resnet(True), image)},
    }


def table() -> dict[str, tuple[Build, tuple[int, ...]]]:
    """Return networks of Table 4.2."""
    shape = (2, 3, 32, 32)
    return {
        "WRN-28-10": (lambda: WideResNet(28, 10), shape),
        "WARN-28-10": (lambda: WARN(28, 10), shape),
        "ResNeXt-29 16x64d": (ResNeXt, shape),
        "DenseNet-BC-190-40": (DenseNetBC, shape),
    }


def objective(output: object) -> Tensor:
    """Return a scalar to differentiate, whatever a network or block puts out."""
    if hasattr(output, "log_scores"):
        return attention_loss(output, torch.zeros(len(output.log_scores), dtype=torch.int64, device=output[0].device))
    return (output if isinstance(output, Tensor) else output[0]).square().mean()


def step_of(build: Build, shape: tuple[int, ...], training: bool, device: str) -> Callable[[], None]:
    """Return one step: forward, backward and update, or forward alone."""
    torch.manual_seed(0)
    model = build().to(device).train(training)
    images = torch.randn(shape, device=device)
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)

    def step() -> None:
        if not training:
            with torch.inference_mode():
                model(images)
            return
        optimizer.zero_grad()
        objective(model(images)).backward()
        optimizer.step()

    return step


def measure(
    group: str,
    subject: str,
    variants: dict[str, tuple[Build, tuple[int, ...]]],
    training: bool,
    asked: argparse.Namespace,
) -> list[dict]:
    """Time all variants in turns and return one line each; ratios are over the first."""
    steps = {name: step_of(build, shape, training, asked.device) for name, (build, shape) in variants.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in tqdm(range(asked.repeats + 1), desc=f"{subject}, {group}", disable=not sys.stderr.isatty()):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            if asked.device != "cpu":
                torch.cuda.synchronize()
            if turn:  # the first turn warms up
                seconds[name].append(time.perf_counter() - began)
    work = {name: costs(build, *shape[1:], products=True) for name, (build, shape) in variants.items()}
    first = next(iter(variants))
    made = provenance()
    cpu = f"cpu, {torch.get_num_threads()} threads, {platform.machine()}"
    return [
        {
            "group": group,
            "subject": subject,
            "variant": name,
            "step": "training" if training else "inference",
            "batch": shape[0],
            "seconds_a_step": round(statistics.median(seconds[name]), 5),
            "ratio": round(statistics.median(a / b for a, b in zip(seconds[name], seconds[first])), 3),
            "macs_ratio": round(work[name].macs / work[first].macs, 3),
            "parameters": work[name].parameters,
            "repeats": asked.repeats,
            "device": cpu if asked.device == "cpu" else torch.cuda.get_device_name(),
            "torch": made["torch"],
            "commit": made["commit"],
            "source_hash": made["source_hash"],
        }
        for name, (_, shape) in variants.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--groups", nargs="+", default=list(GROUPS), choices=GROUPS)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    lines: list[dict] = []
    if "module" in asked.groups:
        lines += measure("module", "256 x 16 x 16", blocks(), True, asked)
    if "networks" in asked.groups:
        for subject, variants in networks().items():
            for training in (True, False):
                lines += measure("networks", subject, variants, training, asked)
    if "table" in asked.groups:
        lines += measure("table", "Table 4.2", table(), False, asked)
    found = pd.DataFrame(lines)
    shown = ["group", "subject", "variant", "step", "batch", "seconds_a_step", "ratio", "macs_ratio"]
    print(found[shown].to_string(index=False))
    if asked.out:
        found.to_csv(asked.out, index=False)


if __name__ == "__main__":
    main()
