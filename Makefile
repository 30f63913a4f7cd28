# plait: what can be made. Nothing is needed beforehand but make and python3 (3.11 or newer) with pip and venv.
#
#   make demo    set up .venv, train a two-input, two-output model on real data      (examples/multitask.py)
#   make test    set up .venv, then lint, types and all tests: what .ci/run runs
#
# Everything made is under .venv and .cache. A second run sets nothing up again, unless pyproject.toml, the Python or
# the folder has changed. `make PYTHON=python3.13 test` uses another Python; `make test JOBS=4` more processes;
# `make test PYTEST_ARGS="tests/unit -k dense"` fewer tests.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHON ?= python3
JOBS ?= 2
PYTEST_ARGS ?=
BENCH_ARGS ?=

# The benchmark's other engines. PyTorch for CPUs alone is ten times smaller; where it can't be had, the plain one comes.
PEERS := .cache/peers
KERAS := keras>=3.15,<3.16
TORCH ?= torch==2.13.0+cpu
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

VENV := .venv
BIN := $(VENV)/bin
# An environment works only in the folder and with the Python it was made for, so both are in the stamps' names.
PLACE := $(shell { echo '$(CURDIR)'; $(PYTHON) -c 'import sys; print(sys.version, sys.prefix)'; } | cksum | cut -d' ' -f1)
PROJECT := $(PLACE)-$(shell cksum < pyproject.toml | cut -d' ' -f1)
ENVIRONMENT := $(VENV)/.made-$(PLACE)
RUNTIME := $(VENV)/.runtime-$(PROJECT)
DEVELOP := $(VENV)/.develop-$(PROJECT)

# Tests compile thousands of small programs: kept on disk, from the smallest up, they are there for the other process
# and for the next run.
export JAX_COMPILATION_CACHE_DIR := $(CURDIR)/.cache/jax
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS := 0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES := -1
export KERAS_BACKEND := jax
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
# Tests start many processes of Python, and pytest rewrites every test file: both are kept, whatever the caller's habit.
export PYTHONDONTWRITEBYTECODE :=

say = @printf '\n==> %s\n' "$(1)"

.PHONY: help demo launch-demo test test-long faults oracle tensorflow-answers packages lint types tests docs-check pictures bench bench-peers format setup clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## a multi-task model on real data: trained, saved, cut open, frozen, trained again
	$(call say,examples/multitask.py: two inputs and two outputs on 53$(COMMA)940 diamonds)
	@$(BIN)/python examples/multitask.py

launch-demo: $(RUNTIME) ## the same model on two processes: killed once, gone on, and the same result
	$(call say,examples/launched.py: plait launch -n 1 and -n 2$(COMMA) one process killed in its second epoch)
	@$(BIN)/python examples/launched.py

test: lint types tests ## lint, types and all tests

lint: $(DEVELOP) ## ruff: rules and format
	$(call say,lint: ruff check$(COMMA) ruff format --check)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(DEVELOP) ## pyright over src
	$(call say,types: pyright)
	@$(BIN)/pyright --pythonpath $(BIN)/python

# Each process begins with a half of the list, so that a file's tests share their programs, and takes from the other's at
# the end.
PYTEST = PYTHONPATH=tools $(BIN)/python -m pytest -p slow_last -n $(JOBS) --dist worksteal --durations=10 $(PYTEST_ARGS)

tests: $(DEVELOP) ## all tests but the long forms, the slow ones last
	$(call say,tests: pytest in $(JOBS) processes$(COMMA) slow tests last)
	@$(PYTEST)

test-long: $(DEVELOP) ## all tests, the long forms too, with programs compiled as users' are and Keras asked, not its kept answers
	$(call say,tests: pytest in $(JOBS) processes$(COMMA) long forms too)
	@PLAIT_TEST_LONG=1 $(PYTEST)

faults: $(DEVELOP) ## training that is killed, 200 times for each kind of data, and compared with training that isn't
	$(call say,tests/faults: 200 kills a kind of data)
	@PLAIT_TEST_LONG=1 $(BIN)/python -m pytest -s tests/faults

