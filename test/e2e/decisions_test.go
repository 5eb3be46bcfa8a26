package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/telemetry/decisionstore"
	"github.com/krater-mesh/krater/test/harness"
)

// decided is a request to the mesh of testdata/decisions, and who decides it.
type decided struct {
	name     string
	id, path string // an id that is no UUID is never traced
	headers  []string
	status   int
	// The identity of what settled it.
	policy, rule, place string
	// events are the rules that the log of decisions has, with their placement
	// and verdict.
	events []string
	shadow bool // it would have been denied
}

var decisions = []decided{
	{
		name: "is-asked", id: "6ba7b810-9dad-41d1-80b4-00c04fd43000", path: "/ok", headers: []string{"x-user: anna", "x-role: admin", "x-badge: silver"}, status: 200,
		policy: "RegoPolicy default/roles", rule: "data.roles.allow", place: "daemon", shadow: true,
		events: []string{"RegoPolicy default/roles daemon true", "RegoPolicy default/banned daemon true", "RegoPolicy default/strict native false shadow"},
	},
	{
		name: "is-kept", id: "6ba7b810-9dad-41d1-80b4-00c04fd43004", path: "/ok", headers: []string{"x-user: anna", "x-role: admin", "x-badge: silver"}, status: 200,
		policy: "RegoPolicy default/roles", rule: "RegoPolicy/default/roles/cached", place: "wasm", shadow: true,
		events: []string{"RegoPolicy default/banned native true", "RegoPolicy default/roles wasm true", "RegoPolicy default/strict native false shadow"},
	},
	{
		name: "is-denied-by-asking", id: "6ba7b810-9dad-41d1-80b4-00c04fd43001", path: "/ok", headers: []string{"x-user: anna", "x-role: guest", "x-badge: gold"}, status: 403,
		policy: "RegoPolicy default/roles", rule: "data.roles.allow", place: "daemon",
		events: []string{"RegoPolicy default/roles daemon false", "RegoPolicy default/strict native true shadow"},
	},
	{
		name: "is-denied-natively", id: "6ba7b810-9dad-41d1-80b4-00c04fd43002", path: "/ok", headers: []string{"x-user: mallory", "x-role: admin"}, status: 403,
		policy: "RegoPolicy default/banned", place: "native", shadow: true,
		events: []string{"RegoPolicy default/banned native false", "RegoPolicy default/strict native false shadow"},
	},
	{
		name: "is-denied-by-a-rule", id: "6ba7b810-9dad-41d1-80b4-00c04fd43003", path: "/forbidden/1", headers: []string{"x-user: anna"}, status: 403,
		policy: "AuthorizationPolicy default/forbidden", rule: "AuthorizationPolicy/default/forbidden/rule[0]", place: "native",
		events: []string{"AuthorizationPolicy default/forbidden native false"},
	},
}

// TestEachDecisionIsToldOfAlikeEverywhere sends requests that are decided in
// each way, and finds the same identity in the answer, the record, the span,
// both forms of the log of decisions, krater explain and the shadow report.
func TestEachDecisionIsToldOfAlikeEverywhere(t *testing.T) {
	m := small(t, "decisions")
	m.Start(t)
	caller, url := "http://"+m.Network+".0.1:15001", "http://orders:8080"
	for _, d := range decisions {
		a, err := askThrough(caller, "GET", url+d.path, append(d.headers, "x-request-id: "+d.id))
		if err != nil || a.status != d.status {
			t.Fatalf("%s is answered %d, %v; want %d", d.id, a.status, err, d.status)
		}
		d.answered(t, a)
	}
	dir := filepath.Join(m.StateDir(t), "collector")
	for _, d := range decisions {
		t.Run(d.name, func(t *testing.T) {
			harness.Until(t, 20*time.Second, "its record and span", func() error { return d.recorded(t, filepath.Join(dir, "telemetry.jsonl")) })
			harness.Until(t, 20*time.Second, "its events", func() error { return d.logged(filepath.Join(dir, "events.jsonl")) })
			out, _ := m.Krater(t, "explain", "--request-id", d.id, m.Dir)
			for _, want := range []string{d.policy, d.rule, fmt.Sprintf("→ %d", d.status)} {
				if !strings.Contains(out, want) {
					t.Errorf("krater explain does not say %q:\n%s", want, out)
				}
			}
			if d.shadow != strings.Contains(out, "default/strict would have denied it") {
				t.Errorf("shadow %v, but krater explain says\n%s", d.shadow, out)
			}
		})
	}
	var report decisionstore.ShadowReport
	m.KraterJSON(t, &report, "policy", "shadow-report", m.Dir, "-o", "json")
	if len(report.Policies) != 1 || report.Policies[0].Policy != "RegoPolicy default/strict" || report.Policies[0].Denied != 3 {
		t.Errorf("the shadow report is %+v", report.Policies)
	}
	text, err := os.ReadFile(filepath.Join(dir, "events.jsonl"))
	if err != nil || strings.Contains(string(text), "silver") || !strings.Contains(string(text), "(hidden)") {
		t.Errorf("the log of decisions is not masked: %v\n%s", err, text)
	}
	out, code := m.Krater(t, "policy", "replay", "--policy", "default/roles", "--mesh", m.Dir, "--running", m.Dir)
	if code != 0 || !strings.Contains(out, "RegoPolicy default/roles: 4 same, 0 changed, 0 unknown") && !strings.Contains(out, "RegoPolicy default/roles: 3 same, 0 changed, 0 unknown") {
		t.Errorf("replay of the same policy exits with %d:\n%s", code, out)
	}
}

