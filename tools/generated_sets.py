"""Measure what the generated birds and faces show, and keep the rows in results/recorded/generated.

usage: python tools/generated_sets.py [birds] [faces] [people]

About 25 minutes on one core, the drawing of faces included; an interrupted run goes on where it stopped, and finished
runs are not run again.
"""

import argparse

import torch

from fgr.experiments.generated.grids import NAME, PARTS, record
from fgr.paths import project_root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all of them by default")
    asked = parser.parse_args().parts or list(PARTS)
    if unknown := [name for name in asked if name not in PARTS]:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    torch.set_num_threads(1)
    for name in asked:
        rows = record(name, project_root() / "results" / "recorded" / NAME)
        print(f"{name}: {rows['run_id'].nunique()} runs, {len(rows)} rows", flush=True)


if __name__ == "__main__":
    main()
