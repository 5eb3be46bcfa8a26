# Tests against a real Envoy that may run for long: included by the Makefile.
# DRAWS is how many configurations are drawn, SEED where drawing begins; a
# failure names both.
DRAWS ?= 10000
SEED  ?= $(shell date +%s)

.PHONY: fuzz-authz
fuzz-authz: envoy ## Compare policies, routes and limits with a real Envoy, on DRAWS drawn ones each.
	@echo "fuzz-authz: $(DRAWS) draws from seed $(SEED)"
	@KRATER_DRAWS=$(DRAWS) KRATER_SEED=$(SEED) $(GO) test -count=1 -timeout 4h -v -run '^Test(Authorization|Routes|Forwarded|Hosts|Limits)Agree' ./test/envoy

.PHONY: fuzz-traffic
fuzz-traffic: envoy ## Give a real Envoy DRAWS drawn configurations of traffic, and compare with explain.
	@echo "fuzz-traffic: $(DRAWS) draws from seed $(SEED)"
	@KRATER_DRAWS=$(DRAWS) KRATER_SEED=$(SEED) $(GO) test -count=1 -timeout 4h -v -run '^TestDrawnObjects$$' ./test/trafficcases
