# The benchmarks: included by the Makefile. docs/benchmarks.md says what each
# one measures, and what it showed. BENCH_FLAGS="--rounds 1" makes it shorter.
.PHONY: bench-h2load
bench-h2load:
	@command -v h2load >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		echo "bench: installing nghttp2-client" >&2 && apt-get install -y -q nghttp2-client >&2; } || \
		{ echo "bench: h2load is missing: install it (Debian, Ubuntu: apt-get install nghttp2-client; others: nghttp2)" >&2; exit 2; }

.PHONY: bench-smoke
bench-smoke: build bench-h2load ## Measure CPU per request by placement, and the time of an edit.
	@$(GO) build -trimpath -o bin/bench-echo ./test/bench/echo
	@$(GO) build -trimpath -o bin/bench-smoke ./test/bench/smoke
	@bin/bench-smoke $(BENCH_FLAGS)

.PHONY: bench-xds
bench-xds: build ## Measure how an edit reaches many simulated proxies.
	@$(GO) build -trimpath -o bin/bench-xds ./test/bench/xds
	@nice -n 5 bin/bench-xds $(BENCH_FLAGS)

.PHONY: bench-csr
bench-csr: build ## Measure how many certificates a second the control plane signs.
	@$(GO) build -trimpath -o bin/bench-csr ./test/bench/csr
	@bin/bench-csr $(BENCH_FLAGS)

.build/header.wasm: $(GUEST_SOURCES) test/bench/filters/header/main.go
	@mkdir -p $(@D)
	@$(GUEST_BUILD) -o $@ ./test/bench/filters/header

.PHONY: bench-filters
bench-filters: build bench-h2load .build/bare-empty.wasm .build/header.wasm ## Measure what Wasm filters cost in Envoy: CPU a request, memory, loads.
	@$(GO) build -trimpath -o bin/bench-filters ./test/bench/filters
	@bin/bench-filters $(BENCH_FLAGS)

# A peer is built where its modules can be had; the table says so where not.
.PHONY: bench-authz
bench-authz: build bench-h2load ## Measure what authorization costs by where it is decided, beside peers, and by rules.
	@$(GO) build -trimpath -o bin/bench-echo ./test/bench/echo
	@$(GO) build -trimpath -o bin/bench-empty ./test/bench/authz/empty
	@$(GO) build -trimpath -o bin/bench-authz ./test/bench/authz
	@cd test/bench/authz/peers && $(GO) build -trimpath -o $(CURDIR)/bin/opa-envoy-plugin \
		github.com/open-policy-agent/opa-envoy-plugin/cmd/opa-envoy-plugin || echo "bench: opa-envoy-plugin cannot be built here" >&2
	@bin/bench-authz $(BENCH_FLAGS)

.PHONY: bench-revocation
bench-revocation: build ## Measure how long a caller who lost a right is let through, and what a killed policyd fails.
	@$(GO) build -trimpath -o bin/bench-echo ./test/bench/echo
	@$(GO) build -trimpath -o bin/bench-revocation ./test/bench/revocation
	@bin/bench-revocation $(BENCH_FLAGS)
