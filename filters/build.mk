# The Wasm modules: included by the Makefile. `make filters` builds those whose
# sources changed. -trimpath and -buildvcs=false: the same sources give the
# same bytes on every machine, so a module's digest names its code.
GO           ?= go
GUEST_BUILD   = GOOS=wasip1 GOARCH=wasm $(GO) build -buildmode=c-shared -trimpath -buildvcs=false -ldflags='-s -w'
GUEST_SOURCES = go.mod filters/build.mk $(filter-out %_test.go,$(shell find filters model/attribute -name '*.go' \
	-not -path 'filters/builtin/dist/*' -not -path 'filters/filtertest/*'))

.PHONY: filters
filters: filters/builtin/dist/builtin.wasm .build/greeting.wasm ## Build the Wasm filters.

filters/builtin/dist/builtin.wasm: $(GUEST_SOURCES)
	@echo "building the built-in filters"
	@$(GUEST_BUILD) -o $@ ./filters/builtin

.build/greeting.wasm: $(GUEST_SOURCES) $(wildcard samples/filters/greeting/*.go)
	@echo "building the sample filter greeting"
	@mkdir -p .build
	@$(GUEST_BUILD) -o $@ ./samples/filters/greeting
