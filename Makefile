# Daily work: `make check` (what CI runs, without the tests), `make fix`, `make test`; `make help`
# shows every target, by the line that begins with ## before it.
# Everything runs in .venv, made from pinned and hashed requirements; nothing else is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := $(VENV)/.demo
SAM_VENV := .sam-venv
SAM := $(SAM_VENV)/bin/sam
LINT_VENV := .lint-venv
LINT := $(LINT_VENV)/bin/checkov
AUDIT_VENV := .audit-venv
AUDIT := $(AUDIT_VENV)/bin/pip-audit
# What a deployment and an operator's machine get.
SHIPPED := layers/core/requirements.txt functions/fanout/requirements.txt requirements/cli.txt
BENCH_VENV := .bench-venv
BENCH := $(BENCH_VENV)/.ready
DEPLOY_VENV := .deploy-venv
DEPLOY := $(DEPLOY_VENV)/.ready
MUTANTS_VENV := .mutants-venv
MUTANTS := $(MUTANTS_VENV)/bin/cosmic-ray
CONSUMERS := tests/consumers/node_modules/.ready
VENDOR := tests/vendor/node_modules/.ready
# What others' software is tried against is not the sources, but what is built of them.
DELIVERING = PYTHONPATH="$$($(BIN)/python -m tests.support.built --path)"

.PHONY: help demo readme test tests-alone consumers vendor template contract deploy-test deploy-mutants deploy-faults dashboard mutants prove soak bench check fix validate build deploy events audit sbom lock clean
export SAM_CLI_TELEMETRY := 0
# Else each of some hundred processes of a run compiles anew what it imports.
unexport PYTHONDONTWRITEBYTECODE

## show every target
help:
	@awk '/^## /{text=substr($$0,4); next} /^[a-z][a-z-]*:/ && text {sub(":.*","",$$1); \
		printf "make %-14s %s\n", $$1, text} {text=""}' $(firstword $(MAKEFILE_LIST))

# What it takes is a third of what development does, and part of it.
## the whole stack on this machine, every promise tried
demo: $(if $(wildcard $(READY)),$(READY),$(DEMO))
	$(BIN)/forwarder demo

# It runs nothing of this environment: the commands make their own.
## README's commands on a clean machine, with a transcript
readme:
	$(PYTHON) -m tests.readme

# The linters run beside the tests, which wait for processes more often than they compute.
## everything: formatting, types, the template, all tests
test: $(READY) $(LINT)
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target check template tests-alone

# Longer turns for each process, where the system has them: seven that take turns on two cores waste
# a thirtieth of both.
TURNS = $(shell chrt -b 0 true 2>/dev/null && echo chrt -b 0)

# Seven at a time on two cores: many tests wait for processes. What they run is built before their
# seconds are counted.
## all tests, without the linters
tests-alone: $(READY)
	@$(BIN)/python -m tests.support.built
	$(TURNS) $(BIN)/pytest -n 7 --dist loadfile --no-loadscope-reorder

# docs/consumers.md against the real frameworks, those of Node.js too.
## docs/consumers.md against the real frameworks and adapters
consumers: $(READY) $(CONSUMERS)
	$(DELIVERING) REQUIRE_NODE=1 $(BIN)/pytest tests/consumers

$(CONSUMERS): tests/consumers/package-lock.json
	cd tests/consumers && npm ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

# docs/vendor.md against the vendor's own SDK.
## docs/vendor.md against the vendor's own SDK, on Node.js
vendor: $(READY) $(VENDOR)
	$(DELIVERING) REQUIRE_NODE=1 $(BIN)/pytest tests/vendor

$(VENDOR): tests/vendor/package-lock.json
	cd tests/vendor && npm ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

## formatting, lint and types
check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

## mend what can be mended mechanically
fix: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A Python that is too old, or not there, is named in one sentence, not by pip's traceback.
NEW_ENOUGH = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "Python 3.11 or later is needed, and $(PYTHON) is $$($(PYTHON) -V 2>/dev/null || \
	echo "not there"): name another, as in" \
	"make $(or $(firstword $(MAKECMDGOALS)),demo) PYTHON=python3.13" >&2; exit 1; }

