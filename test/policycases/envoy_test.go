package policycases_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/lower"
	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/policycases"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
)

// TestCasesByEnvoy sends every case to a real Envoy twice: to the policy as it
// is lowered, and to its twin, which always asks. Both must give the answer
// that the case wants, and the very same one. What is lowered whole never asks.
func TestCasesByEnvoy(t *testing.T) {
	suites := compiling(t)
	r := envoyrunner.Start(t, harness.Builtin(t))
	var units []envoyrunner.Unit
	var lowered []*model.Lowered
	for _, s := range suites {
		native, asked := s.Model(), s.Model()
		native.Lowered = lower.Policy(native, s.AttributeSets())
		asked.Lower, asked.Lowered = model.LowerNever, nil
		lowered = append(lowered, native.Lowered)
		units = append(units, s.unit(native), s.unit(asked))
	}
	untranslated := map[string]bool{} // namespaces of what the proxy asks about nevertheless
	for _, p := range r.Publish(units...) {
		switch {
		case p.Code == model.CodeNotSupported && strings.HasSuffix(p.Message, "policyd is asked"):
			untranslated[p.Object.Namespace] = true
		case p.Severity == model.Error:
			t.Error(p)
		}
	}
	client := r.Client()
	sent := 0
	for i, s := range suites {
		t.Run(strings.TrimSuffix(s.File, ".yaml"), func(t *testing.T) {
			if untranslated[fmt.Sprintf("u%d", 2*i)] {
				if s.Policy.Lower == model.LowerRequire {
					t.Error("the proxy has no words for what it is to decide")
				}
				lowered[i] = nil
			}
			for _, c := range s.Cases {
				if c.NotThroughEnvoy != "" {
					continue
				}
				sent++
				t.Run(c.Name, func(t *testing.T) { throughEnvoy(t, client, 2*i, lowered[i], c) })
			}
		})
	}
	t.Logf("%d policies, %d cases", len(suites), sent)
}

func throughEnvoy(t *testing.T, client *envoyrunner.Client, unit int, lowered *model.Lowered, c policycases.Case) {
	native, err := client.Send(unit, c.Request)
	if err != nil {
		t.Fatal(err)
	}
	if why := differs(c, native); why != "" {
		t.Errorf("asked %d times: %s", len(native.Asked), why)
	}
	rule, asks := decided(t, lowered, connected(c.Request)), 0
	if verdictOf(rule) == model.VerdictAsk {
		asks = 1
	}
	if len(native.Asked) != asks {
		t.Errorf("the proxy asked %d times, where the lowered rules say %s, by %s", len(native.Asked), verdictOf(rule), ruleName(rule))
	}
	asked, err := client.Send(unit+1, c.Request)
	if err != nil {
		t.Fatal(err)
	}
	if why := differs(c, asked); why != "" {
		t.Errorf("by policyd: %s", why)
	}
	if len(asked.Asked) != 1 {
		t.Errorf("the twin asked %d times", len(asked.Asked))
	}
	if diff := unlike(native, asked); diff != "" {
		t.Errorf("the proxy's answer is not policyd's (-policyd +proxy):\n%s", diff)
	}
}

// connected is a request with the addresses of the connection that it gets
// where it says none.
func connected(r policycases.Request) policycases.Request {
	if r.Source.Address == "" {
		r.Source = policycases.Endpoint{Address: "127.0.0.1", Port: 40000, Principal: r.Source.Principal}
	}
	if r.Target.Address == "" {
		r.Target = policycases.Endpoint{Address: "127.81.0.1", Port: envoyrunner.Port}
	}
	return r
}

// suite is one that compiles and has cases.
type suite struct {
	policycases.Suite
}

func compiling(t *testing.T) (out []suite) {
	suites, err := loadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range suites {
		if policy, _ := rego.Compile(s.Model()); policy != nil && len(s.Cases) > 0 {
			out = append(out, s)
		}
	}
	return out
}

func loadAll() (out []suite, err error) {
	suites, err := policycases.Load(".")
	for _, s := range suites {
		out = append(out, suite{s})
	}
	return out, err
}

// unit serves the ports that the cases call.
func (s suite) unit(p model.RegoPolicy) envoyrunner.Unit {
	u := envoyrunner.Unit{Rego: []model.RegoPolicy{p}}
	for _, a := range s.AttributeSets() {
		u.Attributes = append(u.Attributes, *a)
	}
	seen := map[uint32]bool{}
	for _, c := range s.Cases {
		if n := c.Request.Target.Port; n != 0 && !seen[n] && c.NotThroughEnvoy == "" {
			seen[n] = true
			u.Ports = append(u.Ports, n)
		}
	}
	return u
}
