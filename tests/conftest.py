"""What every test may use."""

import pytest
import torch


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Give each test the same random numbers whichever tests run before it."""
    torch.manual_seed(0)
