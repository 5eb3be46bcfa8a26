package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
)

// TestOneEntryOfAHundredThousand takes the right of one caller among so many.
// How long that takes is the machine's: `make bench-revocation` measures it.
func TestOneEntryOfAHundredThousand(t *testing.T) {
	m := shared.get(t)
	var entries strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&entries, `, "user-%06d": {"role": %q, "team": "t%d"}`, i, []string{"admin", "editor", "reader"}[i%3], i%7)
	}
	policy := func(role string) string {
		return `apiVersion: krater.dev/v1alpha1
kind: RegoPolicy
metadata: {name: many}
spec:
  selector: {matchLabels: {app: details}}
  query: data.many.allow
  timeout: 1s
  modules:
  - name: many.rego
    source: |
      package many
      import input.attributes.request.http
      default allow := false
      user := data.users[http.headers["end-user"]]
      allow if user.role == "admin"
      allow if { user.role == "reader"; http.method == "GET" }
  data: {"users": {"odd": {"role": "` + role + `"}` + entries.String() + "}}\n"
	}
	m.Add(t, "many.yaml", policy("admin"))
	t.Cleanup(func() { _ = os.Remove(filepath.Join(m.Dir, "many.yaml")) })
	const path = "/api/v1/products/0"
	answers := func(user string, want int) {
		t.Helper()
		wantStatus(t, 30*time.Second, want, "GET", m.Gateway+path, "", "end-user: "+user)
	}
	answers("odd", 200)
	answers("nobody", 403)
	answers("user-000001", 403)
	answers("user-000002", 200)
	began := m.Edit(t, "many.yaml", `"odd": {"role": "admin"}`, `"odd": {"role": "nobody"}`)
	harness.Until(t, 30*time.Second, "the entry's edit to be in effect", func() error {
		if a := mustAsk(t, "GET", m.Gateway+path, "", "end-user: odd"); a.status != 403 {
			return fmt.Errorf("answered %d", a.status)
		}
		return nil
	})
	t.Logf("one entry of 100,000 was in effect after %s", time.Since(began).Round(time.Millisecond))
	answers("user-000002", 200)
}
