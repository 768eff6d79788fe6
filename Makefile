# make demo       the main job on this machine, seen working (KEEP=1 leaves it up and opens the page)
# make test       everything: linters, types, then all tests
# make vectors    the vectors alone (VECTORS=DIR: those of another folder)
# make bench      what it takes, beside Flux's controllers and packages where Go is there (ROWS=name,… for some; docs/benchmarks.md)
# make bench growth   how it grows with the number of objects
# make chaos      everything fails for a while, and nothing may be lost (SEED=n, MINUTES=m)
# make cost       what a month costs, from counted calls (SIZES, HOURS, PUSHES); writes docs/cost.md's table
# make load       10,000 deliveries a minute, 1,000 tags at once, 5,000 repositories (FULL=1: longer)
# make fuzz       every parser of outside bytes, guided by coverage (MINUTES=60, TARGET=name); findings go to tests/data/fuzz
# make build      the deployable artifact (ARCHITECTURE=arm64|x86_64 as the template's parameter; TARGET=host for here)
# make release    the artifact as zips with a bill of materials and checksums, in dist/
# make event-answers  what AWS's event-ruler says of the template's event patterns, recorded anew (Java, Maven)
# make aws-check  a walk through a real AWS account that deletes what it makes (STACK=, KEEP=1, CLEANUP=1)
# make policies   the least-privilege policies of docs/policies, recorded anew
# make screenshots  the pictures of docs/images, made anew by the tests of the dashboard
# make upgrade    the last release, then this version, on the embedded AWS in the middle of work
# make audit      known vulnerabilities of the pinned packages (needs the network)
# make deploy     build and deploy to AWS (ENV=dev|prod, PARAMS="Architecture=x86_64 …", CONFIRM=1 asks first)
# make lock       new pinned versions with hashes
ENV ?= dev
# PARAMS says which machine is built for, else the environment that is deployed, else the template's default.
ARCHITECTURE ?= $(or $(patsubst Architecture=%,%,$(filter Architecture=%,$(PARAMS))),$(shell sed -n '/^\[$(ENV)\.deploy/,/^\[/s/.*"Architecture=\([a-z0-9_]*\)".*/\1/p' samconfig.toml),arm64)
TARGET ?= lambda-$(ARCHITECTURE)
VECTORS ?= tests/vectors/data
MINUTES ?= 10
BIN := $(CURDIR)/.venv/bin
export PATH := $(BIN):$(PATH)
export PYTHON := $(BIN)/python
export SAM_CLI_TELEMETRY := 0
# Tests start hundreds of processes, which would each compile all of their modules.
unexport PYTHONDONTWRITEBYTECODE
# Only the command line uses these: the functions' layers are built without them.
CLI_ONLY := argcomplete rich markdown-it-py mdurl pygments
COMPILE = uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --custom-compile-command "make lock"

.PHONY: demo test upgrade vectors event-answers policies screenshots bench chaos load cost fuzz build build-target lint release audit format lock deploy aws-check clean servers

demo: .venv/ready
	@"$(PYTHON)" -m tests.embedded.demo $(if $(KEEP),--keep)

test: .venv/ready servers lint
	pytest -n 4 $(ARGS)

vectors: .venv/ready
	@"$(PYTHON)" -m tests.vectors $(VECTORS)

event-answers: .venv/ready
	@"$(PYTHON)" -m tests.event_patterns

policies: .venv/ready
	@"$(PYTHON)" -m tests.policies

screenshots: .venv/ready servers
	TAGSTREAM_SCREENSHOTS=1 pytest -q tests/contract/dashboard

bench: .venv/ready
	@"$(PYTHON)" -m tests.bench $(filter growth,$(MAKECMDGOALS)) $(if $(ROWS),--rows "$(ROWS)") $(BENCH_ARGS)

# `make bench growth` is one command with two words.
.PHONY: bench-growth growth
growth: bench
	@:

bench-growth: .venv/ready
	@"$(PYTHON)" -m tests.bench growth $(if $(ROWS),--rows "$(ROWS)") $(BENCH_ARGS)

chaos: .venv/ready servers
	@"$(PYTHON)" -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

cost: .venv/ready
	@"$(PYTHON)" -m tests.cost $(if $(SIZES),--sizes "$(SIZES)") $(if $(HOURS),--hours $(HOURS)) $(if $(PUSHES),--pushes $(PUSHES))

load: .venv/ready servers
	@"$(PYTHON)" -m tests.load $(if $(FULL),--full)

# atheris is for fuzzing alone, so it is not in the lock; without a wheel of it for this Python, hypothesis fuzzes.
fuzz: .venv/ready
	@test -d .venv/fuzz/atheris || uv pip install --quiet --python "$(PYTHON)" --target .venv/fuzz atheris==3.0.0 || true
	@PYTHONPATH=.venv/fuzz "$(PYTHON)" -m tests.fuzz --minutes $(if $(filter file,$(origin MINUTES)),60,$(MINUTES)) \
		$(if $(filter-out file,$(origin TARGET)),--target $(TARGET))

build: build-target .venv/ready
	TAGSTREAM_BUILD_TARGET=$(TARGET) sam build --parameter-overrides Architecture=$(ARCHITECTURE)

build-target:
	@test -n "$(filter host lambda-$(ARCHITECTURE),$(TARGET))" || { echo "TARGET $(TARGET) is not for Architecture $(ARCHITECTURE)" >&2; exit 2; }

lint: .venv/ready
	ruff check .
	mypy
	cfn-lint template.yaml
	bandit --quiet --severity-level medium --configfile pyproject.toml --recursive layers functions
	@"$(PYTHON)" -m tests.known_vulnerabilities

upgrade: .venv/ready servers
	@"$(PYTHON)" -m tests.upgrade

release: build
	"$(PYTHON)" layers/release.py .aws-sam/build dist

audit: .venv/ready
	pip-audit --requirement requirements.lock --no-deps --disable-pip

format: .venv/ready
	ruff format .
	ruff check --fix .

lock: .venv/ready
	$(COMPILE) --extra dev --output-file requirements.lock
	$(COMPILE) --constraint requirements.lock $(CLI_ONLY:%=--no-emit-package %) --output-file layers/vendor/requirements.txt

deploy: .venv/ready
	@"$(PYTHON)" layers/deploy.py check $(ENV) $(PARAMS)
	@$(MAKE) --no-print-directory build
	"$(PYTHON)" layers/deploy.py run $(ENV) $(PARAMS) $(if $(CONFIRM),--confirm)

aws-check: $(if $(CLEANUP),.venv/ready,build)
	@"$(PYTHON)" -m tests.aws_check $(if $(STACK),--stack $(STACK)) $(if $(KEEP),--keep) $(if $(CLEANUP),--cleanup-only)

clean:
	rm -rf .venv .aws-sam .bench dist .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis

servers:
	@bash tests/embedded/setup.sh servers

.venv/ready: requirements.lock pyproject.toml tests/embedded/setup.sh
	@bash tests/embedded/setup.sh venv
