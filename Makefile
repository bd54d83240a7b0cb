# make book    environment, data, every notebook at PROFILE (quick), the HTML book     make book CH=5 PROFILE=laptop
# make test    everything that must hold before a change is kept                       make help lists the rest
PYTHON ?= python3
PROFILE ?= quick
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
THREADS ?= 2
# Threads that spin while they wait make everything ten times as slow where another program holds one of the cores.
export OMP_WAIT_POLICY ?= passive

.PHONY: help book test unit nbval nbval-isa lint lock notebooks expected sets bench clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

# The environment is made anew whenever the lock changes; a half-made one is not mistaken for a whole one.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fgr needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

book: $(READY)  ## run the notebooks that are not finished and build _build/html; CH=5 reruns one chapter at PROFILE
	$(BIN)/python tools/build_book.py --profile $(PROFILE) $(if $(CH),--chapter $(CH))

test: lint unit nbval  ## all checks: style, unit tests, doctests, notebooks, book, package

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

unit: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(THREADS) --dist loadfile --doctest-modules fgr tests

nbval: $(READY)  ## replay the committed notebooks and compare their outputs
	sh tools/replay.sh

nbval-isa: $(READY)  ## the same under three simulated instruction sets
	sh tools/replay_isa.sh

notebooks: $(READY)  ## pair each .py with its .ipynb and refresh the smoke outputs
	$(BIN)/python tools/notebooks.py

expected: $(READY)  ## measure the bands of results/expected over seeds and instruction sets
	$(BIN)/python tools/expected.py

lock: $(READY)  ## write requirements.lock and environment.yml from pyproject.toml
	$(BIN)/python -m pip install --quiet 'uv>=0.9'
	$(BIN)/python tools/lock.py

sets: $(READY)  ## measure what the generated sets show, for the page of data sets; goes on where it stopped
	$(BIN)/python tools/generated_sets.py

bench: $(READY)  ## measure speed against named peers; WRITE=1 keeps the tables beside the scripts
	@set -e; for script in benchmarks/*.py; do echo "$$script"; \
		$(BIN)/python "$$script" $(if $(WRITE),--out "$${script%.py}.csv"); done

clean:  ## remove built pages and notebook runs; the environment and downloaded data stay
	rm -rf _build runs
