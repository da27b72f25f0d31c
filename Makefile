# Ops Console. `make run` starts it with a demo fleet, `make test` tests everything, `make help` lists the rest.

SHELL := /bin/sh
PY := .venv/bin/python
# A Python that is new enough; looked for only where .venv has none.
FIND_PYTHON = for python in $(PY) python3 python3.14 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; python=; \
	done; \
	[ -n "$$python" ] || { echo "Ops Console needs Python 3.11 or newer: install it, then run the same command again." >&2; exit 1; }
MAKEFLAGS += --no-print-directory

.PHONY: help run test test-python test-postgresql test-js test-faults lint format types migrations-check check bench screenshot clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14
	@echo
	@echo "Settings go behind the target: make run PORT=9000 DEMO=0 OPSCONSOLE_DATA=/srv/console (see docs/settings.md)."

run: ## start the console with its demo fleet on http://127.0.0.1:8000/
	@$(FIND_PYTHON); $$python tools/prepare.py run
	@exec $(PY) manage.py serve

test: ## install what the tests need, then run all of them
	@tools/system_packages.sh
	@$(MAKE) .venv-dev
	@$(PY) tools/side_by_side.py "$(MAKE)" test-python test-js test-postgresql

# Most tests wait for hosts and pages: four workers keep two cores busy, one of them with the fault suite at first. For
# one test: WORKERS=0.
# Compiled modules are kept, whatever the account's habit: tests start a hundred processes that would compile them anew.
WORKERS = 4
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(PY) -m pytest
test-python: ## the Python tests alone: make test-python ARGS='-k outputlog -x'
	@$(PYTEST) -n $(WORKERS) --dist load --maxschedchunk 1 $(ARGS)

test-postgresql: ## the tests about storage and ownership once more, on a PostgreSQL of their own
	@$(PYTEST) --ds tests.settings_postgresql -m databases $(ARGS)

test-js: ## the JavaScript tests alone
	@"$$($(PY) tools/prepare.py node)" --test-reporter=spec tests/js/all.mjs

SECONDS = 120
test-faults: .venv-dev ## harm a console at work and check every byte: make test-faults SEED=7 SECONDS=900, or FAULTS=500
	@tools/system_packages.sh
	@$(PY) -m tests.faults $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults $(FAULTS),--seconds $(SECONDS)) $(ARGS)

lint: .venv-dev ## ruff, and the syntax of the JavaScript
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@node="$$($(PY) tools/prepare.py node)"; \
	for file in static/js/*.js tests/js/*.*js; do "$$node" --check "$$file" || exit 1; done

format: .venv-dev ## let ruff put the code into its form
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

types: .venv-dev ## mypy
	@$(PY) -m mypy

migrations-check: .venv-dev ## fail when a model has changed without its migration
	@$(PY) manage.py makemigrations --check --dry-run

check: lint types migrations-check ## what CI runs before the tests

bench: .venv-dev ## measure against other tools: make bench JOB=fanout-200-cold
	@$(PY) -m bench $(JOB)

screenshot: .venv-dev ## take the README's pictures from the running page
	@$(PY) tools/screenshot.py

clean: ## remove what can be made again; data/ stays
	rm -rf .venv node_modules staticfiles test-artifacts .mypy_cache .ruff_cache .pytest_cache

.PHONY: .venv-dev
.venv-dev:
	@$(FIND_PYTHON); $$python tools/prepare.py test
