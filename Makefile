# Everything a developer does here. Every target but clean sets up first, once.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
FILES := build/npm-files
# Tests at once: one more than cores, for much of their time is waiting for servers and browsers.
AT_ONCE ?= $(shell expr $$(nproc) + 1)

.PHONY: setup system servers demo serve test lint format bench accuracy clean

setup: system .venv/set-up $(FILES)

system:
	@.ci/system-packages $(PYTHON)

# What the tests start and stop themselves: a browser, a database server, scanners that are none.
servers:
	@.ci/system-packages $(PYTHON) test

# Without build isolation, so that setuptools too is the pinned one.
.venv/set-up: pyproject.toml constraints.txt | system
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install -c constraints.txt pip setuptools
	PYTHONWARNINGS=ignore $(PIP) install -c constraints.txt --no-build-isolation -e '.[dev]'
	@touch $@

.venv/extras: pyproject.toml constraints.txt | servers .venv/set-up
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[sane,scale]'
	@touch $@

$(FILES): .ci/npm_files.py | .venv/set-up
	$(BIN)/python .ci/npm_files.py
	@mkdir -p build && touch $@

demo: setup
	@$(BIN)/omr demo
	@$(BIN)/kaowu rehearse --out build/rehearsal

serve: setup
	@$(BIN)/kaowu serve --rehearsal build/serve

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# A file's tests stay together: some walk through one sitting. The kernels run a second time as
# plain Python: the compiled and the written arithmetic must agree.
test: servers lint .venv/extras
	$(BIN)/pytest -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder
	@if [ -d tests/kernels ]; then \
		set -x; NUMBA_DISABLE_JIT=1 $(BIN)/pytest -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder tests/kernels; \
	fi

format: setup
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: setup .venv/extras
	@.ci/system-packages $(PYTHON) bench
	@mkdir -p build
	$(BIN)/omr bench --out build/bench.json
	$(BIN)/python -m tests.benchmarks.office --out build/bench.json
	$(BIN)/python -m tests.benchmarks.review --out build/bench.json
	$(BIN)/python -m tests.benchmarks.hotfolder --out build/bench.json
	$(BIN)/python -m tests.benchmarks.cluster --out build/bench.json
	$(BIN)/python -m tests.benchmarks.feed --out build/bench.json
	$(BIN)/python -m tests.benchmarks.portal --out build/bench.json
	$(BIN)/python -m tests.benchmarks.similarity --out build/bench.json
	$(BIN)/python -m tests.benchmarks.items --out build/bench.json

accuracy: setup
	@mkdir -p build
	$(BIN)/omr accuracy --bubbles 10000000 --out build/accuracy

clean:
	rm -rf build dist .*_cache .hypothesis .benchmarks *.egg-info
	find omr scanner_drivers admin_api tests -name __pycache__ -prune -exec rm -rf {} +
