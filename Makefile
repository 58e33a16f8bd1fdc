# Two commands for a newcomer: `make train`, `make test`. Each sets up .venv by itself.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PAGE_READY := $(VENV)/.page-ready
WORKERS ?= 2
ATTACKS ?= 400

.PHONY: help train test attack test-page lint format lock bench clean

help:
	@echo "make train   set up .venv and train the published network on the embedded molecules"
	@echo "make test    the test suite (NMRFLOW_DATA=folder adds the tests on real spectra)"
	@echo "make attack  the attacks of the test suite, many of each (ATTACKS=n: n of each)"
	@echo "make test-page  the page in a browser (Chromium; NMRFLOW_SHOTS=folder keeps pictures)"
	@echo "make lint    ruff, mypy, import-linter, yamllint"
	@echo "make bench   training step, forward and inverse: speed and memory, as a table and JSON"
	@echo "make lock    resolve requirements.lock and requirements-page.lock anew from pyproject.toml"

$(READY): pyproject.toml setup.py requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nmrflow needs Python 3.11 or newer; say make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

train: $(READY)
	$(BIN)/python -m nmrflow.train +experiment=baseline

# Even where the environment forbids it, bytecode is kept: pytest rewrites every test it imports.
test: $(READY)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder

attack: $(READY)
	NMRFLOW_ATTACK=$(ATTACKS) $(BIN)/python -m pytest tests/attack --numprocesses=$(WORKERS)

$(PAGE_READY): $(READY) requirements-page.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-page.lock
	@touch $@

test-page: $(PAGE_READY)
	NMRFLOW_PAGE=1 $(BIN)/python -m pytest tests/page

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/yamllint --strict conf .pre-commit-config.yaml

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python benchmarks/speed.py --output benchmarks/speed.json

lock:
	rm -rf $(VENV)-lock
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --upgrade pip
	$(VENV)-lock/bin/python -m pip install --quiet torch==2.13.0
	$(VENV)-lock/bin/python -m pip install --quiet . --group dev
	{ echo "# What nmrflow was tested with, Python 3.11 on Linux; made by 'make lock'."; \
	  $(VENV)-lock/bin/python -m pip freeze --all --exclude nmrflow --exclude pip | sed 's/+cpu$$//; s/ @ file.*//'; } > requirements.lock
	$(VENV)-lock/bin/python -m pip freeze --all --exclude nmrflow --exclude pip > $(VENV)-lock/before
	$(VENV)-lock/bin/python -m pip install --quiet . --group page
	{ echo "# What the page needs beside requirements.lock; made by 'make lock'."; \
	  $(VENV)-lock/bin/python -m pip freeze --all --exclude nmrflow --exclude pip | grep -vxFf $(VENV)-lock/before; } > requirements-page.lock
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) build dist src/*.egg-info
