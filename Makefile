# Every command that a developer or CI runs. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --quiet --no-input --disable-pip-version-check
PIP_INSTALL := $(PIP) install --progress-bar off
UV_INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate --no-emit-package pip

# The console: its bundle is made of everything here that git knows, and beside Python's packages.
CONSOLE := api/console
NPM := $(CONSOLE)/npm
BUNDLE := $(CONSOLE)/dist/index.html
PAGES := $(wildcard $(CONSOLE)/*.*) $(shell find $(CONSOLE)/src $(CONSOLE)/public -type f -not -name schema.d.ts)
SIDE_BY_SIDE = $(if $(findstring jobserver,$(MAKEFLAGS)),,--jobs=2)

# What `make test-long` looks at.
LAWS = tests/property tests/contract/test_fuzz.py $(addprefix tests/integration/,test_session_machine.py \
	test_supervision.py store/test_fencing.py store/test_files_model.py)

# How `make test` shares out the tests: whole files, in the order of tests/conftest.py.
WORKERS = 2
SHARED_OUT = --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

# What `make load` does, unless its command line says otherwise.
HOST = http://127.0.0.1:9000
USERS = 50
RATE = 10
TIME = 60s
SHAPE = steady
ARGS =

# What `make check` looks at: as many at a time as `make -j` allows.
CHECKS = lint types imports dependencies licences leaks console
SBOM = build/sbom.json

# What `make audit` tells pip-audit, such as --vulnerability-service osv --osv-url http://a.mirror/v1/query
ADVISORIES =

# What it tells npm's audit of the console's packages, such as --registry http://a.mirror
NPM_ADVISORIES = $(filter --if-possible,$(ADVISORIES))

# What `make bench-against` compares this tree to.
REV = HEAD

# A virtual environment holds absolute paths, so one that was moved here is made anew.
ifneq ($(shell cat $(VENV)/.place 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/.place
endif

# Hundreds of processes are started by the tests alone: none of them should have to compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install serve check $(CHECKS) screenshots sbom audit format test test-long unit property integration chaos chaos-long contract bench bench-full bench-against bench-cluster profile load lock env-example ci clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

install: $(VENV)/.place ## set up .venv with everything, pinned by hash, and build the console
	@$(MAKE) --silent --no-print-directory $(SIDE_BY_SIDE) $(STAMP) $(BUNDLE)

$(VENV)/.place:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "make install: Python 3.11 or newer is needed. Install it, or name it: make install PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "make install: this Python has no venv. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "[1/3] making $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@printf '%s\n' '$(CURDIR)' > $@

# uv takes a sixth of pip's time. Where it cannot, pip does it: a mirror may be named in pip's own files only.
$(VENV)/.packages: $(VENV)/.place requirements-dev.txt
	@echo "[2/3] installing the packages of requirements-dev.txt (half a minute)"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt > $(VENV)/.uv
	@$(PIP_INSTALL) --no-deps --require-hashes -r $(VENV)/.uv
	@$(UV_INSTALL) --no-deps --require-hashes -r requirements-dev.txt || { \
		echo "uv cannot; pip installs them (a minute or two)" >&2; \
		$(PIP_INSTALL) --no-deps --require-hashes -r requirements-dev.txt; }
	@touch $@

$(STAMP): $(VENV)/.packages pyproject.toml
	@echo "[3/3] installing perdure"
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(CONSOLE)/node_modules/.ready: $(CONSOLE)/package-lock.json $(CONSOLE)/node.txt $(VENV)/.place
	@echo "[console] installing its packages"
	@$(NPM) ci --loglevel error
	@touch $@

$(BUNDLE): $(CONSOLE)/node_modules/.ready $(PAGES)
	@echo "[console] building it"
	@$(NPM) run --silent build

serve: install ## run the product on http://127.0.0.1:9000
	@exec $(BIN)/perdure serve

check: $(CHECKS) ## format, lint, types, import rules, dependencies, licences, keys in files; needs no network

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install
	$(BIN)/mypy

imports: install
	$(BIN)/lint-imports

dependencies: install
	$(BIN)/deptry .

licences: sbom
	$(BIN)/python -m supplychain.licences $(SBOM) $(CONSOLE)/dist/licences.md

leaks: install
	$(BIN)/python -m supplychain.leaks

console: install ## types, style and unit tests of the console, with a client of the API as it is now
	@$(BIN)/python -m api.document > $(CONSOLE)/openapi.json
	@$(NPM) run --silent schema >/dev/null
	$(NPM) run --silent types
	$(NPM) run --silent lint
	$(NPM) run --silent test

screenshots: install ## pictures of the console for docs/console
	$(BIN)/python -m tests.browser.shots

sbom: install ## what the product is made of, as CycloneDX: build/sbom.json
	$(BIN)/python -m supplychain.sbom $(SBOM)

audit: install ## known vulnerabilities of all pins, by services outside (ADVISORIES, NPM_ADVISORIES: others)
	$(BIN)/python -m supplychain.advisories $(ADVISORIES)
	$(BIN)/python -m supplychain.npm_advisories $(NPM_ADVISORIES)

format: install ## let ruff format and fix what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(NPM) run --silent format

test: install ## every test, by WORKERS processes at a time
	$(BIN)/pytest $(SHARED_OUT)

test-long: install ## the laws, Hypothesis looking much longer for what breaks them
	$(BIN)/pytest $(SHARED_OUT) --hypothesis-profile long --timeout 3600 $(LAWS)

unit: install ## tests that touch nothing outside the process
	$(BIN)/pytest tests/unit

property: install ## laws, by Hypothesis
	$(BIN)/pytest tests/property

integration: install ## tests with a real Postgres, Ray and HTTP
	$(BIN)/pytest tests/integration

chaos: install ## faults at random moments under load, and what they broke, counted
	$(BIN)/python -m loadtests.chaos

chaos-long: install ## the same with 1,000 kills; its report goes to docs/chaos.md
	$(BIN)/python -m loadtests.chaos --kills 1000 --report docs/chaos.md

contract: install ## tests of the wire, with a client from outside
	$(BIN)/pytest tests/contract

bench: install ## figures beside this machine's floors and the baseline, five minutes (ARGS: see docs/benchmarks.md)
	$(BIN)/python -m loadtests.bench $(ARGS)

bench-full: install ## the same at the sizes of the aims; writes its table into docs/benchmarks.md
	$(BIN)/python -m loadtests.bench --full --report docs/benchmarks.md $(ARGS)

bench-against: install ## what moved since REV, by runs of both at once; fails if something got worse (ARGS)
	$(BIN)/python -m loadtests.compare $(REV) $(ARGS)

bench-cluster: install ## 200 nodes and ten million sessions, played on this machine, a quarter of an hour (ARGS)
	$(BIN)/python -m loadtests.cluster $(ARGS)

profile: install ## where a turn's CPU goes, by process and layer; fills in docs/profile.md (ARGS)
	$(BIN)/python -m loadtests.profile --report docs/profile.md $(ARGS)

load: install ## Locust against HOST (USERS, RATE, TIME, SHAPE, ARGS: see loadtests/README.md)
	$(BIN)/locust --headless --only-summary -f loadtests/locustfile.py --host $(HOST) --users $(USERS) \
		--spawn-rate $(RATE) --run-time $(TIME) --shape $(SHAPE) $(ARGS)

lock: install ## pin all packages anew (requirements.txt, requirements-dev.txt)
	$(LOCK) --upgrade pyproject.toml -o requirements.txt
	$(LOCK) --upgrade pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt

env-example: install ## write .env.example from the settings
	$(BIN)/python -m runtime.process.settings > .env.example

ci: check audit test ## what CI runs

clean: ## remove what the commands above made, but no data
	rm -rf $(addprefix $(CONSOLE)/,node_modules dist .node openapi.json src/api/schema.d.ts)
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find runtime actors api tests loadtests supplychain -name __pycache__ -type d -prune -exec rm -rf {} +
