package policycases_test

import (
	"testing"

	"github.com/krater-mesh/krater/explain"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/lower"
)

// TestCasesMeetEachInput: of each value that a proxy may compare, and of each
// way to compare it, there is a case in a real Envoy where it holds, and one
// where it does not.
func TestCasesMeetEachInput(t *testing.T) {
	inputs, ops := map[model.InputKind]met{}, map[model.TestOp]met{}
	cases := 0
	for _, s := range compiling(t) {
		lowered := lower.Policy(s.Model(), s.AttributeSets())
		tests := testsOf(lowered)
		for _, c := range s.Cases {
			if c.NotThroughEnvoy != "" {
				continue
			}
			cases++
			facts, err := connected(c.Request).Facts()
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range tests {
				held := explain.Holds(model.Predicate{Op: model.OpTest, Test: &test}, facts)
				inputs[test.Input.Kind] = inputs[test.Input.Kind].and(held)
				ops[test.How] = ops[test.How].and(held)
			}
		}
	}
	if cases < 400 {
		t.Errorf("%d cases go through Envoy, want 400", cases)
	}
	for _, kind := range []model.InputKind{model.InputHeader, model.InputPath, model.InputSame, model.InputSourceAddress, model.InputSourcePort, model.InputDestination,
		model.InputDestinationPort, model.InputPrincipal, model.InputSNI, model.InputProtocol, model.InputClaim, model.InputAttribute, model.InputTime} {
		if m := inputs[kind]; !m.yes || !m.no {
			t.Errorf("cases meet the input %s so: %+v", kind, m)
		}
	}
	for _, op := range []model.TestOp{model.TestPresent, model.TestIn, model.TestPrefix, model.TestSuffix, model.TestContains, model.TestRegex, model.TestCIDR,
		model.TestLess, model.TestLessEqual, model.TestGreater, model.TestGreaterEqual, model.TestEqualNumber, model.TestBool, model.TestNull} {
		if m := ops[op]; !m.yes || !m.no {
			t.Errorf("cases meet the test %s so: %+v", op, m)
		}
	}
}

// met is what was seen of a test.
type met struct{ yes, no bool }

func (m met) and(held bool) met { return met{m.yes || held, m.no || !held} }

// testsOf are those of all rules that decide.
func testsOf(l *model.Lowered) (out []model.Test) {
	var add func(p model.Predicate)
	add = func(p model.Predicate) {
		if p.Op == model.OpTest {
			out = append(out, *p.Test)
		}
		for _, o := range p.Of {
			add(o)
		}
	}
	if l != nil {
		for _, r := range l.Rules {
			add(r.When)
		}
	}
	return out
}
