# `make studio` serves the studio; `make test` runs all checks, `make quick` those that need neither
# a browser nor a generated take. All set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A process a core, at most four for their memory; a file's tests share its fixtures in one process.
PYTEST := $(BIN)/python -m pytest -q -n logical --maxprocesses 4 --dist loadscope

.PHONY: studio test quick lint lint-js unit end-to-end clean

studio: $(VENV)/.run
	$(BIN)/python app.py

test: lint lint-js unit end-to-end

quick: lint lint-js $(VENV)/.dev
	$(PYTEST) -m "not slow and not browser"

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy gaia_core ui

# The page's scripts. Without npm they are not linted, and nothing fails.
lint-js: $(if $(shell command -v npm),node_modules/.bin/biome)
	@if [ -x node_modules/.bin/biome ]; then node_modules/.bin/biome lint --error-on-warnings; \
	else echo "No npm, or no registry: the page's scripts are not linted." >&2; fi

node_modules/.bin/biome: package-lock.json
	-npm ci --silent --no-audit --no-fund --fetch-retries=0 && touch $@

unit: $(VENV)/.system $(if $(shell command -v npm),node_modules/.bin/biome)
	$(PYTEST)

# One real generation with the shipped weights, whose video is measured.
end-to-end: $(VENV)/.dev
	$(BIN)/python tests/end_to_end.py

# PyPI's torch for Linux brings gigabytes of CUDA along. Where no GPU is, PyTorch's own index has a
# CPU build; if that cannot be reached, the default index has to do.
TORCH := torch==2.13.0
CPU_INDEX := --index-url https://download.pytorch.org/whl/cpu --retries 0 --timeout 10

$(VENV)/.run: pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 12) else "Python 3.11 or 3.12 is needed; call make with PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c 'import torch' 2>/dev/null \
	  || { ! command -v nvidia-smi >/dev/null && $(BIN)/pip install -q $(CPU_INDEX) $(TORCH); } \
	  || { echo "Installing torch from the default index."; $(BIN)/pip install -q $(TORCH); }
	$(BIN)/pip install -q -e '.[studio]'
	touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/pip install -q -e '.[dev]'
	touch $@

# A browser, and ffmpeg with ffprobe.
$(VENV)/.system: $(VENV)/.dev tests/install_system.sh
	sh tests/install_system.sh
	touch $@

clean:
	rm -rf $(VENV) node_modules
