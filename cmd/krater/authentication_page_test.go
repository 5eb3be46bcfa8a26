package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheAuthenticationPageIsTrue runs the page's commands beside its first
// object: each line of the text behind one is part of what it prints.
func TestTheAuthenticationPageIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/authentication.md")
	if err != nil {
		t.Fatal(err)
	}
	var object string
	var command []string
	ran := 0
	for _, m := range regexp.MustCompile("(?ms)^```(yaml|sh|text)(?: tokens)?\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		switch m[1] {
		case "yaml":
			if object == "" {
				object = filepath.Join(t.TempDir(), "tokens.yaml")
				if err := os.WriteFile(object, []byte(m[2]), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		case "sh":
			command = strings.Fields(strings.TrimPrefix(m[2], "krater "))
			for i, word := range command {
				switch word {
				case "tokens.yaml":
					command[i] = object
				case "samples/bookinfo":
					command[i] = "../../samples/bookinfo"
				}
			}
		case "text":
			var out bytes.Buffer
			root := newRoot()
			root.SetOut(&out)
			root.SetArgs(command)
			if err := root.Execute(); err != nil {
				t.Fatalf("%v: %v", command, err)
			}
			ran++
			for _, line := range strings.Split(strings.TrimSpace(m[2]), "\n") {
				if !strings.Contains(out.String(), line) {
					t.Errorf("%q is not in:\n%s", line, out.String())
				}
			}
			if strings.Contains(out.String(), command[len(command)-1]) {
				t.Error("the token is printed")
			}
		}
	}
	if ran != 2 {
		t.Errorf("%d commands were run", ran)
	}
}
