# Needs make and Python 3.11, 3.12, 3.13 or 3.14. PYTHON=… names the one to use; without it, the first that serves is used.

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS  ?=

# Images for containers often set it. Each process of the tests would compile the application and the tests anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint types test-long soak format console console-if-possible sdk clients sdk-if-possible \
  clients-if-possible pins sbom clean

help: ## show the targets (this)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  ARGS=… is passed on, e.g. make demo ARGS=--once, make test ARGS='-k retry'"

demo: $(STAMP) console-if-possible ## the whole thing at work: servers, API, worker, one order, one verified webhook
	@$(call run,$(BIN)/tellgraph demo $(ARGS))

serve: $(STAMP) console-if-possible ## API, worker and their own PostgreSQL and Redis
	@$(call run,$(BIN)/tellgraph serve $(ARGS))

# The parts before pytest run beside each other, since each waits for downloads or keeps one core busy. When one of them
# fails, the others come to their end and pytest is not started.
test: ## everything that a change must pass
	@$(MAKE) --no-print-directory --jobs 5 $(OUTPUT_SYNC) \
		lint types sdk-if-possible clients-if-possible console-if-possible
	$(BIN)/pytest -n auto --dist worksteal $(ARGS)

# Each part's output stays together, where make is not older than 4.
OUTPUT_SYNC = $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

test-long: $(STAMP) ## the long forms: faults, histories, generated documents, ten million rows
	TELLGRAPH_LONG_FAULTS=1 TELLGRAPH_LONG_HISTORY=1 TELLGRAPH_PLAN_EXAMPLES=1000 $(BIN)/pytest -n 0 \
		tests/faults tests/histories tests/e2e tests/workers/deliver tests/schema/engine/plans tests/schema/stored tests/app/db tests/app/capture tests/app/webhooks/db tests/app/cli/webhooks tests/clients/test_payload_types.py $(ARGS)

soak: $(STAMP) ## load and faults for MINUTES=10, which end with a table: what was lost, what has grown
	$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),10) $(ARGS)

format: $(STAMP) ## format the code and repair what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

console: ## build the web page (needs node 20 or newer)
	@sh app/console/build.sh

sdk: $(STAMP) ## build the client packages into dist/ (needs node 20.19 or newer)
	@sh schema/sdk/build.sh $(CURDIR)/$(BIN)/python
	@ls dist/tellgraph-client-*.tgz dist/tellgraph_client-*.whl

clients: sdk ## install what the tests of clients need, and the client packages into projects of their own
	@sh tests/clients/sdk/install.sh $(CURDIR)/$(BIN)/python
	@sh tests/clients/install.sh

pins: $(STAMP) ## choose the packages' versions and hashes anew; ARGS=--upgrade: the newest that pyproject.toml allows
	@$(install_tools)
	$(BUILD_NEEDS) | $(BIN)/uv $(COMPILE) --all-extras --output-file docker/constraints.txt $(ARGS) pyproject.toml -
	$(BUILD_NEEDS) | $(BIN)/uv $(COMPILE) --generate-hashes --constraint docker/constraints.txt \
		--output-file docker/requirements.txt $(ARGS) pyproject.toml -

install_tools = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint docker/constraints.txt --editable '.[release]'
# Universal: one file for all versions of Python and for all platforms. Without the address that packages came from.
COMPILE = pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command 'make pins'
BUILD_NEEDS = $(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])'

sbom: $(STAMP) ## what an image is made of, in CycloneDX' form, into dist/
	@$(install_tools)
	@rm -rf $(VENV)/image && $(BIN)/python -m venv $(VENV)/image && mkdir -p dist
	@$(VENV)/image/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--only-binary :all: --requirement docker/requirements.txt
	@$(VENV)/image/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation .
	@$(VENV)/image/bin/python -m pip uninstall --quiet --yes pip setuptools
	$(BIN)/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml --output-file dist/sbom-python.cdx.json \
		$(VENV)/image/bin/python
	@if $(has_node); then cd app/console && npm sbom --package-lock-only --omit dev --legacy-peer-deps --sbom-format cyclonedx \
	  >$(CURDIR)/dist/sbom-console.cdx.json; fi
	@rm -rf $(VENV)/image build
	@ls dist/sbom-*.cdx.json

