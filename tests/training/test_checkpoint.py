"""Checkpoint files: whole or absent, and never a program."""

import os
from pathlib import Path

import pytest
import torch

from fgr.training.checkpoint import FIELDS, load_checkpoint, random_state, restore_random_state, save_checkpoint

CPU = torch.device("cpu")


@pytest.fixture
def state() -> dict:
    return {**dict.fromkeys(FIELDS, 0), "model": {"weight": torch.randn(500)}, "history": [{"loss": 0.5}]}


def test_what_is_saved_is_loaded(state: dict, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "new" / "run.pt", state)
    loaded = load_checkpoint(tmp_path / "new" / "run.pt", CPU)
    assert torch.equal(loaded.pop("model")["weight"], state.pop("model")["weight"])
    assert loaded == state


def test_failed_save_leaves_the_former_file(state: dict, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    save_checkpoint(path, state)
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(path, {**state, "model": lambda: None})  # cannot be written
    assert load_checkpoint(path, CPU)["history"] == state["history"]
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.99])
def test_truncated_file_is_an_error_that_names_it(share: float, state: dict, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    save_checkpoint(path, state)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"run\.pt is damaged, no checkpoint, .*; delete it to start the run anew"):
        load_checkpoint(path, CPU)


@pytest.mark.parametrize("content", [b"hello world", b"\x80\x02junk", b"epoch,loss\n1,2\n", bytes(100), b'{"a": 1}'])
def test_other_file_is_an_error_that_names_it(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.pt is damaged, no checkpoint"):
        load_checkpoint(path, CPU)


def test_code_in_a_checkpoint_is_refused_and_not_run(state: dict, tmp_path: Path) -> None:
    class Program:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / "run.pt"
    torch.save({**state, "model": Program()}, path)
    with pytest.raises(ValueError, match="holds code, which is not run"):
        load_checkpoint(path, CPU)
    assert not (tmp_path / "ran").exists()


def test_missing_fields_are_named(state: dict, tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    del state["random"], state["epoch"]
    torch.save(state, path)
    with pytest.raises(ValueError, match=r"run\.pt lacks epoch, random; delete it"):
        load_checkpoint(path, CPU)
    torch.save(torch.zeros(3), path)
    with pytest.raises(ValueError, match=r"run\.pt lacks batch, "):
        load_checkpoint(path, CPU)


def test_absent_file_is_not_called_damaged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "run.pt", CPU)


def test_random_state_repeats_what_follows() -> None:
    state = random_state()
    first = torch.rand(5)
    restore_random_state(state)
    assert torch.equal(torch.rand(5), first)
