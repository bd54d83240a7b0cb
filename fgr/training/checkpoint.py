"""Everything a run needs to go on as if it had never stopped, in one file that is whole or absent."""

import pickle
import struct
from pathlib import Path
from typing import Any

import torch

from fgr.paths import atomic_path

FIELDS = {"model", "optimizer", "schedule", "epoch", "batch", "elapsed", "running", "random", "history"}
DAMAGE = (RuntimeError, OSError, EOFError, pickle.UnpicklingError, struct.error, KeyError, IndexError)  # torch.load's


def random_state() -> dict[str, Any]:
    """Return the state of torch's global generators, which dropout draws from."""
    state: dict[str, Any] = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def restore_random_state(state: dict[str, Any]) -> None:
    """Put back what `random_state` returned."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write `state` so that a crash at any moment leaves the former checkpoint or the new one."""
    with atomic_path(path) as file:
        torch.save(state, file)


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """Read a checkpoint: tensors, numbers and containers only; a file with code in it is refused.

    Raises:
        ValueError: if the file is damaged or not a checkpoint.
    """
    with path.open("rb") as file:  # what the file system refuses is not damage
        try:
            state = torch.load(file, map_location=device, weights_only=True)
        except DAMAGE as error:
            raise ValueError(
                f"{path} is damaged, no checkpoint, or holds code, which is not run; delete it to start the run anew"
            ) from error
    missing = FIELDS - set(state) if isinstance(state, dict) else FIELDS
    if missing:
        raise ValueError(f"{path} lacks {', '.join(sorted(missing))}; delete it to start the run anew")
    return state
