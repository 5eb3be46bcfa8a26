package lower

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
)

// users is a data document of so many users, of whom one has a role of its own.
func users(n, odd int) string {
	var b strings.Builder
	b.WriteString(`{"users": {`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		role := []string{"admin", "editor", "reader"}[i%3]
		if i == odd {
			role = "auditor"
		}
		fmt.Fprintf(&b, `"user-%06d": {"role": %q, "team": "t%d"}`, i, role, i%7)
	}
	b.WriteString(`}}`)
	return b.String()
}

func bigPolicy(odd int) model.RegoPolicy {
	return policy("import input.attributes.request.http\ndefault allow := false\nuser := data.users[http.headers[\"x-a\"]]\n"+
		"allow if user.role == \"admin\"\nallow if { user.role == \"reader\"; http.method == \"GET\" }\n", users(100_000, odd))
}

// BenchmarkOneEntry lowers again after one entry of 100,000 changed: its goal
// is 100 ms.
func BenchmarkOneEntry(b *testing.B) {
	var k Kept
	policies := make([]model.RegoPolicy, b.N+1)
	for i := range policies {
		policies[i] = bigPolicy(i)
	}
	k.Policy(policies[0], nil)
	b.ResetTimer()
	for i := range b.N {
		if l := k.Policy(policies[i+1], nil); len(l.Rules) == 0 {
			b.Fatal("nothing is lowered")
		}
	}
}

func TestOneEntry(t *testing.T) {
	var k Kept
	first, second := bigPolicy(0), bigPolicy(1)
	start := time.Now()
	k.Policy(first, nil)
	cold := time.Since(start)
	start = time.Now()
	l := k.Policy(second, nil)
	t.Logf("first %s, after one entry changed %s; %d rules, %v", cold, time.Since(start), len(l.Rules), l.Stops)
	fresh := Policy(second, nil)
	if model.Hash(l) != model.Hash(fresh) {
		t.Error("after a change it is not what it is from the start")
	}
}