# Where another Python made the environment $(1), or one that is gone, nothing of that stays: two of
# one version would share a folder, and neither can load what was compiled for the other.
BASE = -c 'import sys; print(sys.base_prefix)' 2>/dev/null
ANEW = $$($(1)/bin/python $(BASE) | grep -qxF "$$($(PYTHON) $(BASE))" || echo --clear)

# What the project itself runs in, from the first prerequisite; $(1) is how long that takes.
define OWN_ENVIRONMENT
@$(NEW_ENOUGH)
@echo "Making $(VENV) from pinned requirements; this takes $(1), once."
$(PYTHON) -m venv $(call ANEW,$(VENV)) $(VENV)
$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
@touch $@
endef

# What a tool runs in, at $(1). --no-deps because the file holds everything, and older pips refuse a
# hashed file that names extras.
define TOOLS_ENVIRONMENT
$(PYTHON) -m venv $(call ANEW,$(1)) $(1)
$(1)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
@touch $@
endef

$(DEMO): requirements/demo.txt pyproject.toml
	$(call OWN_ENVIRONMENT,a minute)

$(READY): requirements/dev.txt pyproject.toml
	$(call OWN_ENVIRONMENT,a minute or two)

# SAM pins boto3 for itself, so it has an environment of its own.
$(SAM): requirements/sam.txt
	@$(NEW_ENOUGH)
	$(call TOOLS_ENVIRONMENT,$(SAM_VENV))

# The linters are heavy, and need other versions of what the project needs.
$(LINT): requirements/lint.txt
	$(call TOOLS_ENVIRONMENT,$(LINT_VENV))

# What is measured is what runs: the functions' own Python, where this machine has it.
$(BENCH): PYTHON = $(or $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null),python3)
$(BENCH): requirements/bench.txt
	$(call TOOLS_ENVIRONMENT,$(BENCH_VENV))

$(AUDIT): requirements/audit.txt
	$(call TOOLS_ENVIRONMENT,$(AUDIT_VENV))

# The emulator has versions of its own of what the project uses.
$(DEPLOY): requirements/deploy.txt
	$(call TOOLS_ENVIRONMENT,$(DEPLOY_VENV))

$(MUTANTS): requirements/mutants.txt
	$(call TOOLS_ENVIRONMENT,$(MUTANTS_VENV))

## cfn-lint and checkov over the translated template
template: $(READY) $(LINT)
	$(BIN)/python -m tests.template.lint

# What a port promises, tried on moto, on ministack and on the stand-ins in memory, and a table of it.
## what each port promises, on three stores
contract: $(READY) $(DEPLOY)
	MINISTACK_PYTHON=$(CURDIR)/$(DEPLOY_VENV)/bin/python $(BIN)/pytest tests/contract \
		--ignore tests/contract/test_wire.py --ignore tests/contract/test_http_sender.py

# The real `sam build` and `sam deploy` into an emulator of AWS on loopback, and what follows.
## the real sam deploys into an emulator of AWS on loopback
deploy-test: $(READY) $(SAM) $(DEPLOY)
	$(BIN)/python -m tests.deploy --sam $(SAM) --python $(DEPLOY_VENV)/bin/python

# Each fault that was mended is put back, one by one, and has to be named; some minutes.
## each fault that was mended, put back, has to be named
deploy-mutants: $(READY) $(SAM) $(DEPLOY)
	$(BIN)/python -m tests.deploy --sam $(SAM) --python $(DEPLOY_VENV)/bin/python --mutants

# Faults between the functions and the emulator's AWS, of every kind; some minutes.
## faults of every kind between functions and AWS
deploy-faults: $(READY) $(SAM) $(DEPLOY)
	$(BIN)/python -m tests.deploy --sam $(SAM) --python $(DEPLOY_VENV)/bin/python --faults

# The long versions of the proofs, with their figures; some twenty minutes on two cores.
## the long versions of the proofs, with their figures
prove: $(READY)
	PROVE=long $(BIN)/pytest -n 2 --dist worksteal --timeout 3600 tests/prove
	PROVE=long $(BIN)/pytest --timeout 1800 tests/hardening tests/cli/test_listen.py \
		tests/cli/test_rotate.py tests/cli/test_order_on_local_stack.py \
		tests/local/test_moto_indexes.py

# A random sample, each tried by the fast tests that run its line; SEED=2 draws another one.
SEED ?= 1
## how many mutants of the layer the fast tests kill
mutants: $(READY) $(MUTANTS)
	$(MUTANTS_VENV)/bin/python -m tests.mutants --python $(BIN)/python --seed $(SEED)

