package fuzzlower

import (
	"context"
	"sort"
	"testing"

	"github.com/krater-mesh/krater/policyd/rego"
)

// TestDrawnPoliciesAreWorthIt: most compile, every construct is drawn, and
// requests reach all kinds of answers.
func TestDrawnPoliciesAreWorthIt(t *testing.T) {
	const n, requests = 400, 12
	features, answers, compiled, mixed, refused := map[string]int{}, map[string]int{}, 0, 0, 0
	for i := range n {
		d := New(1, i)
		p := d.Policy()
		policy, _ := rego.Compile(p.Model("p"))
		if policy == nil {
			continue
		}
		compiled++
		for _, f := range p.FeatureNames() {
			features[f]++
		}
		seen := map[bool]bool{}
		for range requests {
			r := d.Request(p.Atoms)
			v, ok := r.Received()
			if !ok {
				refused++
				continue
			}
			a := policy.Evaluate(context.Background(), rego.NewInput(r.Check(v, p.MaxBody)))
			seen[a.Allowed] = true
			kind := "denied"
			if a.Failure != nil {
				kind = string(a.Failure.Kind)
			} else if a.Allowed {
				kind = "allowed"
			}
			answers[kind]++
		}
		if len(seen) == 2 {
			mixed++
		}
	}
	var names []string
	for f := range features {
		names = append(names, f)
	}
	sort.Strings(names)
	for _, f := range names {
		t.Logf("%4d %s", features[f], f)
	}
	t.Logf("%d of %d policies compile, %d give both verdicts; of %d requests %d are refused by a proxy; answers: %v", compiled, n, mixed, compiled*requests, refused, answers)
	if compiled < n*95/100 {
		t.Errorf("only %d of %d policies compile", compiled, n)
	}
	if len(features) < 60 || mixed < compiled/3 {
		t.Error("what is drawn tests too little")
	}
}
