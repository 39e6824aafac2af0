# Every command of the project. Plain `make` prints them with their meaning.

# A distribution's Python first: it is built optimised. One built by hand often is not, and runs at
# two thirds of the speed.
SUFFICES := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(or $(shell for each in /usr/bin/python3 python3; do \
	$$each -c '$(SUFFICES)' 2>/dev/null && echo $$each && break; done),python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV := $(VENV)/.dev
COMPOSE := docker compose -f deploy/compose.yaml
ARGS ?=
MINUTES ?= 30
SEED ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start hundreds of processes of Shuke: each would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help pages demo run up down migrate test examples e2e ui faults soak bench check fmt lint \
	types audit \
	generate screenshots kafka clean requirements

help:  ## this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' \
		$(MAKEFILE_LIST)

# --- set-up: two stamps, so that nothing is installed twice ---------------------------------------

$(READY): requirements/box.txt pyproject.toml
	@$(PYTHON) -c '$(SUFFICES)' 2>/dev/null || { \
		echo "Shuke needs Python 3.11 or newer with venv: install python3 and python3-venv" \
			"(or name another one: make PYTHON=python3.12)" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/box.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements/dev.txt $(READY)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

# --- run ------------------------------------------------------------------------------------------

pages:
	-@$(firstword $(wildcard $(BIN)/python) $(PYTHON)) web/build.py --if-possible

demo: $(READY) pages  ## one box with a year of real orders; ARGS="--exit --json" passes arguments on
	$(BIN)/shuke demo $(ARGS)

run: $(READY) pages  ## one box with your data
	$(BIN)/shuke up $(ARGS)

up: pages  ## Kafka, PostgreSQL and every service in containers
	$(COMPOSE) up --build --detach --wait
	@$(COMPOSE) ps --format '{{.Service}}  {{.Status}}'

down:  ## stop the containers; their data stays
	$(COMPOSE) down

migrate: $(READY)  ## all schemas to their newest migration
	$(BIN)/shuke migrate

# --- test -----------------------------------------------------------------------------------------

# In this order: what waits most begins first, and many small files end the run on all cores at once.
test: $(DEV)  ## rules, store, flow, api, contract, quick faults
	$(BIN)/python -m pytest -n auto --dist loadgroup --no-loadscope-reorder -m "not slow" \
		tests/faults tests/flow tests/contract tests/store tests/api tests/rules $(ARGS)

examples: $(DEV)  ## rules and flow with many more examples of each law
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -n auto --dist loadgroup tests/rules tests/flow --timeout 3600 $(ARGS)

e2e: $(DEV)  ## real processes, real Kafka: the story, the demo, the examples
	$(BIN)/python -m pytest tests/e2e $(ARGS)

ui: $(DEV)  ## the pages in a browser (Debian's chromium), built first
	$(BIN)/python web/build.py
	$(BIN)/python -m pytest tests/ui $(ARGS)

faults: $(DEV)  ## the whole fault suite
	$(BIN)/python -m pytest tests/faults $(ARGS)

soak: $(DEV)  ## chance faults under a steady load for MINUTES=30, SEED=1; writes var/soak
	$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) --seed $(SEED)

bench: $(DEV)  ## how fast, as ratios within one run
	$(BIN)/python -m tests.bench $(ARGS)

check: $(DEV)  ## format, lint, types, generated files: compares, changes nothing
	$(BIN)/ruff format --check .
	$(MAKE) --no-print-directory lint types
	$(BIN)/python -m shuke.generate --check

fmt: $(DEV)  ## format and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: $(DEV)  ## ruff, import-linter
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache

types: $(DEV)  ## mypy, strict; vue-tsc where the pages' packages are
	$(BIN)/mypy shared services shuke tests
	@test ! -x web/node_modules/.bin/vue-tsc || (cd web && npm run --silent types && npm run --silent check)

# Exit 1: a library has a known weakness. Without a network nothing can be said, and that is told.
audit: $(DEV)  ## known weaknesses of the pinned libraries; says so where it cannot ask
	@$(BIN)/python -m tests.advisories

generate: $(DEV)  ## every generated file: schemas, API documents, topics, environment
	$(BIN)/python -m shuke.generate

screenshots: $(DEV)  ## pictures of the pages, in both languages: docs/screenshots
	$(BIN)/python web/build.py
	$(BIN)/python -m tests.ui.screenshots

kafka: $(DEV)  ## a local Kafka on port 9092 from Maven's jars (Java 17, Maven)
	$(BIN)/python -m tests.backing.kafka

clean:  ## what git ignores, but not var/
	git clean -fdX --exclude='!var' --exclude='!var/**'

UV := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml --extra build

requirements: $(DEV)  ## the hashed lists of requirements anew
	$(UV) -o requirements/app.txt
	$(UV) --extra box -o requirements/box.txt
	$(UV) --extra box --extra dev -o requirements/dev.txt
