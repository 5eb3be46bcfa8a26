# Two commands matter: `make demo` and `make test`. Each installs what it needs.
# `make help` lists the others.
SHELL := /usr/bin/env bash
GO ?= go
export CGO_ENABLED ?= 0
MESH ?= samples/bookinfo

# Of `go build -v` it shows every hundredth package, and every error.
progress = awk '/^[a-z0-9][^ :]*$$/ { if (++n % 100 == 0) { print "krater: " n " packages compiled"; fflush() } next } { print }'

.DEFAULT_GOAL := build
.PHONY: help demo test check build envoy netns mariadb rust filters krater fmt vet lint clean

help: ## List the targets.
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: build ## Run Bookinfo behind real Envoys and send the tour through it.
	@bin/krater up $(MESH) --quiet -- bookinfo tour

build: envoy filters krater ## Install Envoy, build the filters and the binaries.

envoy: ## Install the pinned Envoy into .tools, unless ENVOY or the PATH has one.
	@.ci/install-envoy

netns: ## Install what tests in network namespaces need: iproute2, nftables, iptables.
	@.ci/install-netns

mariadb: ## Install MariaDB, for the sample of a database on another machine.
	@.ci/install-mariadb

registry: ## Install the registry that images of modules are tested with.
	@.ci/install-registry

rust: ## Install Rust for Wasm, for the tests of filters in Rust.
	@.ci/install-rust

include filters/build.mk
include test/bench/build.mk
include test/envoy/build.mk
include test/fuzzlower/build.mk
include test/wasm/build.mk
include test/security/build.mk

krater: filters ## Build bin/krater and bin/bookinfo.
	@echo "krater: building bin/krater and bin/bookinfo (the first build takes some minutes) ..."
	@mkdir -p bin
	@set -o pipefail; $(GO) build -v -o bin/ ./cmd/krater ./samples/bookinfo 2>&1 | $(progress)

test: build netns mariadb rust registry ## Run every test: unit, golden, filter, command line, end to end.
	@echo "test: the packages by themselves ..."
	@$(GO) test -count=1 -timeout 15m $$($(GO) list ./... | grep -v /test/)
	@echo "test: with real Envoys, one package after the other ..."
	@$(GO) test -count=1 -timeout 25m -p 1 ./test/...

check: fmt vet lint test ## What a change must pass: formatting, vet, lint, every test.
	@git diff --exit-code --stat || { echo "check: the tree is not clean: commit what the generators changed" >&2; exit 1; }

fmt: ## Fail on files that gofmt would change.
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "run gofmt -w on:"; echo "$$out"; exit 1; }

vet: filters ## Run go vet, on the host's code and on the Wasm guests'.
	@$(GO) vet ./...

STATICCHECK := .tools/staticcheck-0.8.2/staticcheck
$(STATICCHECK):
	@echo "lint: building staticcheck 0.8.2 ..."
	@GOBIN=$(abspath $(dir $@)) $(GO) install honnef.co/go/tools/cmd/staticcheck@v0.8.2

lint: filters $(STATICCHECK) ## Run staticcheck.
	@$(STATICCHECK) ./...

clean: ## Remove what was built; the installed Envoy stays.
	@rm -rf bin .build filters/builtin/dist/*.wasm
