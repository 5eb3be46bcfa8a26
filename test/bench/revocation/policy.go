package main

import (
	"fmt"
	"strings"
)

// policy is a RegoPolicy that looks its callers up in data; a caller whose role
// is "" is not there. more are lines of its spec.
func policy(app, more, data string) string {
	return fmt.Sprintf(`apiVersion: krater.dev/v1alpha1
kind: RegoPolicy
metadata: {name: %[1]s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  query: data.rights.allow
  timeout: 1s
%[2]s  modules:
  - name: rights.rego
    source: |
      package rights
      import input.attributes.request.http
      default allow := false
      user := data.users[http.headers["x-user"]]
      allow if user.role == "admin"
      allow if { user.role == "reader"; http.method == "GET" }
  data: %[3]s
`, app, more, data)
}

// users is a document of so many users, all of them with some role; "odd" has
// the role that is given.
func users(n int, role string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"users": {"odd": {"role": %q}`, role)
	for i := range n - 1 {
		fmt.Fprintf(&b, `, "user-%06d": {"role": %q, "team": "t%d"}`, i, []string{"admin", "editor", "reader"}[i%3], i%7)
	}
	b.WriteString("}}")
	return b.String()
}

// placement is who decides, and where: the addresses of its proxies.
type placement struct {
	name, says string
	spec       string
	hosts      []int // the last number of their addresses
}

var placements = []placement{
	{"native", "by the proxy", "", []int{2, 3}},
	{"kept", "by policyd, kept by the proxies' Wasm filter", "  lower: Never\n  cache: {allow: 1h}\n", []int{4, 5}},
	{"asked", "by policyd, each time", "  lower: Never\n", []int{6, 7}},
}
