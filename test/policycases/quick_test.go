package policycases_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/test/policycases"
)

// TestQuickPoliciesAnswerAlike asks each case of policies as policyd has them,
// and as they are written.
func TestQuickPoliciesAnswerAlike(t *testing.T) {
	suites, err := policycases.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, suite := range suites {
		written, problems := rego.Compile(suite.Model())
		quick, others := rego.CompileQuick(suite.Model())
		if diff := cmp.Diff(problems, others); diff != "" {
			t.Errorf("%s: the problems differ (-written +quick):\n%s", suite.File, diff)
		}
		if written == nil {
			continue
		}
		for _, c := range suite.Cases {
			answer := func(p *rego.Policy) rego.Answer {
				input, err := c.Request.Input(p.MaxBody())
				if err != nil {
					t.Fatal(err)
				}
				return p.Evaluate(context.Background(), input)
			}
			if diff := cmp.Diff(anywhere(answer(written)), anywhere(answer(quick))); diff != "" {
				t.Errorf("%s: %s: the answers differ (-written +quick):\n%s", suite.File, c.Name, diff)
			}
			asked++
		}
	}
	if asked < 400 {
		t.Errorf("%d cases", asked)
	}
}

// anywhere leaves out where an evaluation failed: of several places that do it
// is the one that was looked at first.
func anywhere(a rego.Answer) rego.Answer {
	if a.Failure != nil {
		f := *a.Failure
		f.Detail, _, _ = strings.Cut(f.Detail, " at ")
		a.Failure = &f
	}
	return a
}
