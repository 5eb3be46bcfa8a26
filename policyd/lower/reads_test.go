package lower_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/lower"
)

// TestReads: whatever an answer may depend on is among what a policy reads, in
// what is lowered and in what is asked about; a kept answer's key is made of it.
func TestReads(t *testing.T) {
	const headers = "input.attributes.request.http.headers"
	for _, c := range []struct {
		name, rule string
		reads      string // the last names
		all        bool
		volatile   string
	}{
		{"an equality", `allow if h["x-a"] == "1"`, "x-a", false, ""},
		{"what is tested only after another", `allow if { h["x-a"] == "1"; h["x-b"] }`, "x-a x-b", false, ""},
		{"both sides of what is asked", `allow if contains(h["x-a"], h["x-b"])`, "x-a x-b", false, ""},
		{"the arguments of what is not understood", `allow if indexof(h["x-a"], h["x-b"]) == 1`, "x-a x-b", false, ""},
		{"a function's argument", "allow if f(h[\"x-a\"], h[\"x-b\"])\nf(x, _) if x == \"1\"", "x-a x-b", false, ""},
		{"a key of data", `allow if data.roles[h["x-a"]] == "admin"`, "x-a", false, ""},
		{"under a negation", `allow if not h["x-a"] == "1"`, "x-a", false, ""},
		{"in a comprehension", `allow if count([1 | h["x-a"] == "1"; reverse(h["x-b"])]) == 1`, "x-a x-b", false, ""},
		{"the clock", `allow if time.now_ns() > 5`, "", false, "time.now_ns"},
		{"the clock behind what is asked", `allow if { indexof(h["x-a"], "x") == 1; time.now_ns() > 5 }`, "x-a", false, "time.now_ns"},
		{"randomness", `allow if rand.intn(h["x-a"], 2) == 1`, "x-a", false, "rand.intn"},
		{"the whole input", `allow if count(input) == 1`, "", true, ""},
		{"a key that the request names", `allow if h[h["x-a"]] == "1"`, "x-a", true, ""},
		{"a part that is gone through", `allow if { some k; h[k] == "1" }`, "", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			rule := strings.ReplaceAll(c.rule, "h[", headers+"[")
			rule = strings.ReplaceAll(rule, "reverse(", "strings.reverse(")
			l := lower.Policy(model.RegoPolicy{Query: "data.p.allow", Failure: model.FailClosed, Data: `{"roles": {"anna": "admin"}}`,
				Modules: []model.RegoModule{{Name: "p.rego", Source: "package p\n\ndefault allow := false\n\n" + rule + "\n"}}}, nil)
			if l == nil {
				t.Fatal("it does not compile")
			}
			var reads []string
			for _, r := range l.Reads {
				if strings.HasPrefix(r.Ref, headers+"[") {
					reads = append(reads, strings.Trim(strings.TrimPrefix(r.Ref, headers), `[]"`))
				}
			}
			slices.Sort(reads)
			if have := strings.Join(reads, " "); have != c.reads || l.ReadsAll != c.all {
				t.Errorf("it reads %q, all: %v; want %q, all: %v", have, l.ReadsAll, c.reads, c.all)
			}
			if have := strings.Join(l.Volatile, " "); have != c.volatile {
				t.Errorf("it calls %q, want %q", have, c.volatile)
			}
		})
	}
}
