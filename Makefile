# Every command of the project. `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(or $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$p && break; done),python3)
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
LOCKS := requirements/lambda requirements requirements/migrate requirements/local requirements/dev
TOOLS := sam checkov localstack audit fuzz bugsink
UV_COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --custom-compile-command "make lock"

.PHONY: help run test test-aws test-faults test-load bench soak check lint route-table lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

$(VENV)/.python:
	@$(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || { \
	  echo "rootnote needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo missing). Try: make PYTHON=/path/to/python3.12 run" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) && touch $@

$(VENV)/.local: $(VENV)/.python requirements/local.txt
	@echo "installing packages into $(VENV) (about a minute, once)"
	@$(PIP) install --require-hashes -r requirements/local.txt && touch $@

$(VENV)/.dev: $(VENV)/.python requirements/dev.txt
	@echo "installing packages and test tools into $(VENV) (about a minute, once)"
	@$(PIP) install --require-hashes -r requirements/dev.txt && touch $@ $(VENV)/.local

# A tool with a virtual environment of its own, since its pins do not agree with ours. Its lock is the constraint
# too: pip holds a package to one pin, wanted with extras here and without there, only by that.
.PRECIOUS: .venv-%/.ready
.venv-%/.ready: requirements/%.txt $(VENV)/.python
	@echo "installing $* into .venv-$* (about a minute, once)"
	@$(PYTHON) -m venv .venv-$*
	@.venv-$*/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $< -c $<
	@touch $@

run: $(VENV)/.local ## everything on this machine: PostgreSQL, Valkey, API, worker, beat
	@exec $(PY) -m infra.local

test: lint .venv-audit/.ready ## all tests but those of the AWS side, with real PostgreSQL, Valkey and worker processes
	@$(PY) -m pytest --ignore=tests/aws

test-aws: $(VENV)/.dev .venv-sam/.ready .venv-localstack/.ready checkov ## the AWS side: bundles, Lambda runtime, LocalStack, containers
	@.venv-sam/bin/sam validate --lint
	@$(PY) -m pytest tests/aws tests/infra/deploy/test_real_sam.py

test-faults: $(VENV)/.dev ## break a running Rootnote in every way: a table of what was lost (nothing); ARGS=--help
	@$(PY) -m tests.faults $(ARGS)

test-load: $(VENV)/.dev ## load and floods on a real stack: tables; ARGS="flood --seconds 30" for one (ARGS=--help), ARGS=--write for the docs
	@$(PY) -m tests.load $(ARGS)

bench: $(VENV)/.dev ## how fast, beside the guide as written, floors and peers: ARGS="ingest --quick" for one (ARGS=--help), ARGS=--write for the docs
	@$(PY) -m tests.load.bench $(ARGS)

soak: $(VENV)/.dev ## half of the peak rate for ten minutes (MINUTES): does anything grow? into docs/reliability.md
	@$(PY) -m tests.soak --minutes $(or $(MINUTES),10) --write

check: lint ## the gate before a commit: ruff, mypy, import rules, templates, unit tests (not the heaviest), manifests
	@$(PY) -m pytest -q -m "not heavy" tests/unit tests/infra --ignore=tests/infra/deploy --ignore=tests/infra/simulation

lint: $(VENV)/.dev ## ruff, mypy, bandit, cfn-lint and the import rules
	@$(PY) -m ruff check --quiet .
	@$(PY) -m ruff format --quiet --check .
	@$(PY) -m mypy --no-error-summary
	@$(PY) -m bandit --quiet --configfile pyproject.toml --recursive handlers core worker infra
	@$(VENV)/bin/cfn-lint
	@$(VENV)/bin/lint-imports --no-cache > $(VENV)/lint-imports.log || { cat $(VENV)/lint-imports.log; exit 1; }

route-table: $(VENV)/.dev ## write the table of who may ask for what into docs/reliability.md
	@$(PY) -m tests.route_table --write docs/reliability.md

lock: $(VENV)/.dev ## pin every dependency again after a change of a requirements/*.in
	@$(PIP) install uv
	@for name in $(LOCKS); do $(UV_COMPILE) --no-strip-extras $$name.in -o $$name.txt || exit 1; done
	@for name in $(TOOLS); do $(UV_COMPILE) --strip-extras requirements/$$name.in -o requirements/$$name.txt || exit 1; done

include $(wildcard infra/*/targets.mk tests/*/targets.mk)

clean: ## remove the virtual environments, bundles and all local data
	rm -rf $(VENV) .venv-* .bundle .sbom .aws-sam .local
