"""What do output codes cost beside one-hot, at 1,000, 10,000 and 100,000 classes? Time and memory of the last layer.

usage: python benchmarks/output_codes.py [--classes 1000 10000 100000] [--repeats 5] [--out benchmarks/output_codes.csv]

The classes are leaves of a random taxonomy of four levels, the features sums of one random vector a level, so that
sisters look alike. Codes have 10 log2(n) bits. Measured, each variant in a process of its own:

  build    the code matrix: random, from the taxonomy, spectral from the sparse taxonomy graph (the similarity of all
           pairs is never formed), and a quarter spectral bits joined to random ones, both parts weighing the same
  step     forward, backward and update (SGD with momentum) of the last layer on one batch
  predict  the best class of one batch

peak_mb is the growth of the process's resident memory to its peak, weights, codes and optimiser state included (Linux
only: empty elsewhere). `nearest` is the smallest distance, between 0 and 2, of a sampled codeword to any other one, all
at unit length: near 0 the code cannot tell sisters apart. `near_zero` is the share of the last layer's gradient entries
below a tenth of their root mean square, at the first step. Compare ratios, not seconds.
"""

import argparse
import math
import multiprocessing
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from fgr.output_codes import (
    CodeLoss,
    dense_random,
    from_taxonomy,
    near_zero_share,
    spectral_from_graph,
    taxonomy_graph,
)
from fgr.results.rows import provenance

LEVELS = 4  # the classes are the last
CHUNK = 4096  # classes decoded at a time
LR, MOMENTUM = 0.1, 0.9
BUILDS = ("random", "taxonomy", "spectral", "spectral + random")
LAYERS = ("one-hot", "code", "code, chunked")
COLUMNS = ["classes", "task", "variant", "length", "seconds", "peak_mb", "trained_values", "near_zero", "nearest"]


# ---------------------------------------------------------------- simulated classes


def taxonomy(classes: int) -> Tensor:
    """Return the levels (n, 3) of a random tree: n^(1/4), n^(1/2) and n^(3/4) groups, families of unequal size."""
    generator = torch.Generator().manual_seed(0)
    columns, sizes = [], [round(classes ** (level / LEVELS)) for level in range(1, LEVELS + 1)]
    for above, size in zip([1, *sizes], sizes):
        extra = torch.randint(above, (size - above,), generator=generator)
        parents = torch.cat([torch.arange(above), extra]).sort().values  # every parent has a child
        columns = [column[parents] for column in columns] + [torch.arange(size)]
    return torch.stack(columns[:-1], 1)


def spreads(levels: Tensor) -> list[Tensor]:
    """Return how far each group, and each class, lies from the middle of its family."""
    generator = torch.Generator().manual_seed(1)
    sizes = [int(column.max()) + 1 for column in levels.T] + [len(levels)]
    return [0.5 + torch.rand(size, generator=generator) for size in sizes]


def batches(levels: Tensor, count: int, size: int, width: int) -> list[tuple[Tensor, Tensor]]:
    """Return batches of features (B, d) and targets (B,); class vectors are drawn for the classes that occur only."""
    generator = torch.Generator().manual_seed(2)
    n = len(levels)
    targets = torch.randint(n, (count * size,), generator=generator)
    seen, place = targets.unique(return_inverse=True)
    *groups, own = spreads(levels)
    means = own[seen, None] * torch.randn(len(seen), width, generator=generator)
    for column, spread in zip(levels.T, groups):
        vectors = spread[:, None] * torch.randn(len(spread), width, generator=generator)
        means += vectors[column[seen]]
    features = means[place] + 0.5 * torch.randn(len(targets), width, generator=generator)
    return list(zip((features / math.sqrt(LEVELS)).split(size), targets.split(size)))


def code_of(kind: str, levels: Tensor, length: int) -> Tensor:
    """Return a code matrix (n, length)."""
    generator = torch.Generator().manual_seed(3)
    if kind == "random":
        return dense_random(len(levels), length, generator, candidates=1)
    if kind == "taxonomy":
        return from_taxonomy(levels, length, generator)
    bits = length if kind == "spectral" else length // 4
    graph = taxonomy_graph(levels, [(-spread.square() / 2).exp() for spread in spreads(levels)])
    spectrum = F.normalize(spectral_from_graph(graph, bits, classes=torch.arange(len(levels))), dim=1)
    if bits == length:
        return spectrum
    random = dense_random(len(levels), length - bits, generator, candidates=1)
    return torch.cat([spectrum, F.normalize(random, dim=1)], 1)


# ---------------------------------------------------------------- measuring


def resident() -> tuple[float, float]:
    """Return present and peak resident memory of this process in MB; NaN where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except FileNotFoundError:
        return math.nan, math.nan
    found = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return int(found["VmRSS"]) / 1024, int(found["VmHWM"]) / 1024


def forget_peak() -> None:
    """Set this process's peak memory back to the present one (Linux)."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")