// answered looks for the policy in the denial itself, as the mesh wants it.
func (d decided) answered(t *testing.T, a answer) {
	t.Helper()
	by := a.header.Get(model.HeaderDeniedBy)
	kind, name, _ := strings.Cut(d.policy, " ")
	if d.status == 200 {
		if by != "" {
			t.Errorf("%s is allowed, and denied by %s", d.id, by)
		}
		return
	}
	if !strings.HasPrefix(by, kind+"/"+name+"/") || !strings.Contains(a.body, `"deniedBy":"`+by+`"`) {
		t.Errorf("%s is denied by %q, with the body %q; want %s", d.id, by, a.body, d.policy)
	}
}

// recorded looks for the record of the request at the server, and its span.
func (d decided) recorded(t *testing.T, file string) error {
	records, spans := harness.ReadTelemetry(t, file)
	want := map[string]string{"krater.decision.policy": d.policy, "krater.decision.allowed": fmt.Sprint(d.status == 200)}
	if d.rule != "" {
		want["krater.decision.rule"] = d.rule
	}
	want["krater.decision.placement"] = d.place
	found := false
	for _, r := range records {
		if r.Scope == "requests" && r.Attributes["krater.request_id"] == d.id && r.Attributes["krater.direction"] == "inbound" {
			found = true
			if err := wantAttributes(r.Attributes, want); err != nil {
				return fmt.Errorf("the record: %w", err)
			}
		}
	}
	if !found {
		return fmt.Errorf("%d records, none of it", len(records))
	}
	for _, s := range spans {
		if s.Attributes["guid:x-request-id"] == d.id && s.Service == "orders-1" && s.Attributes["krater.decision.policy"] != "" {
			return wantAttributes(s.Attributes, want)
		}
	}
	return fmt.Errorf("%d spans, none of the server's says who decided", len(spans))
}

// logged looks for the request's events in the form of OPA's.
func (d decided) logged(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	events, _ := model.ReadEvents(text)
	var got []string
	for _, e := range events {
		k := e.Custom.Krater
		if k.RequestID != d.id {
			continue
		}
		line := fmt.Sprintf("%s %s %v", k.Policy, k.Place, k.Allowed)
		if k.Shadow {
			line += " shadow"
		}
		got = append(got, line)
		if e.DecisionID == "" || k.Method != "GET" || k.URLPath != d.path || k.PolicySet == "" || k.Caller == "" {
			return fmt.Errorf("an event lacks its identity: %+v", e)
		}
		if strings.HasPrefix(k.Policy, "RegoPolicy") && len(k.Reads) != 1 {
			return fmt.Errorf("%s reads one header, not %q", k.Policy, k.Reads)
		}
	}
	for _, want := range d.events {
		found := false
		for _, line := range got {
			found = found || line == want
		}
		if !found {
			return fmt.Errorf("no event %q; there are %q", want, got)
		}
	}
	return nil
}
