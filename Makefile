# `make help` lists the targets; CI, the README and developers use the same ones.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# The folder that replaces downloads where there is no internet; users do not have it.
SHARED := $(wildcard ../shared)
# Where PyTorch's CPU wheel comes from; empty: from pip's own configuration.
TORCH_INDEX ?= $(if $(SHARED),,https://download.pytorch.org/whl/cpu)
DATA_DIR ?= $(if $(SHARED),$(abspath $(SHARED)/data),)
export KSERVE_CAPTUM_DATA ?= $(DATA_DIR)

SOURCES := serving/src predictor/src explainer/src client

##@ General

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Set-up

.PHONY: setup
setup: $(VENV)/installed ## Make the virtual environment with everything in it (done by the other targets)

$(VENV)/installed: constraints.txt requirements-dev.txt serving/pyproject.toml predictor/pyproject.toml explainer/pyproject.toml client/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) torch
	$(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e serving -e 'predictor[train]' -e explainer -r client/requirements.txt -r requirements-dev.txt
	touch $@