oracle: $(DEVELOP) ## asks Keras anew for the numbers that tests/answers keeps
	$(call say,asking Keras)
	@rm -rf tests/answers
	@PLAIT_ASK_ORACLE=1 $(BIN)/python -m pytest --quiet $$(grep -rlE '^import oracle|op_checks import' tests --include='test_*.py' | sort)

tensorflow-answers: ## asks TensorFlow anew for the numbers that tests/compat keeps, in an environment of its own
	$(call say,asking TensorFlow)
	@test -x .cache/tensorflow/bin/python || python3 -m venv .cache/tensorflow
	@.cache/tensorflow/bin/python -m pip install --quiet tensorflow-cpu keras==3.15.1 'jax>=0.10,<0.11' h5py optax rich click pandas pillow
	@KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 .cache/tensorflow/bin/python tests/compat/tensorflow_cases.py
	@KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 .cache/tensorflow/bin/python tests/compat/ask_tensorflow.py

PACKAGES := .cache/packages

packages: ## packages for Keras on plait beside Keras on JAX, in an environment of their own: the table in docs/compat.md
	$(call say,tools/packages.py)
	@test -x $(PACKAGES)/bin/python || $(PYTHON) -m venv $(PACKAGES)
	@$(PACKAGES)/bin/python -m pip install --quiet 'jax>=0.10,<0.11' keras==3.15.1 optax rich click pytest pillow pandas scikit-learn \
	  optuna optuna-integration tensorboard wandb mlflow-skinny sqlalchemy alembic kagglehub tokenizers sentencepiece networkx regex seaborn tqdm pyyaml six grpcio
	@$(PACKAGES)/bin/python -m pip install --quiet --no-deps keras-tuner kt-legacy keras-rs scikeras keras-hub bayesflow
	@$(PACKAGES)/bin/python tools/packages.py $(PACKAGES_ARGS)

docs-check: $(DEVELOP) ## every example and link of README.md, docs/ and the docstrings
	$(call say,docs: examples and links)
	@$(BIN)/python -m pytest -n $(JOBS) tests/architecture/test_docs.py

pictures: $(DEVELOP) ## the pictures of README.md and docs/, drawn anew (the page's need Chromium)
	$(call say,tools/pictures.py)
	@$(BIN)/python tools/pictures.py

bench: $(DEVELOP) ## plait beside its peers, in turn, in one run (BENCH_ARGS=--quick: a quarter of an hour)
	$(call say,benchmarks/run.py)
	@$(BIN)/python benchmarks/run.py $(BENCH_ARGS)

bench-peers: $(PEERS)/tensorflow/.made $(PEERS)/torch/.made $(PEERS)/nightly/.made ## environments with the other engines, for bench

$(PEERS)/%/.made:
	$(call say,making $(@D))
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --upgrade pip
	@case $* in \
	tensorflow) $(@D)/bin/python -m pip install --quiet tensorflow-cpu '$(KERAS)';; \
	torch) $(@D)/bin/python -m pip install --quiet '$(TORCH)' '$(KERAS)' --extra-index-url $(TORCH_INDEX) \
	  || $(@D)/bin/python -m pip install --quiet torch '$(KERAS)';; \
	nightly) $(@D)/bin/python -m pip install --quiet --pre keras-nightly \
	  && $(@D)/bin/python -m pip install --quiet 'jax>=0.10,<0.11';; \
	esac
	@touch $@

format: $(DEVELOP) ## let ruff put right what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

setup: $(DEVELOP) ## only the environment, with everything for development

clean: ## remove the environment and all caches
	$(call say,removing .venv$(COMMA) caches and what was built)
	@rm -rf $(VENV) .cache .pytest_cache .ruff_cache .hypothesis build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(ENVIRONMENT):
	$(call say,making the environment $(VENV) with $(PYTHON))
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "plait needs Python 3.11 or newer, but $(PYTHON) is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'  # the first that knows --group
	@touch $@

$(RUNTIME): $(ENVIRONMENT)
	$(call say,installing plait and what it runs on)
	@$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(DEVELOP): $(RUNTIME)
	$(call say,installing what the tests$(COMMA) lint and types need (some minutes the first time))
	@$(BIN)/python -m pip install --quiet --editable . --group dev
	@touch $@

COMMA := ,