clean: ## remove what is built and installed; .tellgraph, the data, stays
	rm -rf $(VENV) build dist *.egg-info app/console/dist app/console/node_modules
	rm -rf schema/sdk/build schema/sdk/typescript/build schema/sdk/typescript/node_modules schema/sdk/python/.venv
	rm -rf tests/clients/node_modules tests/clients/relay/build
	rm -rf tests/clients/sdk/node_modules tests/clients/sdk/.venv tests/clients/sdk/.installed
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find app schema workers tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The page is an extra: without node, or when its build fails, the demo runs without it. The script itself sees
# whether its sources have changed.
console-if-possible:
	@if $(has_node); then \
	  mkdir -p build; \
	  [ -e app/console/dist/.stamp ] || echo "building the web page … about half a minute, once"; \
	  sh app/console/build.sh >build/console.log 2>&1 \
	    || echo "the web page could not be built (why: build/console.log); going on without it"; \
	fi

# Tests that need what could not be installed are skipped, and say so.
sdk-if-possible: $(STAMP)
	@if $(has_node); then \
	  mkdir -p build; \
	  { sh schema/sdk/build.sh $(CURDIR)/$(BIN)/python && sh tests/clients/sdk/install.sh $(CURDIR)/$(BIN)/python; } \
	    >build/sdk.log 2>&1 \
	    || echo "the client packages could not be built (why: build/sdk.log); their tests are skipped"; \
	fi

clients-if-possible:
	@if $(has_node); then \
	  mkdir -p build; \
	  sh tests/clients/install.sh >build/clients-node.log 2>&1 \
	    || echo "the node packages could not be installed (why: build/clients-node.log); their tests are skipped"; \
	fi

has_node = node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null

# Ctrl-C reaches the command and make alike. The command stops its servers first and then ends by itself; the shell
# that ignores the signal keeps make waiting for it, and turns an end by Ctrl-C into success, so that make is quiet.
run = trap : INT; $(1); status=$$?; [ $$status -eq 130 ] || exit $$status

# They say why a Python can't be used. A program named python3.12 may be a shim that fails, so each candidate has to
# prove itself.
VERSION := import sys; v = sys.version_info[:2]; \
  (3, 11) <= v <= (3, 14) or sys.exit("it is Python %d.%d, and Tellgraph needs 3.11, 3.12, 3.13 or 3.14" % v)
MODULES := from importlib.util import find_spec; all(map(find_spec, ("ensurepip", "venv"))) or \
  sys.exit("it can make no virtual environments; on Debian and Ubuntu: apt install python%d.%d-venv" % v)
# The same for a Python and for the virtual environments made with it.
BUILD := import sys; print(sys.base_prefix, sys.version)

# With PYTHON=… always looked at: what is installed may be another Python's.
.PHONY: asked
$(STAMP): pyproject.toml docker/constraints.txt $(if $(PYTHON),asked)
	@serves() { \
	  command -v "$$1" >/dev/null || { why="there is no such program"; return 1; }; \
	  why=$$("$$1" -c '$(VERSION); $(MODULES)' 2>&1) || { why=$$(echo "$${why:-it fails}" | head -n 1); return 1; }; \
	}; \
	if [ -n "$$PYTHON" ]; then \
	  serves "$$PYTHON" || { echo "PYTHON=$$PYTHON can't be used: $$why" >&2; exit 1; }; \
	  found=$$PYTHON; \
	  if $(is_usable) && [ "$$($(BIN)/python -c '$(BUILD)')" = "$$("$$found" -c '$(BUILD)')" ]; then \
	    [ -n "$(filter-out asked,$?)" ] || exit 0; \
	  elif [ -e $(VENV) ]; then \
	    echo "$(VENV) is another Python's than $$PYTHON: making it anew"; rm -rf $(VENV); \
	  fi; \
	else \
	  for python in python3.12 python3.11 python3.13 python3.14 python3; do \
	    serves $$python && found=$$python && break; \
	  done; \
	fi; \
	$(is_usable) || { \
	  if [ -z "$$found" ]; then \
	    echo "Tellgraph needs Python 3.11, 3.12, 3.13 or 3.14. python3 can't be used: $$why" >&2; \
	    echo "Install one, or name it: make PYTHON=/path/to/python3.13" >&2; \
	    exit 1; \
	  fi; \
	  rm -rf $(VENV); "$$found" -m venv $(VENV) || exit 1; \
	}; \
	echo "installing into $(VENV) with $$($(BIN)/python --version) … about half a minute"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint docker/constraints.txt \
	  --editable '.[embedded,test]' && touch $@

# Not so after an interrupted "venv", or when the Python that it was made with has gone.
is_usable = $(BIN)/python -c '$(VERSION)' 2>/dev/null && $(BIN)/python -m pip --version >/dev/null 2>&1
