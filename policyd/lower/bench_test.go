package lower

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
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

func bigPolicy(n, odd int) model.RegoPolicy {
	return policy("import input.attributes.request.http\ndefault allow := false\nuser := data.users[http.headers[\"x-a\"]]\n"+
		"allow if user.role == \"admin\"\nallow if { user.role == \"reader\"; http.method == \"GET\" }\n", users(n, odd))
}

// BenchmarkOneEntry lowers again after one entry of 100,000 changed: its goal
// is 100 ms.
func BenchmarkOneEntry(b *testing.B) {
	var k Kept
	policies := make([]model.RegoPolicy, b.N+1)
	for i := range policies {
		policies[i] = bigPolicy(100_000, i)
	}
	k.Policy(policies[0], nil)
	runtime.GC()
	before := cpu(b)
	b.ResetTimer()
	for i := range b.N {
		if l := k.Policy(policies[i+1], nil); len(l.Rules) == 0 {
			b.Fatal("nothing is lowered")
		}
	}
	b.ReportMetric(float64((cpu(b)-before).Milliseconds())/float64(b.N), "cpu-ms/op")
}

func TestOneEntry(t *testing.T) {
	var k Kept
	first, second := bigPolicy(10_000, 0), bigPolicy(10_000, 1)
	start := time.Now()
	k.Policy(first, nil)
	cold := time.Since(start)
	runtime.GC()
	start, before := time.Now(), cpu(t)
	l := k.Policy(second, nil)
	t.Logf("first %s, after one entry changed %s (%s of CPU); %d rules, %v", cold, time.Since(start), cpu(t)-before, len(l.Rules), l.Stops)
	fresh := Policy(second, nil)
	if model.Hash(l) != model.Hash(fresh) {
		t.Error("after a change it is not what it is from the start")
	}
}

// cpu is what the process has used.
func cpu(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
