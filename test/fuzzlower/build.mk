# Lowering under drawn policies and requests: included by the Makefile. TRIALS
# is how many, KEPT how many requests to policies whose answers are kept, SEED
# where drawing begins; a failure names it.
TRIALS ?= 120000
KEPT   ?= 100000

.PHONY: fuzz-lower
fuzz-lower: envoy filters ## Hold lowered policies, kept answers and a real Envoy to OPA, on TRIALS drawn requests.
	@echo "fuzz-lower: $(TRIALS) trials and $(KEPT) requests to kept answers, from seed $(SEED)"
	@KRATER_TRIALS=$(TRIALS) KRATER_KEPT=$(KEPT) KRATER_SEED=$(SEED) $(GO) test -count=1 -timeout 4h -v -run '^Test(LoweringAgrees|KeptAnswersAreThoseOfPolicyd)$$' ./test/fuzzlower

SUITE ?= all

.PHONY: test-mutations
test-mutations: envoy filters ## Seed bugs into lowering, translation and the cache: each must be caught.
	@KRATER_MUTATIONS=$(SUITE) $(GO) test -count=1 -timeout 1h -v ./test/mutations
