package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// manual gives the manual's block that has a text.
func manual(t *testing.T, file, info, has string) string {
	t.Helper()
	for _, b := range blocks(t) {
		if b.file == file && b.info == info && strings.Contains(b.text, has) {
			return b.text
		}
	}
	t.Fatalf("%s has no block %s with %s", file, info, has)
	return ""
}

// TestOnlyProductpageCallsReviews adds the manual's policy to the running mesh:
// explanations say what the manual shows, and callers get it.
func TestOnlyProductpageCallsReviews(t *testing.T) {
	m := shared.get(t)
	m.Add(t, "callers.yaml", manual(t, "policies.md", "yaml", "only-productpage-calls-reviews")+"---\n"+manual(t, "telemetry.md", "yaml", "krater_calls_total"))
	t.Cleanup(func() { _ = os.Remove(filepath.Join(m.Dir, "callers.yaml")) })
	told := ""
	for line := range strings.Lines(manual(t, "policies.md", "console callers", "krater explain")) {
		if command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ krater "); ok {
			told, _ = m.Krater(t, strings.Fields(strings.Replace(command, " mesh ", " "+m.Dir+" ", 1))...)
		} else if !strings.Contains(told, line) {
			t.Errorf("the manual has %q, which is not in\n%s", line, told)
		}
	}
	addresses := addressesOf(t, m)
	reviews := "http://" + addresses["reviews-v1"] + ":9080/reviews/0"
	harness.Until(t, 30*time.Second, "the policy to hold", func() error {
		res, err := http.Get(reviews) // nobody, in plain text
		if err != nil {
			return err
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			return fmt.Errorf("a caller in plain text gets %d", res.StatusCode)
		}
		return nil
	})
	for caller, want := range map[string]int{"productpage-v1": 200, "details-v1": 403, "ratings-v1": 403} {
		a, err := askThrough("http://"+addresses[caller]+":15001", "GET", "http://reviews:9080/reviews/0", []string{"x-krater-peer: lies"})
		if err != nil || a.status != want {
			t.Errorf("%s gets %d, %v; want %d", caller, a.status, err, want)
		}
	}
	file := filepath.Join(m.StateDir(t), "collector", "telemetry.jsonl")
	harness.Until(t, 20*time.Second, "the record of the refusal", func() error {
		records, _ := harness.ReadTelemetry(t, file)
		for _, r := range records {
			at := r.Attributes
			if r.Scope == "requests" && at["krater.source.workload"] == "details-v1" && at["http.response.status_code"] == "403" && at["krater.direction"] == "inbound" {
				return wantAttributes(at, map[string]string{
					"krater.source.verified": "true", "krater.source.principal": "cluster.local/ns/default/sa/bookinfo-details",
					"krater.source.version": "v1", "krater.decision.rule": "implicit-deny",
				})
			}
		}
		return fmt.Errorf("%d records, none of it", len(records))
	})
}

// addressesOf are the workloads' addresses, by name.
func addressesOf(t *testing.T, m *harness.Mesh) map[string]string {
	t.Helper()
	var status struct {
		Proxies []struct{ ID, Address string }
	}
	m.KraterJSON(t, &status, "status", "-o", "json")
	out := map[string]string{}
	for _, p := range status.Proxies {
		_, name, _ := strings.Cut(p.ID, "/")
		out[name] = p.Address
	}
	return out
}