def timed(action: Callable[[], object], repeats: int) -> float:
    """Return the median seconds of an action after one that warms up."""
    seconds = []
    for turn in range(repeats + 1):
        began = time.perf_counter()
        action()
        if turn:
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def nearest_word(codes: Tensor, sample: int = 200) -> float:
    """Return the smallest distance of sampled codewords to any other, at unit length."""
    words = F.normalize(codes.double(), dim=1)
    picked = torch.linspace(0, len(words) - 1, min(sample, len(words))).long()
    smallest = math.inf
    for start in range(0, len(words), CHUNK):
        part = words[start : start + CHUNK]
        distances = torch.cdist(words[picked], part, compute_mode="donot_use_mm_for_euclid_dist")
        distances[picked[:, None] == torch.arange(start, start + len(part))] = math.inf
        smallest = min(smallest, distances.min().item())
    return smallest


def build(kind: str, classes: int, threads: int, folder: str) -> list[dict]:
    """Make a code once, keep the random one for the other tasks, and return its line."""
    torch.set_num_threads(threads)
    length = math.ceil(10 * math.log2(classes))
    levels = taxonomy(classes)
    forget_peak()
    before = resident()[0]
    began = time.perf_counter()
    codes = code_of(kind, levels, length)
    seconds = time.perf_counter() - began
    peak = resident()[1] - before
    if kind == "random":
        torch.save(codes, Path(folder) / f"{classes}.pt")
    line = {"task": "build", "variant": kind, "length": length, "seconds": seconds, "peak_mb": peak}
    return [line | {"nearest": nearest_word(codes)}]


def warm_up() -> None:
    """Load what torch loads on first use, so that it does not count as a layer's memory."""
    layer = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(layer.parameters(), LR, MOMENTUM)
    for loss in (F.cross_entropy, CodeLoss(torch.eye(2)), CodeLoss(torch.eye(2), chunk=1)):
        loss(layer(torch.eye(2)), torch.arange(2)).backward()
        optimizer.step()


def run_layer(kind: str, classes: int, threads: int, folder: str, width: int, batch: int, repeats: int) -> list[dict]:
    """Use and train one kind of last layer and return its two lines."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    data = batches(taxonomy(classes), repeats + 1, batch, width)
    warm_up()
    forget_peak()
    before = resident()[0]
    if kind == "one-hot":
        layer, loss = nn.Linear(width, classes), F.cross_entropy
    else:
        codes = torch.load(Path(folder) / f"{classes}.pt", weights_only=True)
        layer, loss = nn.Linear(width, codes.shape[1]), CodeLoss(codes, chunk=CHUNK if "chunk" in kind else None)
        del codes
    forget_peak()

    @torch.no_grad()
    def predict() -> Tensor:
        outputs = layer(data[0][0])
        if not isinstance(loss, CodeLoss):
            return outputs.argmax(1)
        return loss.head.predict(outputs, chunk=loss.chunk).classes if loss.chunk else loss.head(outputs).argmax(1)

    trained_values = sum(p.numel() for p in layer.parameters())
    shared = {"variant": kind, "length": layer.out_features, "trained_values": trained_values}
    seconds = timed(predict, repeats)
    predicted = {"task": "predict", "seconds": seconds, "peak_mb": resident()[1] - before, **shared}

    optimizer = torch.optim.SGD(layer.parameters(), LR, MOMENTUM)
    turns = iter(data)

    def step() -> None:
        optimizer.zero_grad()
        features, targets = next(turns)
        loss(layer(features), targets).backward()
        optimizer.step()

    forget_peak()
    seconds = timed(step, repeats)
    stepped = {"task": "step", "seconds": seconds, "peak_mb": resident()[1] - before, **shared}

    optimizer.zero_grad()
    layer.reset_parameters()
    features, targets = data[0]
    loss(layer(features), targets).backward()
    return [predicted, stepped | {"near_zero": near_zero_share(layer.weight.grad)}]


def alone(function: Callable[..., list[dict]], *arguments: object) -> list[dict]:
    """Run a function in a new process, whose memory is its own."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        context.set_forkserver_preload(["torch", "pandas", "fgr.output_codes", "fgr.results.rows"])  # imported once
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--features", type=int, default=512, help="width of the layer before the last")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        works = [(build, kind) for kind in BUILDS] + [(run_layer, kind) for kind in LAYERS]
        tasks = [(n, work, kind) for n in asked.classes for work, kind in works]
        for n, work, kind in tqdm(tasks, disable=not sys.stderr.isatty()):
            more = () if work is build else (asked.features, asked.batch, asked.repeats)
            lines += [{"classes": n} | line for line in alone(work, kind, n, asked.threads, folder, *more)]
    table = pd.DataFrame(lines).reindex(columns=COLUMNS).sort_values(["classes", "task"], kind="stable")
    made = provenance()
    table = table.assign(
        features=asked.features,
        batch=asked.batch,
        repeats=asked.repeats,
        device=f"cpu, {asked.threads} threads, {platform.machine()}",
        **{name: made[name] for name in ("torch", "commit", "source_hash")},
    )
    rounded = table.round({"seconds": 5, "peak_mb": 1, "near_zero": 4, "nearest": 6})
    print(rounded[COLUMNS].to_string(index=False, na_rep=""))
    if asked.out:
        rounded.to_csv(asked.out, index=False)


if __name__ == "__main__":
    main()
