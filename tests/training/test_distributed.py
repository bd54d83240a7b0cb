"""Two processes with equal shares of every batch do what one process does."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import fgr
from fgr.training import load_checkpoint, local_device, process_group, rank, world_size
from fgr.training.distributed import sum_over_processes

SCRIPT = Path(__file__).with_name("two_processes.py")


def torchrun(*arguments: object) -> subprocess.CompletedProcess:
    """Start the script in two processes that talk through gloo."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(SCRIPT)]
    here = str(Path(fgr.__file__).parents[1])  # the workers test the library that this test imports
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": here}
    return subprocess.run(
        [*command, *map(str, arguments)], env=environment, capture_output=True, text=True, timeout=300
    )


def state(folder: Path, name: str) -> dict:
    return load_checkpoint(folder / f"{name}.pt", torch.device("cpu"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished runs: "one" in this process, "two" in two, "killed" in two that died and were started again."""
    folder = tmp_path_factory.mktemp("runs")
    runpy.run_path(str(SCRIPT))["run"](folder, "one")
    done = torchrun(folder, "two", "killed:7")  # the last step of epoch 2
    assert done.returncode != 0
    assert (folder / "killed.pt").exists(), done.stderr
    left = state(folder, "killed")
    assert (left["epoch"], left["batch"], left["running"][1]) == (1, 2, 16)  # two batches, samples of both processes
    done = torchrun(folder, "killed")
    assert done.returncode == 0, done.stderr
    return folder


def numbers(history: list[dict]) -> list[tuple]:
    return [(entry["epoch"], entry["lr"], entry["loss"], entry["metrics"]["logit"]) for entry in history]


def test_two_processes_equal_one(folder: Path) -> None:
    one, two = state(folder, "one"), state(folder, "two")
    assert {weight.dtype for weight in one["model"].values()} == {torch.float64}
    for part in ("model", "optimizer"):
        torch.testing.assert_close(two[part], one[part], rtol=0, atol=1e-10)
    for ours, theirs in zip(numbers(two["history"]), numbers(one["history"]), strict=True):
        assert ours == pytest.approx(theirs, rel=0, abs=1e-10)


def test_two_killed_and_resumed_processes_equal_two(folder: Path) -> None:
    whole, resumed = state(folder, "two"), state(folder, "killed")
    for part in ("model", "optimizer", "schedule"):
        torch.testing.assert_close(resumed[part], whole[part], rtol=0, atol=0)
    for ours, theirs in zip(numbers(resumed["history"]), numbers(whole["history"]), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-14)  # the recorded loss is summed in another order


def test_only_the_first_process_records(folder: Path) -> None:
    assert (folder / "two.0.txt").read_text().split() == ["1", "2", "3"]
    assert (folder / "two.1.txt").read_text() == ""


# ---------------------------------------------------------------- outside a process group


def test_a_single_process_needs_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with process_group(torch.device("cpu")):
        assert not torch.distributed.is_initialized()
        assert (rank(), world_size()) == (0, 1)
        assert sum_over_processes(torch.arange(3.0)).tolist() == [0, 1, 2]


def test_device_is_the_gpu_of_this_process_or_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert local_device() == torch.device("cuda:1")
    assert local_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert local_device() == torch.device("cpu")
    with pytest.raises(RuntimeError, match="device cuda was asked for, but torch sees no GPU here"):
        local_device("cuda")
