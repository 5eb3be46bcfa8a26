package policytest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd/rego"
)

const suite = `
policy:
  query: data.p.allow
  modules:
  - source: |
      package p
      default allow := false
      allow if input.attributes.request.http.method == "GET"
cases:
- name: reads
  request: {path: /}
  want: {allowed: true}
- name: writes
  request: {method: POST, path: /}
  want: {allowed: false, status: 403}
`

func read(t *testing.T, text string) Suite {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cases.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, is, err := Read(file)
	if err != nil || !is {
		t.Fatalf("read: %v, is a suite: %v", err, is)
	}
	return s
}

// TestAProxyThatDisagreesIsAnError: whatever the case wants.
func TestAProxyThatDisagreesIsAnError(t *testing.T) {
	lower := func(model.RegoPolicy) *model.Lowered {
		return &model.Lowered{Rules: []model.LoweredRule{{Rule: "p.rego:3"}, {Rule: "never"}}}
	}
	for name, c := range map[string]struct {
		native Native
		passed int
		why    string
	}{
		"it asks":               {Native{Verdict: model.VerdictAsk}, 2, ""},
		"it always allows":      {Native{Verdict: model.VerdictAllow, Rule: "p.rego:3"}, 1, "says allow, OPA allowed=false: this is a bug"},
		"it denies":             {Native{Verdict: model.VerdictDeny, Rule: "p.rego:3"}, 1, "says deny, OPA allowed=true: this is a bug"},
		"it denies with a body": {Native{Verdict: model.VerdictDeny, Rule: "p.rego:3", Answer: model.LoweredAnswer{Status: 403, Body: "no"}}, 0, "another answer than OPA's"},
		"it denies by a status": {Native{Verdict: model.VerdictDeny, Rule: "p.rego:3", Answer: model.LoweredAnswer{Status: 401}}, 0, "denies with 401"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Report{Coverage: &Coverage{}}
			o := Options{Lower: lower, Decide: func(*model.Lowered, rego.Request, map[string]any) Native { return c.native }, Coverage: true}
			if err := r.Run(context.Background(), read(t, suite), o); err != nil {
				t.Fatal(err)
			}
			r.Finish()
			var text strings.Builder
			if err := r.Text(&text, true); err != nil {
				t.Fatal(err)
			}
			if r.Passed != c.passed || !strings.Contains(text.String(), c.why) {
				t.Errorf("%d passed, not %d; %q is looked for in\n%s", r.Passed, c.passed, c.why, text.String())
			}
			if r.Coverage.Percent != 100 || len(r.Coverage.Rules) != 2 || r.Coverage.Rules[1].Cases != 0 {
				t.Errorf("coverage: %+v", r.Coverage)
			}
		})
	}
}

func TestReadTellsSuitesFromOtherFiles(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"kind: RegoPolicy\npolicy: {}\ncases: []\n": "not",
		"a: b\n": "not",
		"policy: {object: a/b}\ncases: []\n---\n":                "not",
		"policy: {}\ncases: [{name: x}]\n":                       "policy has an object",
		"policy: {object: a/b}\ncases: [{name: x}, {name: x}]\n": "a name of its own",
		"policy: {object: a/b}\ncases: [{name: x, nam: y}]\n":    "unknown field",
		"policy: {object: a/b}\ncases: [{name: x}]\n":            "",
	} {
		file := filepath.Join(dir, "f.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, is, err := Read(file)
		switch {
		case want == "not" && (is || err != nil), want == "" && (!is || err != nil):
			t.Errorf("%q: is a suite %v, %v", text, is, err)
		case want != "" && want != "not" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, not %q", text, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(suite)
	f.Add("policy: {object: a/b}\ntests: [x]\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, _ = Read(file)
	})
}
