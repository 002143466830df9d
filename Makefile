# MediViewAI. `make help` lists what there is.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMPS := .stamps
# Another Python than the first fitting one on PATH: make run PYTHON=/opt/python3.12/bin/python3
PYTHON ?=
# What PyTorch is installed: scripts/install.sh tells the choices and their defaults.
export TORCH TORCH_INDEX TORCH_WHEELS
# make bench BENCHMARKS=query asks questions of a million instances, which takes half an hour
# make fuzz FUZZ_S=60 fuzzes each reader for a minute
FUZZ_S ?= 600
BENCHMARKS ?= receive retrieve ingest dicomweb

VIEWER_SOURCES := $(shell find viewer \( -name node_modules -o -name .next -o -name out -o -name out.new -o -name generated \) -prune \
	-o -type f ! -name next-env.d.ts ! -name '*.tsbuildinfo' -print 2>/dev/null)

# The description of the API holds types of all four packages.
NODE_SOURCES := $(shell find storage dicom_node inference api -name '*.py' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run dev test slow check format viewer client viewer-file check-viewer docs bench verification faults retention bundles nnunet fuzz attacks chaos model-servers conformance lock containers manifests debian sbom audit clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: $(STAMPS)/runtime ## Install what is missing, then start the node (Ctrl-C stops it)
	@exec scripts/run.sh

dev: $(STAMPS)/test viewer/node_modules/.package-lock.json ## The node and the viewer, both with live reload (Ctrl-C stops them)
	@exec scripts/dev.sh

ifdef T
test: $(STAMPS)/test
	$(BIN)/python -m pytest $(T)
else
test: ## Everything that must hold, or a part: make test T="tests/storage/volumes -k torn"
	@scripts/test.sh
endif

check: $(STAMPS)/test ## Lint, format, types, import rules, and words in texts for people
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check-words.py

format: $(STAMPS)/test ## Reformat the Python code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

viewer: viewer/out/.built ## Build the viewer when its sources are newer

check-viewer: viewer/node_modules/.package-lock.json $(STAMPS)/openapi.json ## Lint, types and unit tests of the viewer
	OPENAPI_JSON="$(CURDIR)/$(STAMPS)/openapi.json" scripts/viewer.sh check

docs: $(STAMPS)/runtime ## The documentation site, warnings are errors: .stamps/docs/site
	@scripts/docs.sh

bench: $(STAMPS)/test ## Measure receiving and serving on this machine, beside Orthanc and DCMTK
	@for name in $(BENCHMARKS); do \
		echo "==> $$name"; \
		$(BIN)/python -m benchmarks.$$name \
			--json $(STAMPS)/bench/$$(git describe --always --dirty=+ --exclude='*')/$$name.json || exit 1; \
	done

verification: $(STAMPS)/test ## Measure phantoms and shared data beside other programs: docs/clinical-verification.md
	$(BIN)/python -m benchmarks.verification

slow: $(STAMPS)/test viewer ## The tests that make test leaves out because each takes long, some forty minutes
	MEDIVIEW_LONG_TESTS=1 $(BIN)/python -m pytest -o timeout=1800 -m slow tests

faults: $(STAMPS)/test ## The fault and hostile tests in their long form, some ten minutes
	MEDIVIEW_LONG_TESTS=1 $(BIN)/python -m pytest tests/faults

backups: $(STAMPS)/test ## Back up and restore a hundred random states of a node, and kill both again and again
	MEDIVIEW_LONG_TESTS=1 $(BIN)/python -m pytest -o timeout=7200 tests/storage/backup tests/faults/storage/test_backup_killed.py

retention: $(STAMPS)/test ## Let 90 days pass at three times the disk's capacity, on SQLite and PostgreSQL, some minutes
	MEDIVIEW_LONG_TESTS=1 $(BIN)/python -m pytest -o timeout=1200 tests/inference/retention

bundles: $(STAMPS)/test ## Run the bundles of MONAI's zoo in ../shared with networks of their own configurations, half an hour
	MEDIVIEW_LONG_TESTS=1 $(BIN)/python -m pytest -o timeout=1800 -m "slow or not slow" tests/inference/monai_zoo

nnunet: $(STAMPS)/test ## Train tiny models with nnU-Net, and compare voxels with its command line, a minute or two
	MEDIVIEW_LONG_TESTS=1 $(BIN)/python -m pytest -o timeout=1200 tests/inference/nnunet

fuzz: $(STAMPS)/test ## Fuzz what reads bytes of strangers with atheris, FUZZ_S seconds for each reader
	@for target in $$($(BIN)/python -m tests.fuzz.targets); do \
		echo "==> $$target"; \
		$(BIN)/python -m tests.fuzz.run $$target --seconds $(FUZZ_S) || exit 1; \
	done

attacks: $(STAMPS)/test ## Repeat the attacks, and measure receiving under all floods at once, some ten minutes
	MEDIVIEW_LONG_TESTS=1 $(BIN)/python -m pytest -o timeout=1200 tests/attacks

chaos: $(STAMPS)/test ## Break a node at random for an hour, and write the tables of docs/faults.md
	$(BIN)/python -m tests.chaos.controller --report docs/faults.md

model-servers: $(STAMPS)/test ## Try the node against MLServer, KServe, transformers serve and llama.cpp's server, each in an environment of its own
	@scripts/model-servers.sh

conformance: $(STAMPS)/test viewer/node_modules/.package-lock.json ## The tests by the standards, and generated clients in two languages, with their figures
	@scripts/conformance.sh

lock: $(STAMPS)/runtime ## Choose the newest releases of all packages that fit, and write uv.lock
	$(BIN)/uv lock --upgrade

containers: $(STAMPS)/test ## The two commands in containers of bare Debian, the images, docker-compose.yml, the Debian package, pods of Kubernetes, models in containers (podman, as root)
	@scripts/containers/bare.sh
	@scripts/containers/image.sh
	@$(BIN)/python scripts/containers/compose.py
	@$(MAKE) --no-print-directory viewer
	@$(BIN)/python scripts/containers/debian.py
	@$(BIN)/python scripts/containers/debian_upgrade.py
	@$(BIN)/python scripts/containers/kube.py small
	@$(BIN)/python scripts/containers/kube.py group
	@scripts/containers/map.sh

manifests: $(STAMPS)/test ## Render deploy/kubernetes/manifests from the Helm chart
	@$(BIN)/python scripts/kubernetes-manifests.py

debian: viewer ## Pack the node as a Debian package, in .stamps/debian
	@scripts/debian-package.sh

sbom: $(STAMPS)/runtime ## List all that a node consists of, as CycloneDX, in .stamps/sbom
	@scripts/supply-chain.sh sbom

audit: $(STAMPS)/runtime ## Ask PyPI and npm for known weaknesses of the locked releases (needs the internet)
	@scripts/supply-chain.sh audit

clean: ## Remove what was built and installed here; data is kept
	rm -rf $(VENV) $(STAMPS) .test-output .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	rm -rf viewer/node_modules viewer/.next viewer/out viewer/out.new build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@python=$$(scripts/find-python.sh "$(PYTHON)") && echo "Creating $(VENV) with $$python" \
		&& "$$python" -m venv $(VENV)

$(STAMPS)/runtime: pyproject.toml uv.lock scripts/uv.txt scripts/install.sh | $(BIN)/python
	@echo "Installing MediViewAI; the first time takes some minutes, most of them for PyTorch"
	@scripts/install.sh viewer names
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/test: pyproject.toml uv.lock scripts/uv.txt scripts/install.sh | $(BIN)/python
	@scripts/install.sh viewer test
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/runtime

$(STAMPS)/openapi.json: $(STAMPS)/openapi-written
	@[ -e $@ ] || { rm $< && $(MAKE) --no-print-directory $<; }

# What is as before keeps its time, so that nothing is built of it anew.
$(STAMPS)/openapi-written: $(NODE_SOURCES) | $(BIN)/python
	@[ -e $(STAMPS)/runtime ] || $(MAKE) --no-print-directory $(STAMPS)/runtime
	@mkdir -p $(STAMPS) && $(BIN)/mediview openapi --output $(STAMPS)/openapi.json.new
	@cd $(STAMPS) && { cmp --silent openapi.json.new openapi.json && rm openapi.json.new \
		|| mv openapi.json.new openapi.json; } && touch openapi-written

# node comes from the wheel in the virtual environment where the machine has none that is new enough
viewer/node_modules/.package-lock.json: viewer/package-lock.json | $(BIN)/python
	@[ -e $(STAMPS)/runtime ] || $(MAKE) --no-print-directory $(STAMPS)/runtime
	scripts/viewer.sh install
	@touch $@

client: $(STAMPS)/openapi.json ## Write what of the Python client comes from the API's description
	$(BIN)/python clients/python/scripts/generate.py --description $(STAMPS)/openapi.json

viewer-file: viewer ## Pack the built viewer into one file for a release, and print its SHA-256
	@scripts/viewer-file.sh pack

ifdef VIEWER_FILE
# A release's viewer instead of one built here: VIEWER_FILE=FILE_OR_URL VIEWER_SHA256=…
VIEWER_STAMP := $(STAMPS)/viewer-$(VIEWER_SHA256)
viewer/out/.built: $(VIEWER_STAMP)
	@touch $@

$(VIEWER_STAMP): | $(BIN)/python
	@[ -e $(STAMPS)/runtime ] || $(MAKE) --no-print-directory $(STAMPS)/runtime
	@rm -f $(STAMPS)/viewer-* && scripts/viewer-file.sh unpack "$(VIEWER_FILE)" $(VIEWER_SHA256)
	@touch $@
else
# Its types are made from the API's description, which changes with the API alone.
viewer/out/.built: viewer/node_modules/.package-lock.json $(VIEWER_SOURCES) $(STAMPS)/openapi.json
	OPENAPI_JSON="$(CURDIR)/$(STAMPS)/openapi.json" scripts/viewer.sh build
	@touch $@
endif
