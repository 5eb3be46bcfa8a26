# Lowering under drawn policies and requests: included by the Makefile. TRIALS
# is how many, SEED where drawing begins; a failure names both.
TRIALS ?= 104000

.PHONY: fuzz-lower
fuzz-lower: envoy ## Hold lowered policies and a real Envoy to OPA, on TRIALS drawn requests.
	@echo "fuzz-lower: $(TRIALS) trials from seed $(SEED)"
	@KRATER_TRIALS=$(TRIALS) KRATER_SEED=$(SEED) $(GO) test -count=1 -timeout 4h -v -run '^TestLoweringAgrees$$' ./test/fuzzlower

.PHONY: test-mutations
test-mutations: envoy ## Seed bugs into lowering and translation: each must be caught.
	@KRATER_MUTATIONS=all $(GO) test -count=1 -timeout 1h -v ./test/mutations
