package policycases_test

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
	"github.com/krater-mesh/krater/test/policycases"
	"github.com/krater-mesh/krater/test/policycases/envoyrunner"
	"github.com/krater-mesh/krater/xds/translate"
)

// TestCasesByEnvoy sends every case to a real Envoy twice: to the policy as it
// is lowered, and to its twin, which always asks. Both must give the answer
// that the case wants, and the very same one. What is lowered whole never asks.
func TestCasesByEnvoy(t *testing.T) {
	suites := compiling(t)
	r := envoyrunner.Start(t, translate.Options{})
	var units []envoyrunner.Unit
	for _, s := range suites {
		asked := s.Model()
		asked.Lower, asked.Lowered = model.LowerNever, nil
		units = append(units, s.unit(s.Model()), s.unit(asked))
	}
	for _, p := range r.Publish(units...) {
		if p.Severity == model.Error {
			t.Error(p)
		}
	}
	client := r.Client()
	sent := 0
	for i, s := range suites {
		t.Run(strings.TrimSuffix(s.File, ".yaml"), func(t *testing.T) {
			for _, c := range s.Cases {
				if c.NotThroughEnvoy != "" {
					continue
				}
				sent++
				t.Run(c.Name, func(t *testing.T) { throughEnvoy(t, client, 2*i, c) })
			}
		})
	}
	t.Logf("%d policies, %d cases", len(suites), sent)
}

func throughEnvoy(t *testing.T, client *envoyrunner.Client, unit int, c policycases.Case) {
	native, err := client.Send(unit, c.Request)
	if err != nil {
		t.Fatal(err)
	}
	if why := differs(c, native); why != "" {
		t.Errorf("asked %d times: %s", len(native.Asked), why)
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

// suite is one that compiles and has cases.
type suite struct {
	policycases.Suite
}

func compiling(t *testing.T) (out []suite) {
	suites, err := policycases.Load(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range suites {
		if policy, _ := rego.Compile(s.Model()); policy != nil && len(s.Cases) > 0 {
			out = append(out, suite{s})
		}
	}
	return out
}

// unit serves the ports that the cases call.
func (s suite) unit(p model.RegoPolicy) envoyrunner.Unit {
	u := envoyrunner.Unit{Rego: []model.RegoPolicy{p}}
	seen := map[uint32]bool{}
	for _, c := range s.Cases {
		if n := c.Request.Target.Port; n != 0 && !seen[n] && c.NotThroughEnvoy == "" {
			seen[n] = true
			u.Ports = append(u.Ports, n)
		}
	}
	return u
}
