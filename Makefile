# quickstart makes a dataset, test installs and runs every test, and test-vllm those with a vLLM.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable
MODELS  = qwen2.5-coder-1.5b-instruct all-minilm-l6-v2
VLLM   := .venv-vllm
SMALL   = qwen2.5-coder-0.5b-instruct

.PHONY: quickstart test test-vllm lint type bench clean

quickstart: $(VENV)/.quickstart  ## from nothing to a labelled dataset of real text
	$(BIN)/rankmill models fetch $(MODELS)
	$(BIN)/rankmill build recipes/quickstart.toml
	$(BIN)/rankmill show quickstart --first 3

test: $(VENV)/.test lint type  ## everything, the way CI runs it
	$(BIN)/python -m pytest

test-vllm: $(VENV)/.test $(VLLM)/.ready  ## a real vLLM on the CPU as a managed teacher
	$(BIN)/python -m pytest tests/integration/test_vllm_*.py

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: $(VENV)/.test
	$(BIN)/mypy

bench: $(VENV)/.test  ## prints ratios side by side
	$(BIN)/python bench/overhead.py
	$(BIN)/python bench/kill_and_rerun.py
	$(BIN)/python bench/ingest_million.py
	$(BIN)/python bench/settle.py
	$(BIN)/python bench/teacher_calls.py
	$(BIN)/python bench/reply_store.py
	$(BIN)/python bench/lexical.py
	$(BIN)/python bench/minhash.py
	$(BIN)/python bench/kmeans.py
	$(BIN)/python bench/dense.py
	$(BIN)/python bench/mining.py
	$(BIN)/python bench/exports.py
	$(BIN)/python bench/report.py
	$(BIN)/python bench/publish.py

clean:
	rm -rf $(VENV) $(VLLM) .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "rankmill needs Python 3.11 or newer, found $$($(PYTHON) --version 2>&1)"; exit 1; }
	@command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null \
	  || { echo "the embedded teacher is built from source: install a C++ compiler (g++)"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.quickstart: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing; llama.cpp is built from source, which takes a few minutes"
	$(INSTALL) '.[cpu,local,hub]'
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml constraints.txt
	$(INSTALL) '.[test]'
	@touch $@ $(VENV)/.quickstart

$(VLLM)/bin/python: requirements-vllm.txt
	$(PYTHON) -m venv --clear $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --no-deps --requirement requirements-vllm.txt \
	  || { rm -rf $(VLLM); exit 1; }

$(VLLM)/.ready: $(VENV)/.test $(VLLM)/bin/python tests/integration/unpack_gguf.py
	$(BIN)/rankmill models fetch $(SMALL)
	rm -rf $(VLLM)/weights
	TQDM_DISABLE=1 $(BIN)/python tests/integration/unpack_gguf.py $(SMALL) $(VLLM)/weights
	@touch $@
