package fuzzlower

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/krater-mesh/krater/policyd/rego"
)

// TestQuickPoliciesAnswerAlike holds drawn policies as policyd has them against
// what they are as written: a part of the request that nobody needs is away.
func TestQuickPoliciesAnswerAlike(t *testing.T) {
	const n, requests = 200, 15
	asked := 0
	for i := range n {
		d := New(4, i)
		p := d.Policy()
		written, _ := rego.Compile(p.Model("p"))
		quick, _ := rego.CompileQuick(p.Model("p"))
		if written == nil {
			continue
		}
		for range requests {
			r := d.Request(p.Atoms)
			v, ok := r.Received()
			if !ok {
				continue
			}
			answer := func(of *rego.Policy) rego.Answer {
				return of.Evaluate(context.Background(), rego.NewInput(r.Check(v, p.MaxBody)))
			}
			if diff := cmp.Diff(anywhere(answer(written)), anywhere(answer(quick))); diff != "" {
				t.Fatalf("policy %d: the answers differ (-written +quick):\n%s", i, diff)
			}
			asked++
		}
	}
	if asked < n*requests/2 {
		t.Errorf("%d questions", asked)
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
