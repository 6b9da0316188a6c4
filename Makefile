# `make check` is everything that CI asks for. Other interpreters: make check PYTHON=python3.12
PYTHON ?= $(if $(wildcard .venv/bin/python),.venv/bin/python,python3)
JOBS ?= 2
RUFF = $(PYTHON) -m ruff
SOURCES = src tests bench scripts examples

# The processor's plain kernels: the same digits on every machine, and no start-up chatter.
export TF_CPP_MIN_LOG_LEVEL = 3
export TF_ENABLE_ONEDNN_OPTS = 0
export CUDA_VISIBLE_DEVICES = -1

.PHONY: check format lint types test docs fix bench applications

check: format lint types docs test  ## all of it

format:  ## is everything laid out as ruff would?
	$(RUFF) format --check $(SOURCES)

lint:
	$(RUFF) check $(SOURCES)

types:
	$(PYTHON) -m mypy

docs:  ## the pages' snippets run, their links lead somewhere, and generated pages are up to date
	$(PYTHON) -m pytest -q tests/test_docs.py

test:
	$(PYTHON) -m pytest -q -n $(JOBS) --dist worksteal --ignore tests/test_docs.py

fix:  ## lay out and repair what ruff can
	$(RUFF) format $(SOURCES)
	$(RUFF) check --fix $(SOURCES)

bench:  ## against tf2onnx and OpenVINO: see bench/README.md for their interpreters
	$(PYTHON) -m bench.convert --help

applications:  ## every keras.applications model, live and from a SavedModel; takes hours, resumes
	$(PYTHON) scripts/applications.py --output .cache/applications.jsonl
