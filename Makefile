# mpicsim: targets for people and for .ci/run. `make help` lists them.
# Needs GNU make, bash and Go; nothing else, see `packages`.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO ?= go
PKGS ?= ./...
FUZZTIME ?= 10s
BENCHTIME ?= 1s
CHECKS ?= 100000
CLIENTS ?= 32
SIGNED ?=
IMAGE ?= mpicsim
# docker or buildah; by default the one that works here.
BUILDER ?=
SPECS ?= ./perspectives/policy ./perspectives/coordinator
# Built from its own module, so that its dependencies are never ours.
LINT = $(GO) tool -modfile=tools/go.mod golangci-lint
# What some tests read captures, judge signed zones, route and start the image with:
# COMMAND, or COMMAND=PACKAGE where Debian's package has another name.
# Beside them, a Python with pandas and an npm package run the code of docs/studies.md.
READERS = tshark tcpdump dnssec-verify=bind9-utils ldns-verify-zone=ldnsutils unbound-host bird=bird2 buildah

# Pinned; installed below the user's cache folder, without install scripts.
DUCKDB = @duckdb/node-api@1.5.6-r.1
DUCKDB_DIR = $${XDG_CACHE_HOME:-$$HOME/.cache}/mpicsim/duckdb-node-api-1.5.6-r.1

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Replay the embedded default scenario and print its story
	@$(GO) run ./cmd/mpicsim replay

.PHONY: incidents
incidents: ## Write docs/incidents and the golden file from the library
	$(GO) test ./scenarios/replay -run TestGolden -update
	$(GO) run ./cmd/mpicsim scenarios docs -o docs/incidents

.PHONY: attacks
attacks: ## Write docs/attacks.md from the kinds of attack and their examples
	$(GO) run ./cmd/mpicsim attacks -o docs/attacks.md

.PHONY: build
build: ## Build bin/mpicsim
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/mpicsim ./cmd/mpicsim

.PHONY: image
image: build ## Build the container image IMAGE=mpicsim, with docker or buildah
	@builder="$(BUILDER)"; \
	if [ -z "$$builder" ]; then \
		if docker info >/dev/null 2>&1; then builder=docker; elif command -v buildah >/dev/null; then builder=buildah; fi; \
	fi; \
	case "$$builder" in \
		docker) docker build -t "$(IMAGE)" . ;; \
		buildah) buildah build --format docker -t "$(IMAGE)" . ;; \
		*) echo "want a docker engine, or buildah" >&2; exit 1 ;; \
	esac

.PHONY: test
test: packages ## Run all tests; PKGS=./sim/... for some
	$(GO) test -timeout 15m $(PKGS)

.PHONY: packages
packages: duckdb ## Install what some tests need beyond Go, if this is root on Debian
	@missing=; for tool in $(READERS); do command -v $${tool%=*} >/dev/null || missing="$$missing $${tool#*=}"; done; \
	for python in python3 /usr/bin/python3 none; do \
		if [ $$python = none ]; then missing="$$missing python3-pandas"; elif $$python -c 'import numpy, pandas' 2>/dev/null; then break; fi; \
	done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then \
		echo "no$$missing here, and no right to install packages: tests that need them are skipped" >&2; exit 0; \
	fi; \
	echo "installing$$missing" >&2; \
	export DEBIAN_FRONTEND=noninteractive; \
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; } >/dev/null \
		|| echo "could not install$$missing: tests that need them are skipped" >&2

.PHONY: duckdb
duckdb: ## Install DuckDB for the tests of docs/studies.md, from npm into the cache folder
	@dir="$(DUCKDB_DIR)"; \
	if [ -d "$$dir/node_modules/@duckdb/node-api" ]; then exit 0; fi; \
	if ! command -v npm >/dev/null; then echo "no npm here: tests that need DuckDB are skipped" >&2; exit 0; fi; \
	echo "installing $(DUCKDB) into $$dir" >&2; \
	rm -rf "$$dir.part" && mkdir -p "$$dir.part" \
		&& timeout 180 npm install --prefix "$$dir.part" --save-exact --ignore-scripts --no-audit --no-fund --loglevel=error $(DUCKDB) >/dev/null \
		&& rm -rf "$$dir" && mv "$$dir.part" "$$dir" \
		|| { rm -rf "$$dir.part"; echo "could not install $(DUCKDB): tests that need it are skipped" >&2; }

.PHONY: check
check: ## Vet, format, lint, and check the modules
	$(GO) vet ./...
	$(LINT) config verify
	$(LINT) run
	$(LINT) fmt --diff
	$(GO) mod tidy -diff
	$(GO) mod verify
	$(GO) -C tools mod verify

.PHONY: fmt
fmt: ## Format all files as check wants them
	$(LINT) fmt

.PHONY: schemas
schemas: ## Write the JSON Schemas of scenarios, studies and deployments from the types
	$(GO) test -run '^TestSchemasAreGenerated$$' -count=1 ./scenarios -update

.PHONY: bench
bench: ## Run the benchmarks, each with its inputs; BENCHTIME=1s
	@dirs=$$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r dirname | sort -u); \
	if [ -z "$$dirs" ]; then echo "no benchmarks"; exit 0; fi; \
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -timeout 30m $$dirs

.PHONY: load
load: ## Six processes, CHECKS=100000 by CLIENTS=32 at a time; SIGNED=1 for signed zones
	CHECKS=$(CHECKS) CLIENTS=$(CLIENTS) SIGNED=$(SIGNED) $(GO) test -run '^TestLoad$$' -v -count=1 -timeout 2h ./cmd/mpicsim

.PHONY: bench-peers
bench-peers: ## Run the routing benchmarks beside other simulators' numbers
	@$(GO) run ./cmd/performance --peers --benchtime $(BENCHTIME)

.PHONY: hostile
hostile: ## Measure checks of hostile servers, and hostile files, against the budget
	@$(GO) run ./cmd/hostile

.PHONY: performance
performance: ## Run the benchmarks three times and write docs/performance.md
	$(GO) run ./cmd/performance --benchtime $(BENCHTIME) -o docs/performance.md

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME=10s
	@grep -rno --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file _ func; do \
		target=$${func#func }; echo "== $$(dirname "$$file") $$target"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")"; \
	done

.PHONY: specs
specs: ## Print the quorum and coordinator specs as a sheet to review; SPECS=./dir for others
	@$(GO) tool ginkgo --fd $(if $(MAKE_TERMOUT),$(if $(NO_COLOR),--no-color),--no-color) $(SPECS)
