package policycases_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/lower"
	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/test/policycases"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
	"github.com/krater-mesh/krater/xds/translate"
)

// ordered are the policies of testdata/orders.yaml.
type ordered struct {
	Enforced, Shadows []struct {
		Name, Source string
		Lower        model.Lower
		Failure      model.FailureMode
	}
	Headers [][]string
}

// member is one policy, as each back-end has it.
type member struct {
	model    model.RegoPolicy
	compiled *rego.Policy
}

// TestPoliciesInEveryOrder puts native, asked, partly asked and open policies
// on one workload, in every order of every subset of them, shadows between
// them. The first denial, in their order, is the answer; policyd is asked only
// where the first that does not allow natively is one that asks, and then
// about all of them; shadows change nothing.
func TestPoliciesInEveryOrder(t *testing.T) {
	enforced, shadows, requests := readOrdered(t)
	r := envoyrunner.Start(t, translate.Options{})
	var units []envoyrunner.Unit
	var orders [][]member
	for i, order := range arrangements(enforced) {
		unit := envoyrunner.Unit{}
		for _, m := range withShadows(order, shadows, i) {
			unit.Rego = append(unit.Rego, m.model)
		}
		units, orders = append(units, unit), append(orders, order)
	}
	for _, p := range r.Publish(units...) {
		if p.Severity == model.Error {
			t.Error(p)
		}
	}
	client := r.Client()
	for i, order := range orders {
		var names []string
		for _, p := range units[i].Rego {
			names = append(names, p.Object.Name)
		}
		t.Run(strings.Join(names, ","), func(t *testing.T) {
			for _, request := range requests {
				inOrder(t, client, i, order, request)
			}
		})
	}
	t.Logf("%d orders, %d requests each", len(orders), len(requests))
	t.Run("without policyd", func(t *testing.T) {
		r.StopPolicyd()
		for i, order := range orders {
			for _, request := range requests {
				a, err := client.Send(i, request)
				if err != nil {
					t.Fatal(err)
				}
				if why := differs(policycases.Case{Request: request, Want: alone(t, order, request)}, a); why != "" {
					t.Errorf("unit %d, %q: %s", i, request.Headers, why)
				}
			}
		}
	})
}

// alone is what becomes of a request while policyd is away: the first native
// denial, unless a policy before it asks and fails closed.
func alone(t *testing.T, order []member, request policycases.Request) policycases.Answer {
	for _, m := range order {
		switch rule := decided(t, m.model.Lowered, request); verdictOf(rule) {
		case model.VerdictDeny:
			return m.answer(t, request)
		case model.VerdictAsk:
			if m.model.Failure == model.FailClosed {
				return policycases.Answer{}
			}
		}
	}
	return policycases.Answer{Allowed: true}
}

func inOrder(t *testing.T, client *envoyrunner.Client, unit int, order []member, request policycases.Request) {
	a, err := client.Send(unit, request)
	if err != nil {
		t.Fatal(err)
	}
	want, asks := policycases.Answer{Allowed: true}, 0
	undecided := true // no policy so far has denied, or asked
	for _, m := range order {
		if undecided {
			switch verdictOf(decided(t, m.model.Lowered, request)) {
			case model.VerdictAsk:
				asks, undecided = 1, false
			case model.VerdictDeny:
				undecided = false
			}
		}
		if want.Allowed {
			want = combined(want, m.answer(t, request))
		}
	}
	if want.Allowed && asks == 0 { // natively allowed: no headers
		want = policycases.Answer{Allowed: true}
	}
	if why := differs(policycases.Case{Request: request, Want: want}, a); why != "" {
		t.Errorf("%q: %s", request.Headers, why)
	}
	if len(a.Asked) != asks {
		t.Errorf("%q: policyd was asked %d times, want %d", request.Headers, len(a.Asked), asks)
	}
	if a.Header.Get("x-shadow") != "" {
		t.Errorf("%q: a policy in shadow is told of: %v", request.Headers, a.Header)
	}
}

// answer is OPA's.
func (m member) answer(t *testing.T, request policycases.Request) policycases.Answer {
	input, err := request.Input(0)
	if err != nil {
		t.Fatal(err)
	}
	a := asCase(m.compiled.Evaluate(context.Background(), input))
	a.Failure = ""
	return a
}

// combined is the first denial, or all that allowing policies say.
func combined(before, next policycases.Answer) policycases.Answer {
	if !next.Allowed {
		return next
	}
	before.Headers = append(before.Headers, next.Headers...)
	before.ResponseHeaders = append(before.ResponseHeaders, next.ResponseHeaders...)
	return before
}

func readOrdered(t *testing.T) (enforced, shadows []member, requests []policycases.Request) {
	t.Helper()
	text, err := os.ReadFile("testdata/orders.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var in ordered
	if err := yaml.UnmarshalStrict(text, &in); err != nil {
		t.Fatal(err)
	}
	for i, p := range slices.Concat(in.Enforced, in.Shadows) {
		m := member{model: model.RegoPolicy{Object: model.Ref{Kind: "RegoPolicy", Namespace: "orders", Name: p.Name},
			Modules: []model.RegoModule{{Name: "p.rego", Source: p.Source}}, Query: "data.p.decision", Mode: model.Enforce,
			Failure: p.Failure, Lower: p.Lower, Timeout: model.Duration(10e9)}}
		if p.Failure == "" {
			m.model.Failure = model.FailClosed
		}
		if i >= len(in.Enforced) {
			m.model.Mode = model.Shadow
		}
		m.model.Lowered = lower.Policy(m.model, nil)
		var problems model.Problems
		if m.compiled, problems = rego.Compile(m.model); m.compiled == nil {
			t.Fatal(problems)
		}
		if i < len(in.Enforced) {
			enforced = append(enforced, m)
		} else {
			shadows = append(shadows, m)
		}
	}
	requests = []policycases.Request{{}}
	for _, lines := range in.Headers {
		var next []policycases.Request
		for _, r := range requests {
			for _, line := range lines {
				with := r
				if line != "" {
					with.Headers = append(slices.Clone(r.Headers), line)
				}
				next = append(next, with)
			}
		}
		requests = next
	}
	return enforced, shadows, requests
}

// arrangements are all orders of all subsets.
func arrangements(of []member) (out [][]member) {
	var add func(order []member, used int)
	add = func(order []member, used int) {
		if len(order) > 0 {
			out = append(out, slices.Clone(order))
		}
		for i, m := range of {
			if used&(1<<i) == 0 {
				add(append(order, m), used|1<<i)
			}
		}
	}
	add(nil, 0)
	return out
}

// withShadows puts shadows between the policies: none, one or both, at places
// that differ from order to order.
func withShadows(order, shadows []member, i int) []member {
	out := slices.Clone(order)
	for k, s := range shadows {
		if i>>k&1 == 1 {
			s.model.Object.Name = fmt.Sprintf("%s-%d", s.model.Object.Name, k)
			out = slices.Insert(out, (i/4+k)%(len(out)+1), s)
		}
	}
	return out
}
