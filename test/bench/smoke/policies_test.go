package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A variant that changed nothing would measure the same thing twice.
func TestVariantsDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, v := range variants {
		all := ""
		for _, name := range []string{"mesh.yaml", "telemetry.yaml"} {
			text, err := os.ReadFile(filepath.Join("..", "testdata", "policies", name))
			if err != nil {
				t.Fatal(err)
			}
			all += v.edit(name, string(text))
		}
		if other, ok := seen[all]; ok {
			t.Errorf("%s and %s are the same mesh", v.name, other)
		}
		seen[all] = v.name
	}
}

// The last of twenty rules is the one that the requests meet.
func TestPoliciesHaveTwentyRules(t *testing.T) {
	for file, rule := range map[string]string{"native.yaml": "paths: [", "rego.yaml": "allow if"} {
		text, err := os.ReadFile(filepath.Join("..", "testdata", "policies", file))
		if err != nil {
			t.Fatal(err)
		}
		last := text[strings.LastIndex(string(text), rule):]
		if n := strings.Count(string(text), rule); n != 20 || !strings.Contains(string(last), `"/bench/20"`) {
			t.Errorf("%s has %d rules, and the last is %s", file, n, last)
		}
	}
}
