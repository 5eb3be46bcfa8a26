package policycases_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/test/policycases"
)

func TestCasesByOPA(t *testing.T) {
	suites, err := policycases.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for _, suite := range suites {
		t.Run(strings.TrimSuffix(suite.File, ".yaml"), func(t *testing.T) {
			policy, problems := rego.Compile(suite.Model())
			for i, p := range problems {
				if i >= len(suite.Problems) || !strings.Contains(p.String(), suite.Problems[i]) {
					t.Errorf("problem %d, not wanted: %s", i, p)
				}
			}
			if len(problems) < len(suite.Problems) {
				t.Errorf("%d problems, wanted %d: %q", len(problems), len(suite.Problems), suite.Problems)
			}
			if policy == nil {
				if len(suite.Cases) > 0 {
					t.Error("the policy does not compile, and has cases")
				}
				return
			}
			for _, c := range suite.Cases {
				t.Run(c.Name, func(t *testing.T) { run(t, policy, c) })
			}
		})
		cases += max(len(suite.Cases), 1)
	}
	if cases < 40 {
		t.Errorf("%d cases: some files were not found", cases)
	}
}

func run(t *testing.T, policy *rego.Policy, c policycases.Case) {
	input, err := c.Request.Input(policy.MaxBody())
	if err != nil {
		t.Fatal(err)
	}
	got := policy.Evaluate(context.Background(), input)
	want := c.Want
	if want.Status == 0 {
		want.Status = 403
	}
	if diff := cmp.Diff(want, asCase(got), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the answer differs (-want +got), failure %v:\n%s", got.Failure, diff)
	}
}

func asCase(a rego.Answer) policycases.Answer {
	out := policycases.Answer{
		Allowed: a.Allowed, Status: a.Status, Body: a.Body, Headers: a.Headers, ResponseHeaders: a.ResponseHeaders,
		RemoveHeaders: a.RemoveHeaders, SetQuery: a.SetQuery, RemoveQuery: a.RemoveQuery, Metadata: a.Metadata,
	}
	if a.Failure != nil {
		out.Failure = a.Failure.Kind
	}
	return out
}
