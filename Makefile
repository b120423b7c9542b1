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

TYPED := serving/src predictor/src explainer/src client local bench tools cluster examples/random-forest

# The checkout that `make compare` and `make bench NAME=compare` compare with; flags such as --sentences-may-differ.
OTHER ?=
COMPARE_FLAGS ?=

# What `make serve` serves, and where.
MODEL ?= fashion-mnist
PORT ?= 8080
PREDICTOR_PORT ?= 8081

##@ General

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Set-up

.PHONY: setup
setup: ## Make the virtual environment with everything in it (done by the other targets)
	@$(PYTHON) -m tools.install

##@ Use

.PHONY: demo
demo: setup ## Explain an ankle boot and a digit by three methods, and write the pictures
	$(RUN) -m local.demo

.PHONY: demo-text
demo-text: setup ## Explain a sentence: its words in colours in the terminal, and as HTML
	$(RUN) -m local.demo_text

.PHONY: serve
serve: setup ## Keep both servers running: make serve MODEL=mnist PORT=8080 PREDICTOR_PORT=8081
	$(RUN) -m local.serve --model $(MODEL) --port $(PORT) --predictor-port $(PREDICTOR_PORT)

##@ Development

.PHONY: test
test: setup ## Run all tests that need no cluster
	$(RUN) -m pytest -q --numprocesses 2 --dist loadfile

.PHONY: test-bench
test-bench: setup ## Run the tests of the measurements
	$(RUN) -m pytest -q tests/bench

.PHONY: compare
compare: setup ## Compare all answers with another checkout's, byte for byte: make compare OTHER=../before
	$(RUN) -m tools.compare_answers $(OTHER) $(COMPARE_FLAGS)

.PHONY: format
format: setup ## Format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

.PHONY: lint
lint: setup ## Check format, lint, and that folders import only from those below them
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	PYTHONPATH=client $(VENV)/bin/lint-imports

.PHONY: types
types: setup ## Check the types
	$(VENV)/bin/mypy $(TYPED)

.PHONY: lock
lock: setup ## Write again which packages the images install, with their hashes, by constraints.txt
	$(RUN) -m tools.lock

.PHONY: audit
audit: ## Look for known weaknesses in what the images install (asks a database on the internet)
	$(PYTHON) -m venv build/audit
	build/audit/bin/pip install --quiet pip-audit
	grep ^torch== constraints.txt > build/audit/torch.txt
	build/audit/bin/pip-audit --disable-pip --no-deps --requirement build/audit/torch.txt
	for lock in predictor explainer client; do build/audit/bin/pip-audit --disable-pip --require-hashes --requirement $$lock/requirements.lock; done

.PHONY: chart-docs
chart-docs: setup ## Write the chart's table of values again
	$(RUN) -m tools.chart_values

.PHONY: methods-docs
methods-docs: setup ## Write the page of methods again: its tables, and a picture of each
	$(RUN) -m tools.methods_page

.PHONY: flags-docs
flags-docs: setup ## Write the page of flags again
	$(RUN) -m tools.flags_page

.PHONY: bench
bench: setup ## List what can be measured, or measure: make bench NAME="load start" ROUNDS=1
	$(RUN) -m bench $(NAME) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(OTHER),--other $(OTHER))

##@ Cluster (kind; every command names its context, kind-kserve-captum)

# The port of 127.0.0.1 at which the gateway serves; the namespace that the overlays name.
HOST_PORT ?= 8080
CONTEXT := kind-kserve-captum
KUBECTL := kubectl --context $(CONTEXT)
export HOST_PORT SHARED TORCH_INDEX

.PHONY: kind
kind: cluster images load deploy ## All of it: a cluster, the images, and a model served

.PHONY: cluster
cluster: ## Make the kind cluster with KServe and a gateway at HOST_PORT (an old one of our name is deleted)
	cluster/up

.PHONY: images
images: ## Build the images, and list in build/sbom what each installs
	cluster/images

.PHONY: load
load: ## Load the images into the cluster
	cluster/load

.PHONY: deploy
deploy: setup ## Serve MODEL in the cluster, and wait until it answers
	$(KUBECTL) apply -k manifests/overlays/kind-$(MODEL)
	$(RUN) -m cluster.wait --name $(MODEL) --model models/$(MODEL) --url http://127.0.0.1:$(HOST_PORT)
	@echo "curl -s -H 'Host: $(MODEL)-default.example.com' --data-binary @models/$(MODEL)/examples/0.png http://127.0.0.1:$(HOST_PORT)/v1/models/$(MODEL):explain"

.PHONY: e2e
e2e: setup ## Run the end-to-end tests in the cluster
	$(RUN) -m pytest -q tests/e2e

.PHONY: undeploy
undeploy: ## Stop serving MODEL
	$(KUBECTL) delete --ignore-not-found -k manifests/overlays/kind-$(MODEL)

.PHONY: cluster-down
cluster-down: ## Delete the cluster
	kind delete cluster --name kserve-captum

##@ Models

.PHONY: train
train: setup ## Train the shipped models again, by the commands of their cards
	$(RUN) -m captum_predictor.training fashion-mnist --epochs 8 --seed 0 --threads 2 --output models/fashion-mnist
	$(RUN) -m captum_predictor.training mnist --epochs 10 --seed 0 --threads 1 --output models/mnist
	$(RUN) -m captum_predictor.training.sentiment --epochs 4 --seed 0 --threads 1 --output models/sentiment
