package policycases_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/lower"
	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/test/policycases"
)

// TestCasesByLoweredRules holds the reference evaluator of lowered rules to
// OPA's answers: wherever it does not ask, it gives the very same.
func TestCasesByLoweredRules(t *testing.T) {
	shares := map[model.Verdict]int{}
	for _, s := range compiling(t) {
		t.Run(strings.TrimSuffix(s.File, ".yaml"), func(t *testing.T) {
			lowered := lower.Policy(s.Model(), s.AttributeSets())
			if s.Policy.Lower == model.LowerRequire && !lowered.Whole() {
				t.Errorf("it is not lowered whole: %s", placement(lowered))
			}
			for _, c := range s.Cases {
				t.Run(c.Name, func(t *testing.T) {
					rule := decided(t, lowered, c.Request)
					shares[verdictOf(rule)]++
					if why := ruleDiffers(lowered, rule, c, s.Policy.Lower); why != "" {
						t.Error(why)
					}
				})
			}
		})
	}
	t.Logf("cases: %v", shares)
}

func decided(t *testing.T, l *model.Lowered, r policycases.Request) *model.LoweredRule {
	t.Helper()
	facts, err := r.Facts()
	if err != nil {
		t.Fatal(err)
	}
	return explain.Decide(l, facts)
}

func ruleName(rule *model.LoweredRule) string {
	if rule == nil {
		return "none"
	}
	return rule.Rule
}

func verdictOf(rule *model.LoweredRule) model.Verdict {
	if rule == nil {
		return model.VerdictAsk
	}
	return rule.Verdict
}

// ruleDiffers says how a rule's answer is not the one that a case wants; "":
// it is, or policyd is asked where it may be.
func ruleDiffers(l *model.Lowered, rule *model.LoweredRule, c policycases.Case, lowered model.Lower) string {
	want := c.Want
	if want.Status == 0 {
		want.Status = 403
	}
	want.Failure = ""
	switch verdict := verdictOf(rule); {
	case verdict == model.VerdictAsk && lowered == model.LowerRequire && c.Asks == "":
		return "it asks, by the rule " + ruleName(rule)
	case verdict == model.VerdictAsk:
		return ""
	case verdict == model.VerdictAllow:
		if diff := cmp.Diff(want, policycases.Answer{Allowed: true, Status: want.Status}, cmpopts.EquateEmpty()); diff != "" {
			return fmt.Sprintf("%s allows (-want +got):\n%s", rule.Rule, diff)
		}
		return ""
	}
	got := policycases.Answer{Status: 403}
	if rule.Answer > 0 {
		a := l.Answers[rule.Answer-1]
		got.Status, got.Body = int(a.Status), a.Body
		for _, h := range a.Headers {
			got.Headers = append(got.Headers, rego.Header{Name: h.Name, Value: h.Value})
		}
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		return fmt.Sprintf("%s denies (-want +got):\n%s", rule.Rule, diff)
	}
	return ""
}
