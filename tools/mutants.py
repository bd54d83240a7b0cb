"""Libraries broken on purpose, one line each: a check that does not turn red on them checks nothing."""

import shutil
from pathlib import Path

from fgr.paths import project_root

# name -> the notebook that must see it, file, the line as it is, the line as it must not be
MUTANTS = {
    "shuffled pain levels": (
        "ch02_pain",
        "fgr/experiments/pain/network.py",
        "    targets, landmarks = targets_of(cell, whole), landmarks_of(whole)",
        "    targets, landmarks = targets_of(cell, whole)[torch.randperm(len(whole))], landmarks_of(whole)",
    ),
    "images not aligned": (
        "ch02_pain",
        "fgr/experiments/pain/preprocess.py",
        "return aligned_crop(images, landmarks, self.reference, self.size) * self.mask",
        "return resize(images, self.size) * self.mask",
    ),
    "tested people in training": (
        "ch02_pain",
        "fgr/experiments/pain/cells.py",
        "return [Split(counts[split.train], counts[split.test]) for split in found]",
        "return [Split(counts, counts[split.test]) for split in found]",
    ),
    "no penalty": ("ch05_orthoreg", "fgr/orthoreg.py", "if self.strength == 0:", "if True:"),
    "global rule": ("ch05_orthoreg", "fgr/orthoreg.py", 'if mode == "local":  #', "if False:  #"),
    "shuffled labels": (
        "ch05_orthoreg",
        "fgr/experiments/orthoreg/runs.py",
        "    return ready, len(",
        '    images, targets = ready["train"]\n'
        '    ready["train"] = (images, targets[torch.randperm(len(targets))])\n'
        "    return ready, len(",
    ),
    "shuffled answers": (
        "ch03_age_gender",
        "fgr/experiments/glimpses/runs.py",
        "    began = time.perf_counter()\n",
        '    images, targets = parts["train"]\n'
        '    parts["train"] = (images, targets[torch.randperm(len(targets))])\n'
        "    began = time.perf_counter()\n",
    ),
    "uniform grid": (
        "ch03_age_gender",
        "fgr/glimpse/grid.py",
        "return logits.flatten(1).softmax(1)",
        "return (0 * logits).flatten(1).softmax(1)",
    ),
    "uniform masks": (
        "ch04_attend_and_rectify",
        "fgr/attention/module.py",
        'return look.softmax(2) if masks == "softmax"',
        'return (0 * look).softmax(2) if masks == "softmax"',
    ),
    "equal gates": (
        "ch04_attend_and_rectify",
        "fgr/attention/gates.py",
        "scores = self.norm(self.linear(features)).tanh()",
        "scores = 0 * self.norm(self.linear(features)).tanh()",
    ),
    "shuffled digits": (
        "ch04_attend_and_rectify",
        "fgr/experiments/attend/runs.py",
        "s.targets) for split, s in image_sets(cell)",
        's.targets[torch.randperm(len(s.targets))] if split == "train" else s.targets)'
        " for split, s in image_sets(cell)",
    ),
    "shuffled species": (
        "ch06_output_codes",
        "fgr/experiments/codes/features.py",
        '    made = {"test_error": torch.tensor(history',
        '    parts["train"] = (parts["train"][0], parts["train"][1][torch.randperm(len(parts["train"][1]))])\n'
        '    made = {"test_error": torch.tensor(history',
    ),
    "random cuts": (
        "ch06_output_codes",
        "fgr/experiments/codes/runs.py",
        "oc.spectral(similarity(source), length)",
        "oc.gaussian(n, length, generator)",
    ),
}


def of(notebook: str) -> list[str]:
    """Return the names of the mutants that a notebook must see."""
    return [name for name, (seen_by, *_) in MUTANTS.items() if seen_by == notebook]


def mutant(name: str, folder: Path) -> Path:
    """Copy the library into `folder`, break it as `name` says, and return what to put on PYTHONPATH.

    Raises:
        ValueError: if the line to break is not there exactly once, so that a mutant cannot silently be the original.
    """
    _, file, before, after = MUTANTS[name]
    shutil.copytree(project_root() / "fgr", folder / "fgr", ignore=shutil.ignore_patterns("__pycache__"))
    source = (folder / file).read_text()
    if source.count(before) != 1:
        raise ValueError(f"mutant {name!r}: {file} holds {before!r} {source.count(before)} times, not once")
    (folder / file).write_text(source.replace(before, after))
    return folder
