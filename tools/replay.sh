#!/bin/sh
# Replay the committed notebooks and compare outputs. The one place that names the tool: another could stand here.
cd "$(dirname "$0")/.." && exec env OMP_NUM_THREADS=1 .venv/bin/python -m pytest -q -p no:cacheprovider \
  --nbval --nbval-current-env --nbval-cell-timeout 600 --nbval-sanitize-with tools/nbval_sanitize.cfg \
  --override-ini testpaths=notebooks notebooks "$@"
