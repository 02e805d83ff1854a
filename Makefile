# make demo   sets everything up and turns a shipped capture into a JSON report and a summary
# make test   sets up what the tests need too, and runs every test
# make check  lint, types, import contracts, quick tests: about a minute
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

RUN_STAMP := $(VENV)/.stamp-run
DEV_STAMP := $(VENV)/.stamp-dev
SYSTEM_STAMP := .cache/stamp-system

SOURCES := dissect grammars tui captures tests
DEMO_CAPTURE := captures/demo
DEMO_REPORT := .cache/demo-report.json
PYTEST := $(BIN)/python -m pytest
PYTEST_WORKERS ?= 2
PARALLEL := $(if $(filter-out 0 1,$(PYTEST_WORKERS)),-n $(PYTEST_WORKERS) --dist loadfile)
# Compiled modules are kept wherever the environment says otherwise: without them every process of the tests compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE
BENCH_ARGS ?=
SOAK_ARGS ?= --minutes 10

.PHONY: demo test check lint types imports quick bench soak captures setup clean
.DELETE_ON_ERROR:

demo: $(RUN_STAMP)
	@mkdir -p $(dir $(DEMO_REPORT))
	@chmod 600 $(DEMO_CAPTURE)/keys.toml
	$(BIN)/dissect report $(DEMO_CAPTURE)/capture.pcapng --keys $(DEMO_CAPTURE)/keys.toml --summary -o $(DEMO_REPORT)
	@echo "the whole report: $(DEMO_REPORT)"

test: $(DEV_STAMP) $(SYSTEM_STAMP)
	$(PYTEST) $(PARALLEL) tests

check: lint types imports quick

# The steps run in this order also under make -j.
types: lint
imports: types
quick: imports

lint: $(DEV_STAMP)
	$(BIN)/ruff check $(SOURCES)

types: $(DEV_STAMP)
	$(BIN)/mypy

imports: $(DEV_STAMP)
	$(BIN)/lint-imports --config pyproject.toml

# Without the slow tests, and of properties and ladders a share (tests/effort.py); `make test` runs all.
quick: $(DEV_STAMP)
	$(PYTEST) $(PARALLEL) -m 'not slow' tests

bench: $(DEV_STAMP) $(SYSTEM_STAMP)
	$(BIN)/python -m tests.bench $(BENCH_ARGS)

# Ten minutes of live traffic of all five protocols; memory has to stay flat. Needs root (network namespaces).
soak: $(DEV_STAMP) $(SYSTEM_STAMP)
	$(BIN)/python -m tests.soak $(SOAK_ARGS)

# Writes the sample captures and their expected reports again; a difference is shown, and is a failure.
captures: $(DEV_STAMP)
	$(BIN)/python -m captures.write
	$(BIN)/python -m captures.expect
	git diff --stat --exit-code -- captures

setup: $(DEV_STAMP)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install python3.11, or call make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11: call make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@# Debian ships Python without ensurepip; virtualenv, or the package python3-venv, stands in.
	$(PYTHON) -m venv $(VENV) || $(PYTHON) -m virtualenv $(VENV) || { .ci/system python3-venv && $(PYTHON) -m venv --clear $(VENV); }

$(RUN_STAMP): pyproject.toml | $(BIN)/python
	$(PIP) install -e .
	@touch $@

$(DEV_STAMP): pyproject.toml | $(BIN)/python
	$(PIP) install -e '.[dev]'
	@touch $@ $(RUN_STAMP)

$(SYSTEM_STAMP): .ci/system
	.ci/system
	@mkdir -p $(dir $@)
	@touch $@

clean:
	rm -rf .cache .bench .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
