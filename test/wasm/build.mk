# Filters under stress in a real Envoy: included by the Makefile.
.PHONY: stress-filters
stress-filters: envoy filters ## Send 200,000 requests through all built-in filters, with a collection at every turn.
	@KRATER_REQUESTS=200000 $(GO) test -count=1 -timeout 1h -v -run UnderStress ./test/wasm