# The whole local stack under load, killed workers and an operator's commands, for 25 minutes;
# SOAK_MINUTES=4 is for trying.
## the local stack under load and killed workers, 25 minutes
soak: $(READY)
	$(BIN)/python -m tests.soak

# Draws docs/dashboard.png from a local run's metrics; needs chromium.
## draw docs/dashboard.png from a local run
dashboard: $(READY)
	$(BIN)/python -m tests.observability.draw_dashboard docs/dashboard.png

# Measures against what people would write, on the same Python and packages; some minutes.
# BEFORE=a0ca199 measures that commit's build, too, in the same rounds.
## time and money against what people would write
bench: $(READY) $(BENCH)
	$(BIN)/python -m benchmarks $(if $(BEFORE),--before $(BEFORE))

## sam validate --lint
validate: $(SAM)
	$(SAM) validate --lint --region us-east-1

## functions and layer for Lambda, without Docker
build: $(SAM)
	$(SAM) build

# `sam delete` removes whatever lies below the prefix of a stack's artefacts: it is the stack's own.
ENV ?= default
STACK ?= $(if $(filter prod,$(ENV)),spectrum-forwarder-prod,spectrum-forwarder)
## sam deploy; ARGS=--guided at first, ENV=prod, STACK=name
deploy: $(SAM)
	$(SAM) deploy --config-env $(ENV) --stack-name $(STACK) --s3-prefix $(STACK) $(ARGS)

# Signs the sample events anew, as they are stored.
## sign the sample events anew
events: $(READY)
	$(BIN)/forwarder event-files

# Looks every pinned package up in the database of known weaknesses, which is on the network. What
# cannot be looked up there is a failure: else a run that saw nothing would find nothing.
## known weaknesses of what is pinned
audit: $(AUDIT)
	for file in $(SHIPPED); do $(AUDIT) --strict --require-hashes --disable-pip -r $$file || exit 1; done

# What a release is made of: every package that functions and the command bring along.
## the bill of materials of a release, in build/sbom.json
sbom:
	mkdir -p build
	$(PYTHON) requirements/sbom.py $(SHIPPED) > build/sbom.json

# Pins everything anew: versions and hashes, and nothing about where they come from.
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header
## pin the requirements anew, with hashes
lock: $(READY)
	$(LOCK) --python-version 3.11 --extra local --extra ui --group dev --group build \
		pyproject.toml -o requirements/dev.txt
	$(LOCK) --python-version 3.11 -c requirements/dev.txt --extra local --extra ui --group build \
		pyproject.toml -o requirements/demo.txt
	$(LOCK) --python-version 3.13 -c requirements/dev.txt pyproject.toml \
		-o layers/core/requirements.txt
	printf '%s\n' certifi pycurl | $(LOCK) --python-version 3.13 -c requirements/dev.txt - \
		-o functions/fanout/requirements.txt
	$(LOCK) --python-version 3.11 -c requirements/dev.txt --extra cli --extra ui --group build \
		pyproject.toml -o requirements/cli.txt
	echo pip-audit | $(LOCK) --python-version 3.11 - -o requirements/audit.txt
	printf '%s\n' 'aws-lambda-powertools[tracer]' boto3 requests urllib3 pycurl | \
		$(LOCK) --python-version 3.11 -c requirements/dev.txt - -o requirements/bench.txt
	echo aws-sam-cli | $(LOCK) --python-version 3.11 - -o requirements/sam.txt
	printf '%s\n' ministack==1.5.33 microburst==0.10.0 aws-sam-translator | \
		$(LOCK) --python-version 3.11 - -o requirements/deploy.txt
	printf '%s\n' cfn-lint cfn-lint-serverless checkov | \
		$(LOCK) --python-version 3.11 - -o requirements/lint.txt
	printf '%s\n' cosmic-ray coverage | \
		$(LOCK) --python-version 3.11 - -o requirements/mutants.txt

## remove environments, builds and caches
clean:
	rm -rf $(VENV) $(SAM_VENV) $(LINT_VENV) $(AUDIT_VENV) $(BENCH_VENV) $(DEPLOY_VENV) $(MUTANTS_VENV) tests/consumers/node_modules tests/vendor/node_modules .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis build
