# Each target sets up all that it needs, from Python 3.11 or newer alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NOTEBOOK := notebooks/01_quickstart.ipynb
PAGE := build/demo/01_quickstart.html

# What holds the bounds of pyproject.toml: it needs no browser, and no notebook that takes minutes.
CORE := tests/dag tests/sql tests/python tests/storage tests/engines tests/kinds tests/test_spec.py tests/workflow/test_laws.py tests/test_cli.py

.PHONY: demo test cover lint types bench crash crash-long bounds wheel clean

# The quickstart, on the flights of New York 2013: run in a kernel, rendered as a page, then run once more in the shell.
demo: $(VENV)/.demo
	mkdir -p build/demo
	$(BIN)/jupyter nbconvert --to html --execute $(NOTEBOOK) --output-dir build/demo
	$(BIN)/seeknal-nb run $(NOTEBOOK)
	@echo "The notebook, its graph and its summary: $(CURDIR)/$(PAGE)"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# The same under branch coverage, which takes half as long again; below the floor it fails.
cover: $(VENV)/.dev
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=

lint: $(VENV)/.lint
	$(BIN)/ruff check seeknal_nb tests
	$(BIN)/ruff format --check seeknal_nb
	$(BIN)/mypy
	$(BIN)/mypy --config-file tests/mypy.ini
	$(BIN)/lint-imports

# The types of the browser's modules (JSDoc), where npm is there; afterwards `make test` checks them too.
types:
	npx --yes --package=typescript@5.9 tsc -p tests/draw/web

bench: $(VENV)/.dev
	$(BIN)/python -m tests.benchmarks

# Runs that are killed, refused by the disk, damaged and started at once: the blows of `make test`, or some 2,000 of them.
crash crash-long: $(VENV)/.dev
	PYTHONPATH=tests:. $(BIN)/python -m crash $(if $(findstring long,$@),--long)

# The lowest versions that pyproject.toml declares, and each Python that is here.
bounds:
	TESTS="$(CORE)" .ci/bounds

# What a release uploads: each of its modules can be imported where nothing else of this folder is.
wheel: $(VENV)/bin/python
	rm -rf dist build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/python -m pip install --quiet dist/*.whl
	build/wheel/bin/python -I .ci/wheel.py

clean:
	rm -rf $(VENV) build dist

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.lint: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --group lint
	touch $@

$(VENV)/.%: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[$*]'
	touch $@
