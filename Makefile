# Two commands matter: `make demo` and `make test`. Each installs what it needs.
# `make help` lists the others.
SHELL := /usr/bin/env bash
GO ?= go
export CGO_ENABLED ?= 0
MESH ?= samples/bookinfo

.DEFAULT_GOAL := build
.PHONY: help demo test check build envoy filters krater fmt vet clean tools

help: ## List the targets.
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: build ## Run Bookinfo behind real Envoys and send the tour through it.
	@bin/krater up $(MESH) --quiet -- bookinfo tour

build: envoy filters krater ## Install Envoy, build the filters and the binaries.

envoy: ## Install the pinned Envoy into .tools, unless ENVOY or the PATH has one.
	@.ci/install-envoy

include filters/build.mk
-include test/bench/build.mk

krater: filters ## Build bin/krater and bin/bookinfo.
	@echo "krater: building bin/krater and bin/bookinfo (the first build takes some minutes) ..."
	@mkdir -p bin
	@$(GO) build -trimpath -o bin/krater ./cmd/krater
	@$(GO) build -trimpath -o bin/bookinfo ./samples/bookinfo

test: build ## Run every test: unit, golden, filter, command line, end to end.
	@$(GO) test -count=1 -timeout 30m ./...

check: fmt vet test ## What a change must pass: formatting, vet, every test.
	@git diff --exit-code --stat || { echo "check: the tree is not clean: commit what the generators changed" >&2; exit 1; }

fmt: ## Fail on files that gofmt would change.
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "run gofmt -w on:"; echo "$$out"; exit 1; }

vet: filters ## Run go vet, on the host's code and on the Wasm guests'.
	@$(GO) vet ./...

clean: ## Remove what was built; the installed Envoy stays.
	@rm -rf bin .build filters/builtin/dist/*.wasm
