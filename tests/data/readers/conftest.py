"""Tiny trees in the layouts of the official archives."""

from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def tree(tmp_path):
    """Write files below a folder: tree({path: text, or None for an image}) -> the folder.

    An image is 12 wide and 8 high, of a grey level of its own.
    """
    made = iter(range(10, 250))

    def write(files: dict[str, str | None]) -> Path:
        for name, content in files.items():
            file = tmp_path / "set" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                Image.new("RGB", (12, 8), (next(made),) * 3).save(file)
            else:
                file.write_text(content)
        return tmp_path / "set"

    return write
