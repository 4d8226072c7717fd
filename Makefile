# `make studio` serves the studio; `make test` runs all checks. Both set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: studio test lint unit end-to-end clean

studio: $(VENV)/.run
	$(BIN)/python app.py

test: lint unit end-to-end

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy gaia_core

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -q

# One real generation with the shipped weights, whose video is measured.
end-to-end: $(VENV)/.dev
	$(BIN)/python tests/end_to_end.py

$(VENV)/.run: requirements.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 12) else "Python 3.11 or 3.12 is needed; call make with PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	# The CPU build of torch first, unless a GPU's build is there: a free choice pulls gigabytes.
	$(BIN)/python -c 'import torch' 2>/dev/null || $(BIN)/pip install -q torch==2.13.0
	$(BIN)/pip install -q -r requirements.txt
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.txt requirements-train.txt
	$(BIN)/pip install -q -r requirements-dev.txt
	sh tests/install_system.sh
	touch $@

clean:
	rm -rf $(VENV)
