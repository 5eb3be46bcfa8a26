package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

func TestADeniedRequestNamesPolicyAndRule(t *testing.T) {
	m := shared.get(t)
	a := mustAsk(t, "DELETE", m.Gateway+"/api/v1/products/0", "")
	if a.status != 403 {
		t.Fatalf("DELETE answers %d, want 403", a.status)
	}
	file := filepath.Join(m.StateDir(t), "collector", "telemetry.jsonl")
	harness.Until(t, 20*time.Second, "the record of the refusal", func() error {
		records, _ := harness.ReadTelemetry(t, file)
		for _, r := range records {
			at := r.Attributes
			if r.Scope != "requests" || at["krater.proxy"] != "default/productpage-v1" || at["http.request.method"] != "DELETE" || at["krater.direction"] != "inbound" {
				continue
			}
			return wantAttributes(at, map[string]string{
				"http.response.status_code":   "403",
				"krater.decision.policy":      "AuthorizationPolicy default/catalogue-is-read-only",
				"krater.decision.rule":        "AuthorizationPolicy/default/catalogue-is-read-only/rule[0]",
				"krater.decision.placement":   "native",
				"krater.decision.allowed":     "false",
				"krater.source.workload":      "istio-ingressgateway",
				"krater.source.verified":      "true",
				"krater.source.principal":     "cluster.local/ns/istio-system/sa/istio-ingressgateway",
				"krater.destination.workload": "productpage-v1",
				"krater.attribute.product":    "0",
			})
		}
		return fmt.Errorf("%d records, none of it", len(records))
	})
}

func wantAttributes(have, want map[string]string) error {
	var wrong []string
	for k, v := range want {
		if have[k] != v {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", k, have[k], v))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%s\nin %v", strings.Join(wrong, "\n"), have)
	}
	return nil
}

func TestTheRateLimitAnswers429(t *testing.T) {
	m := shared.get(t)
	refused := 0
	var last answer
	for range 8 {
		if last = mustAsk(t, "GET", m.Gateway+"/api/v1/products", "", "x-demo-client: e2e"); last.status == 429 {
			refused++
		}
	}
	if refused != 3 {
		t.Errorf("of 8 requests %d were refused, want 3", refused)
	}
	file := filepath.Join(m.StateDir(t), "collector", "telemetry.jsonl")
	harness.Until(t, 20*time.Second, "the record of the limit", func() error {
		records, _ := harness.ReadTelemetry(t, file)
		for _, r := range records {
			if r.Scope == "requests" && r.Attributes["http.response.status_code"] == "429" && r.Attributes["krater.direction"] == "inbound" {
				return wantAttributes(r.Attributes, map[string]string{
					"krater.limit":              "default/productpage/per-demo-client",
					"krater.decision.policy":    "RateLimit default/productpage",
					"krater.decision.placement": "native",
				})
			}
		}
		return fmt.Errorf("%d records, none of it", len(records))
	})
	if a := mustAsk(t, "GET", m.Gateway+"/api/v1/products", "", "x-demo-client: another"); a.status != 200 {
		t.Errorf("another client got %d, want 200: each name has a bucket of its own", a.status)
	}
}

const ratings = "/api/v1/products/0/ratings"

func TestARegoEditChangesTheAnswer(t *testing.T) {
	m := shared.get(t)
	m.Restore(t, "policy/ratings.rego.yaml")
	post := func() (answer, error) {
		return ask("POST", m.Gateway+ratings, `{"Agathon": 5}`, "end-user: helen")
	}
	a, err := post()
	if err != nil || a.status != 403 || !strings.Contains(a.body, "only editors") || a.header.Get("x-bookinfo-refused") != "ratings-editors" {
		t.Fatalf("helen got %d %q (%v), want the policy's 403", a.status, a.body, err)
	}
	m.Edit(t, "policy/ratings.rego.yaml", "editors: [jason]", "editors: [jason, helen]")
	wantStatus(t, 10*time.Second, 200, "POST", m.Gateway+ratings, `{"Agathon": 5}`, "end-user: helen")
	m.Edit(t, "policy/ratings.rego.yaml", "editors: [jason, helen]", "editors: [jason]")
	wantStatus(t, 10*time.Second, 403, "POST", m.Gateway+ratings, `{"Agathon": 5}`, "end-user: helen")
}

func TestABrokenEditChangesNothingAndShows(t *testing.T) {
	m := shared.get(t)
	for _, c := range []struct{ name, file, old, new, want string }{
		{"yaml", "reviews.yaml", "kind: VirtualService", "kind: [VirtualService", "reviews.yaml"},
		{"field", "reviews.yaml", "exact: jason", "exakt: jason", "exakt"},
		{"rego", "policy/ratings.rego.yaml", "default allowed := false", "default allowed := := false", "ratings.rego"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.Restore(t, c.file)
			harness.Until(t, 10*time.Second, "the good file to be in force", func() error { // else what is there of a test before is the last good
				if got := version(mustAsk(t, "GET", m.Gateway+reviews, "", "end-user: jason").body); got != "v2" {
					return fmt.Errorf("jason got %s", got)
				}
				return nil
			})
			m.Edit(t, c.file, c.old, c.new)
			harness.Until(t, 10*time.Second, "the problem to show", func() error {
				out, code := m.Krater(t, "status")
				if !strings.Contains(out, c.want) || code != 1 {
					return fmt.Errorf("exit code %d:\n%s", code, out)
				}
				return nil
			})
			if got := version(mustAsk(t, "GET", m.Gateway+reviews, "", "end-user: jason").body); got != "v2" {
				t.Errorf("jason got %s, want still v2", got)
			}
			if a := mustAsk(t, "POST", m.Gateway+ratings, "{}", "end-user: helen"); a.status != 403 {
				t.Errorf("helen got %d, want still 403", a.status)
			}
			m.Edit(t, c.file, c.new, c.old)
			harness.Until(t, 10*time.Second, "the problem to go", func() error {
				if out, code := m.Krater(t, "status"); code != 0 {
					return fmt.Errorf("exit code %d:\n%s", code, out)
				}
				return nil
			})
		})
	}
}
