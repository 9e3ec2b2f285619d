# Daily work: `make check` (what CI runs, without the tests), `make fix`, `make test`.
# Everything runs in .venv, made from pinned and hashed requirements; nothing else is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SAM_VENV := .sam-venv
SAM := $(SAM_VENV)/bin/sam

.PHONY: demo test check fix lock validate build clean

demo: $(READY)
	$(BIN)/forwarder demo

test: check
	$(BIN)/pytest -n 2

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): requirements/dev.txt pyproject.toml
	@echo "Making $(VENV) from pinned requirements; this takes a minute or two, once."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

clean:
	rm -rf $(VENV) $(SAM_VENV) .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis build
