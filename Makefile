# Two commands for people: `make demo` and `make test`. Everything lives in .venv; nothing outside this folder is changed, save packages that
# `make test` installs through apt where it may.
.PHONY: demo test setup setup-test bench check compile schema clean help
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

help:            ## Show the commands.
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

demo: setup      ## Compile the examples, change a manifest as a pull request would, show the diff.
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: setup-test ## Install what the tests need, and run them all.
	@$(BIN)/python tests/run.py

setup: $(VENV)/.ready            ## Make the virtual environment.
setup-test: $(VENV)/.ready-test  ## The same, with what the tests need.

$(VENV)/.ready: pyproject.toml
	@sh .ci/make-venv "$(PYTHON)" "$(VENV)"
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.ready-test: $(VENV)/.ready .ci/apt-packages
	@sh .ci/install-apt-packages .ci/apt-packages
	@$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@

compile: setup   ## Compile the examples into generated/.
	@$(BIN)/pgc compile examples

schema: setup    ## Write the generated schemas in schemas/ anew.
	@$(BIN)/pgc schema --all schemas
	@$(BIN)/pgc schema --reference > docs/manifest.md

check: setup-test ## Lint, types, layers.
	@$(BIN)/ruff check compiler plugins tests bench
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/mypy compiler/pgc plugins

bench: setup     ## Measure pgc beside its peers; writes bench/RESULTS.md.
	@$(BIN)/python bench/run.py

clean:           ## Remove the virtual environment and caches.
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
