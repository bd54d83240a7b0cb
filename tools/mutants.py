"""Libraries broken on purpose, one line each: a check that does not turn red on them checks nothing."""

import shutil
from pathlib import Path

from fgr.paths import project_root

# name -> file, the line as it is, the line as it must not be
MUTANTS = {
    "no penalty": ("fgr/orthoreg.py", "if self.strength == 0:", "if True:"),
    "global rule": ("fgr/orthoreg.py", 'if mode == "local":  #', "if False:  #"),
    "shuffled labels": (
        "fgr/experiments/orthoreg/runs.py",
        "    return ready, len(",
        '    images, targets = ready["train"]\n'
        '    ready["train"] = (images, targets[torch.randperm(len(targets))])\n'
        "    return ready, len(",
    ),
}


def mutant(name: str, folder: Path) -> Path:
    """Copy the library into `folder`, break it as `name` says, and return what to put on PYTHONPATH.

    Raises:
        ValueError: if the line to break is not there exactly once, so that a mutant cannot silently be the original.
    """
    file, before, after = MUTANTS[name]
    shutil.copytree(project_root() / "fgr", folder / "fgr", ignore=shutil.ignore_patterns("__pycache__"))
    source = (folder / file).read_text()
    if source.count(before) != 1:
        raise ValueError(f"mutant {name!r}: {file} holds {before!r} {source.count(before)} times, not once")
    (folder / file).write_text(source.replace(before, after))
    return folder
