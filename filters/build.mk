# The Wasm modules: included by the Makefile. `make filters` builds those whose
# sources changed. -trimpath and -buildvcs=false: the same sources give the
# same bytes on every machine, so a module's digest names its code.
GO           ?= go
GUEST_BUILD   = GOOS=wasip1 GOARCH=wasm $(GO) build -buildmode=c-shared -trimpath -buildvcs=false -ldflags='-s -w'
GUEST_SOURCES = go.mod filters/build.mk $(filter-out %_test.go,$(shell find filters model/attribute -name '*.go' \
	-not -path 'filters/builtin/dist/*' -not -path 'filters/filtertest/*' \
	-not -path 'filters/generate/*' -not -path 'filters/schema/*' -not -path 'filters/module/*' -not -path 'filters/verify/*' \
	-not -path 'filters/build/*' -not -path 'filters/scaffold/*'))

# The tests' own filters: filters/filtertest/testdata/NAME.
PROBE_SOURCES = $(shell find filters/filtertest/testdata -name '*.go')
PROBES = $(patsubst %,.build/probe-%.wasm,raw guest bare-header header capabilities)

.PHONY: filters
filters: filters/builtin/dist/builtin.wasm .build/greeting.wasm $(PROBES) ## Build the Wasm filters.

filters/builtin/dist/builtin.wasm: $(GUEST_SOURCES)
	@echo "filters: building the built-in module"
	@$(GUEST_BUILD) -o $@ ./filters/builtin

.build/greeting.wasm: $(GUEST_SOURCES) samples/filters/greeting/main.go
	@echo "filters: building the sample greeting"
	@mkdir -p $(@D)
	@$(GUEST_BUILD) -o $@ ./samples/filters/greeting

.build/probe-%.wasm: $(GUEST_SOURCES) $(PROBE_SOURCES)
	@echo "filters: building the test filter $*"
	@mkdir -p $(@D)
	@$(GUEST_BUILD) -o $@ ./filters/filtertest/testdata/$*

.build/bare-empty.wasm: go.mod filters/filtertest/testdata/bare-empty/main.go
	@mkdir -p $(@D)
	@$(GUEST_BUILD) -o $@ ./filters/filtertest/testdata/bare-empty
