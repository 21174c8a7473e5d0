# Two commands matter: "make run" and "make test". Both install what they need into .venv first.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Nothing is fetched but what the lock names by its hash: builds use the locked setuptools and hatchling.
INSTALL := $(BIN)/python -m pip install --quiet --no-input --no-deps --no-build-isolation --use-pep517
DEBIAN := Debian and Ubuntu: apt install python3 python3-venv

# pip follows the environment of who calls us; these would break an installation into .venv.
export PIP_USER := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport PYTHONPATH PYTHONHOME PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV

ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export PIP_NO_CACHE_DIR := 1
endif

.DEFAULT_GOAL := help
.PHONY: help install run test check lock bench clean moved

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

run: install ## start Whence with the demo company's systems on http://127.0.0.1:8000; Ctrl-C stops it
	@exec $(BIN)/whence serve --demo $(ARGS)

test: check ## everything a change must pass: style, types, import contracts, tests (ARGS="-k name" for some)
	$(BIN)/python -m pytest $(ARGS)

check: install ## style, types and import contracts, without the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

install: $(STAMP) ## install the locked requirements and Whence itself into .venv

lock: ## write requirements.lock anew from pyproject.toml, with the newest versions it allows
	@test -x $(BIN)/uv || $(MAKE) --no-print-directory install
	$(BIN)/uv pip compile --universal --upgrade --generate-hashes --no-emit-index-url --no-annotate --quiet \
		--custom-compile-command "make lock" --group dev pyproject.toml --output-file requirements.lock

bench: install ## run one measurement: make bench NAME=sync (or NAME=execution PEERS=DIR)
	@test -n "$(NAME)" || { echo "Say which: make bench NAME=... (one of tests/bench/)" >&2; exit 2; }
	@test -f tests/bench/$(NAME).py || { echo "There is no tests/bench/$(NAME).py." >&2; exit 2; }
	@exec $(BIN)/python -m tests.bench.$(NAME) $(if $(PEERS),--peers "$(PEERS)") $(ARGS)

clean: ## remove .venv, build products and caches; the ledger in .whence stays
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Scripts in .venv hold its path: a checkout that was moved or copied installs again.
ifneq "$(shell cat $(STAMP) 2>/dev/null)" "$(shell pwd -P)"
$(STAMP): moved
endif

$(STAMP): requirements.lock pyproject.toml
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { echo "Whence needs Python 3.11 or later, and there is no $(PYTHON). $(DEBIAN)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Whence needs Python 3.11 or later, and $(PYTHON) is $$("$(PYTHON)" -V 2>&1). Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) lacks its venv module. $(DEBIAN)" >&2; exit 1; }
	@echo "Installing into .venv, once; this takes a minute."
	@test ! -e $(STAMP) || test "$$(cat $(STAMP))" = "$$(pwd -P)" || rm -rf .venv
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv
	@rm -f $(STAMP)
	@awk '/^[a-z]/ { keep = /^setuptools==/ } keep' requirements.lock > .venv/setuptools.lock
	@$(INSTALL) --require-hashes -r .venv/setuptools.lock
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --force-reinstall -e .
	@pwd -P > $(STAMP)
