package model

import (
	"strings"
	"testing"
)

const aDigest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestAModulesURLIsWrittenInOneWay(t *testing.T) {
	for in, want := range map[string]string{
		"builtin:headers":                       "builtin:headers",
		"./x.wasm":                              "file://./x.wasm",
		"file:///opt/x.wasm":                    "file:///opt/x.wasm",
		"https://Example.COM:443/a/x.wasm?v=1":  "https://example.com/a/x.wasm?v=1",
		"oci://host:443/f:v1":                   "oci://host:443/f:v1",
		"http://example.com:80/x.wasm":          "http://example.com/x.wasm",
		"oci://registry.example.com/team/f":     "oci://registry.example.com/team/f:latest",
		"oci://Registry.example.com:443/f:v1":   "oci://registry.example.com/f:v1",
		"oci://registry.example.com:5000/f:v1":  "oci://registry.example.com:5000/f:v1",
		"oci://localhost/f:v1":                  "oci://localhost/f:v1",
		"oci://127.0.0.1:5000/f:v1":             "oci://127.0.0.1:5000/f:v1",
		"oci://[::1]:5000/f:v1":                 "oci://[::1]:5000/f:v1",
		"oci://team/f":                          "oci://docker.io/team/f:latest",
		"oci://f:v2":                            "oci://docker.io/library/f:v2",
		"oci://r.example.com/f@" + aDigest:      "oci://r.example.com/f@" + aDigest,
		"oci://r.example.com/f:v1@" + aDigest:   "oci://r.example.com/f:v1@" + aDigest,
		"oci://r.example.com/a__b/c-d/e.f:v1_2": "oci://r.example.com/a__b/c-d/e.f:v1_2",
	} {
		u, err := ParseModuleURL(in)
		if err != nil || u.String() != want {
			t.Errorf("%s: got %s, %v, want %s", in, u, err, want)
		}
	}
}

func TestURLsThatAreNone(t *testing.T) {
	for in, want := range map[string]string{
		"": "names no file", "file://": "names no file", "ftp://x/y": "not from", "https://": "no host", "https:///x": "no host",
		"https://user:secret@example.com/x": "pull Secret", "https://example.com/x#y": "fragment",
		"https://example.com/a/../b": "/../", "https://example.com/a/%2e%2e/b": "/../", "https://example.com//b": "//",
		"https://exa mple.com/x": "no URL", "https://example.com:x/y": "no URL", "oci://r.example.com/UP:v1": "no repository",
		"oci://r.example.com/a/../b:v1": "no repository", "oci://r.example.com/f:v 1": "no tag", "oci://r.example.com/f@sha256:12": "64",
		"oci://": "no repository", "oci://r.example.com/": "no repository", "oci://r.example.com:99999999/f": "no host", "https://example.com./x": "no host",
	} {
		if u, err := ParseModuleURL(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want %q", in, u, err, want)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error tells the password: %v", in, err)
		}
	}
}

func TestTheLongestRuleCounts(t *testing.T) {
	p := &ModulePolicy{Signatures: []SignatureRule{
		{URL: "", Keys: []string{"all"}},
		{URL: "oci://", Keys: []string{"oci"}},
		{URL: "oci://r.example.com", Keys: []string{"host"}},
		{URL: "oci://r.example.com/team/", Keys: []string{"team"}},
		{URL: "oci://r.example.com/team/old", Unsigned: true},
		{URL: "file:///opt/filters", Keys: []string{"files"}},
	}}
	for in, want := range map[string]string{
		"https://example.com/x.wasm":           "all",
		"oci://other.example.com/team/f":       "oci",
		"oci://r.example.com/f:v1":             "host",
		"oci://R.example.com:443/f:v1":         "host",
		"oci://r.example.com:8443/f:v1":        "oci",
		"oci://r.example.com/team/f:v1":        "team",
		"oci://r.example.com/team-evil/f:v1":   "host",
		"oci://r.example.com/team/old:v1":      "",
		"oci://r.example.com/team/old/x:v1":    "",
		"oci://r.example.com/team/older:v1":    "team",
		"file:///opt/filters/x.wasm":           "files",
		"file:///opt/filters-of-mine/x.wasm":   "all",
		"oci://r.example.com.evil.org/team/f1": "oci",
	} {
		u, err := ParseModuleURL(in)
		if err != nil {
			t.Fatal(err)
		}
		r := p.RuleOf(u)
		if got := strings.Join(r.Keys, ","); got != want {
			t.Errorf("%s goes by the rule of %q, want %q", in, got, want)
		}
	}
	if (*ModulePolicy)(nil).RuleOf(ModuleURL{Scheme: "oci"}) != nil || p.RuleOf(ModuleURL{Scheme: "builtin"}) != nil {
		t.Error("there is a rule where none can be")
	}
	for _, bad := range []string{"oci:r", "ftp://x", "file://x", "oci://r.example.com/f:v1", "https://e.com/a/../b", "oci://e.com/f@" + aDigest} {
		if _, _, _, err := ParseRuleURL(bad); err == nil {
			t.Errorf("%s is taken for a rule's URL", bad)
		}
	}
}

func FuzzModuleURL(f *testing.F) {
	for _, s := range []string{"oci://r.example.com/f:v1", "https://a/b?c", "builtin:x", "file:///a", "oci://a@sha256:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseModuleURL(text)
		if err != nil {
			return
		}
		again, err := ParseModuleURL(u.String())
		if err != nil || again != u {
			t.Errorf("%q is %+v, and that is read as %+v, %v", text, u, again, err)
		}
	})
}
