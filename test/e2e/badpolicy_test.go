package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// The policies of TestBadPoliciesDenyAfterARestart; each is about one workload
// of its own, but "wide", whose selector nobody can read.
const badPolicies = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: paths}
spec:
  selector: {matchLabels: {app: two}}
  action: ALLOW
  rules: [{to: [{operation: {pathz: ["/"]}}]}]
---
apiVersion: krater.dev/v1alpha1
kind: RegoPolicy
metadata: {name: rego}
spec:
  selector: {matchLabels: {app: three}}
  query: data.p.allow
  modules: [{source: "package p\n\nallow :=\n"}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: wide, namespace: other}
spec:
  selector: {matchLabelz: {app: five}}
  action: DENY
  rules: [{to: [{operation: {paths: ["/secret"]}}]}]
`

const goodPolicy = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: edited}
spec:
  selector: {matchLabels: {app: four}}
  action: DENY
  rules: [{to: [{operation: {paths: ["/secret"]}}]}]
`

// A policy that is bad and never was good denies what it selects, or its
// namespace; one that was good stays as it was. A restart changes neither.
func TestBadPoliciesDenyAfterARestart(t *testing.T) {
	m := small(t, "tiny")
	workloads := ""
	for i, name := range []string{"two", "three", "four", "five"} {
		namespace := "default"
		if name == "five" {
			namespace = "other"
		}
		workloads += fmt.Sprintf("  - name: %s\n    namespace: %s\n    labels: {app: %s}\n    command: [testapp, %s]\n    address: 127.80.0.%d\n    ports: [{name: http, port: 8080, protocol: HTTP}]\n", name, namespace, name, name, i+2)
	}
	m.Edit(t, "mesh.yaml", "  workloads:\n", "  workloads:\n"+strings.ReplaceAll(workloads, "127.80.", m.Network+"."))
	m.Add(t, "bad.yaml", badPolicies)
	m.Add(t, "edited.yaml", goodPolicy)
	m.Start(t)
	at := func(n int, path string) string { return fmt.Sprintf("http://%s.0.%d:8080%s", m.Network, n, path) }
	decided := func(when string) {
		t.Helper()
		for _, c := range []struct {
			n      int
			path   string
			status int
		}{{1, "/", 200}, {2, "/", 403}, {3, "/", 403}, {4, "/", 200}, {4, "/secret", 403}, {5, "/", 403}} {
			if a := mustAsk(t, "GET", at(c.n, c.path), ""); a.status != c.status {
				t.Errorf("%s: workload %d answers %s with %d, want %d", when, c.n, c.path, a.status, c.status)
			}
		}
	}
	decided("at first")
	m.Edit(t, "edited.yaml", "paths:", "pathz:")
	harness.Until(t, 10*time.Second, "the problem to show", func() error {
		if out, _ := m.Krater(t, "status"); !strings.Contains(out, "pathz") || !strings.Contains(out, "edited") {
			return fmt.Errorf("status:\n%s", out)
		}
		return nil
	})
	decided("after the edit")
	m.Stop(t)
	m.Log = &harness.Buffer{}
	m.Start(t)
	decided("after a restart")
	m.Edit(t, "bad.yaml", "pathz:", "paths:")
	wantStatus(t, 10*time.Second, 200, "GET", at(2, "/"), "")
}
