package model

import (
	"strings"
	"testing"
)

func reading(name string, reads ...ProxyInput) RegoPolicy {
	p := RegoPolicy{Object: Ref{Kind: "RegoPolicy", Namespace: "a", Name: name}, Query: "data.q.allow", Cache: CacheTimes{Allow: 2e9, Deny: 1e9}, Lowered: &Lowered{}}
	for _, in := range reads {
		p.Lowered.Reads = append(p.Lowered.Reads, Read{Ref: "input." + in.Name, Input: &in})
	}
	return p
}

func TestDecisionKeys(t *testing.T) {
	method, path := ProxyInput{Kind: InputHeader, Name: ":method"}, ProxyInput{Kind: InputPath}
	role, team := ProxyInput{Kind: InputClaim, Path: []string{"role"}}, ProxyInput{Kind: InputClaim, Path: []string{"team"}}
	one, two := reading("one", method, path), reading("two", method, role, team)
	two.Cache.Allow = 1e9
	k, why := DecisionKeyOf([]RegoPolicy{one, two})
	if why != "" || len(k.Inputs) != 3 || k.Inputs[0].Kind != InputClaim || len(k.Inputs[0].Path) != 0 || k.Inputs[1].Name != ":method" || k.Inputs[2].Name != ":path" {
		t.Errorf("inputs are %+v, %s", k.Inputs, why)
	}
	if k.Times != (CacheTimes{Allow: 1e9, Deny: 1e9}) {
		t.Errorf("kept for %+v", k.Times)
	}
	if k, _ := DecisionKeyOf([]RegoPolicy{reading("method", method)}); len(k.Inputs) != 2 || k.Inputs[1].Name != ":path" {
		t.Errorf("the inputs of one that reads the method are %+v", k.Inputs)
	}
	turned, _ := DecisionKeyOf([]RegoPolicy{two, one})
	if turned.Version == k.Version || turned.ID != k.ID {
		t.Error("the order of policies is part of their version, and not of their inputs")
	}
	edited := two
	edited.Data = `{"a":1}`
	if e, _ := DecisionKeyOf([]RegoPolicy{one, edited}); e.Version == k.Version {
		t.Error("other data are the same version")
	}
	if e, _ := DecisionKeyOf([]RegoPolicy{edited, one}); e.Version == turned.Version {
		t.Error("other data of the first are the same version")
	}
}

func TestWhatIsNotKept(t *testing.T) {
	for want, change := range map[string]func(*RegoPolicy){
		"no spec.cache":          func(p *RegoPolicy) { p.Cache = CacheTimes{} },
		"not known":              func(p *RegoPolicy) { p.Lowered.ReadsAll = true },
		"it calls time.now_ns":   func(p *RegoPolicy) { p.Lowered.Volatile = []string{"time.now_ns"} },
		"it reads input.a.body,": func(p *RegoPolicy) { p.Lowered.Reads = []Read{{Ref: "input.a.body"}} },
		"is not known before":    func(p *RegoPolicy) { p.Lowered = nil },
	} {
		p := reading("p")
		change(&p)
		if _, why := DecisionKeyOf([]RegoPolicy{reading("good"), p}); !strings.HasPrefix(why, "a/p: ") || !strings.Contains(why, want) {
			t.Errorf("says %q, want %q", why, want)
		}
	}
}
