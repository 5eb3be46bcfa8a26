.PHONY: fuzz-identity
FUZZTIME ?= 20s
FUZZED = identity agent cmd/krater listen crds model xds/artifact xds/rollout filters/verify

# Go ends a fuzzing run with "context deadline exceeded" where its time is over
# in the midst of something; only what says which input failed is a failure.
fuzz-identity: ## Fuzz, for FUZZTIME each (20s), what the certificate authority and the agents parse.
	@failed=0; for f in $$(grep -rl --include=*_test.go '^func Fuzz' $(FUZZED) | sort); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$f); do \
	    echo "fuzz: $$(dirname $$f) $$target"; \
	    out=$$($(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x ./$$(dirname $$f) 2>&1) || \
	      case "$$out" in *"context deadline exceeded"*) case "$$out" in *"Failing input"*|*panic*) failed=1; echo "$$out";; esac;; *) failed=1; echo "$$out";; esac; \
	  done; done; exit $$failed
