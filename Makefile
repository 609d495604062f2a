# Two commands matter: `make demo` and `make test`. Each makes its own virtual environment in .venv; only Python 3.11+ is assumed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Four tests at a time: many of them wait for processes of their own.
JOBS ?= 4
# What Python compiles is kept, also where a machine (a container, mostly) is set to keep nothing: each `pas` would compile it all anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## Say what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(READY) ## Play a story through a whole system in ./demo and check what came of it (at most 3 minutes)
	@$(BIN)/pas demo

.PHONY: kafka
kafka: $(READY) ## Fetch Apache Kafka by Maven and run one node on port 9092 until Ctrl-C (Java 17 and Maven needed)
	$(BIN)/python deploy/kafka/kafka_node.py --port 9092

.PHONY: kafka3
kafka3: $(READY) ## Run three Kafka nodes with TLS, SCRAM and ACLs on ports 9093 to 9095 until Ctrl-C (1.5 GB)
	$(BIN)/python deploy/kafka/kafka_cluster.py

.PHONY: test
test: $(READY) ## Check everything: style, types, layers, then the whole suite (some ten minutes)
	@$(MAKE) --no-print-directory -j 2 lint compiled
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup

# Beside the linters, which use one core: else each of the JOBS processes would compile every test by itself, all at the same time.
.PHONY: compiled
compiled: $(READY)
	@$(BIN)/python -m pytest -q --collect-only -p no:cacheprovider >/dev/null || true # what is wrong is told by the run itself

FAULTS := tests/transport/test_kafka_faults.py tests/producers/test_on_kafka.py tests/consumers/test_on_kafka.py \
  tests/gateway/test_kafka_faults.py tests/gateway/test_full_disk.py tests/gateway/test_on_postgres.py tests/gateway/test_kills.py

.PHONY: torture
torture: export PAS_REQUIRE_KAFKA := 1
torture: export PAS_REQUIRE_POSTGRES := 1
# Workers killed; faults of each kind of brokers and servers; how long no broker is there.
torture: export PAS_TEST_KILLS ?= 500
torture: export PAS_TEST_STRIKES ?= 10
torture: export PAS_TEST_AWAY_SECONDS ?= 60
torture: $(READY) ## Kill workers 500 times, break brokers and servers 70 times, and look for anything lost or doubled (two hours at most)
	$(BIN)/python -m pytest -q -s $(FAULTS)

.PHONY: oracle
oracle: $(READY) ## Compare the broker's answers to a million random reports with the independent judge's (a quarter of an hour)
	$(BIN)/python tests/policy/million.py

.PHONY: bench
bench: $(READY) ## Measure the gateway beside its floor and print one table (a quarter of an hour; BENCH_SCALE=full: hours)
	$(BIN)/python benchmarks/bench.py

.PHONY: lint
lint: $(READY) ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy benchmarks deploy/kafka
	$(BIN)/lint-imports

.PHONY: format
format: $(READY) ## Lay the code out and mend what can be mended by a tool
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: install
install: $(READY) ## Make .venv from the lock file, with the `pas` command in it

# The stamp is older than the lock or the project file: install again. An environment that has everything already is kept.
# Nothing is compiled that nobody imports: what is imported is, then and there.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "the venv module is missing: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

LOCKING := --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet

.PHONY: lock
lock: $(READY) ## Choose dependencies anew and write requirements.lock and deploy/runtime.lock with their hashes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --group dev $(LOCKING) --upgrade --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --constraints requirements.lock $(LOCKING) --output-file deploy/runtime.lock

.PHONY: clean
clean: ## Remove what was made here (environment and demo too)
	rm -rf demo $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
