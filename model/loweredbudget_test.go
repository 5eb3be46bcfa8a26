package model_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/krater-mesh/krater/model"
)

func sized(name string, rules int) *model.RegoPolicy {
	p := &model.RegoPolicy{Object: model.Ref{Name: name}}
	if rules > 0 {
		p.Lowered = &model.Lowered{}
	}
	for i := range rules {
		p.Lowered.Rules = append(p.Lowered.Rules, model.LoweredRule{Rule: "a.rego:1", Verdict: model.VerdictAllow, When: model.Predicate{Op: model.OpTest,
			Test: &model.Test{Input: model.ProxyInput{Kind: model.InputPath}, How: model.TestIn, Values: []string{fmt.Sprintf("/things/%d", i)}}}})
	}
	return p
}

// TestBudget: who comes first is decided first; what is too large is passed
// over, and leaves its room to others.
func TestBudget(t *testing.T) {
	list := []*model.RegoPolicy{sized("none", 0), sized("small", 10), sized("large", 5000), sized("other", 10)}
	for _, c := range []struct {
		budget model.LoweredBudget
		want   []bool
	}{
		{model.LoweredBudget{}, []bool{false, true, false, true}},
		{model.LoweredBudget{MainThread: model.Duration(1e9)}, []bool{false, true, true, true}},
		{model.LoweredBudget{MainThread: model.Duration(1e9), Bytes: 100_000}, []bool{false, true, false, true}},
		{model.LoweredBudget{Bytes: list[1].Lowered.Bytes()}, []bool{false, true, false, false}},
		{model.LoweredBudget{Bytes: 1}, []bool{false, false, false, false}},
	} {
		if have := c.budget.Native(list); !slices.Equal(have, c.want) {
			t.Errorf("%+v: %v, want %v", c.budget, have, c.want)
		}
	}
	snap := &model.Snapshot{Workloads: []model.Workload{{Namespace: "a", Name: "w"}, {Namespace: "b", Name: "v"}}, Rego: list}
	for _, p := range list[2:] {
		p.Selector = model.Selector{Namespace: "a"}
	}
	if have := snap.PastBudget(list[2]); !slices.Equal(have, []string{"a/w"}) {
		t.Errorf("past the budget of %v", have)
	}
	if have := snap.PastBudget(list[3]); have != nil {
		t.Errorf("past the budget of %v", have)
	}
}
