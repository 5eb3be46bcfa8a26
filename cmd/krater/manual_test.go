package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// example is a block of docs/analyze.md: "```yaml CODE".
var example = regexp.MustCompile("(?ms)^```yaml ([A-Za-z0-9]+)\n(.*?)^```$")

// onlyRunning are codes that no configuration alone can show.
var onlyRunning = map[string]string{
	"KR0012": "a redacted attribute in a header needs a filter and a policy",
	"KR0013": "a proxy refuses", "KR0014": "there was an older version",
	"KR0024": "somebody asks for a certificate",
	"KR0027": "a module is there whose signature is wrong",
	"KR0028": "a module is being fetched", "KR0029": "a rollout went wrong", "KR0030": "a filter traps",
	"KR0031": "a filter's memory grows", "KR0032": "a filter does not return", "KR0033": "a proxy lacks a module",
	"KR0034": "a rollout waits",
	"KR0035": "requests are held",
}

// onlyInjecting are codes of `krater inject`; agent/inject/testdata has them.
var onlyInjecting = map[string]bool{"IST0107": true, "IST0108": true, "IST0144": true, "KR0023": true}

// TestEveryCodeHasAnExample runs each example of the manual beside the mesh
// that it names, and looks for its code, on a line of its file.
func TestEveryCodeHasAnExample(t *testing.T) {
	page, err := os.ReadFile("../../docs/analyze.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, mesh := map[string]string{}, ""
	for _, m := range example.FindAllStringSubmatch(string(page), -1) {
		if m[1] == "mesh" {
			mesh = m[2]
		} else {
			examples[m[1]] = m[2]
		}
	}
	for _, code := range codes(t) {
		if !strings.Contains(string(page), "\n| "+code+" |") {
			t.Errorf("docs/analyze.md has no row for %s", code)
		}
		if examples[code] == "" && onlyRunning[code] == "" && !onlyInjecting[code] {
			t.Errorf("docs/analyze.md has no example of %s", code)
		}
	}
	for code, text := range examples {
		t.Run(code, func(t *testing.T) {
			dir := t.TempDir()
			files := []string{filepath.Join(dir, "mesh.yaml"), filepath.Join(dir, "example.yaml")}
			for i, content := range []string{mesh, text} {
				if err := os.WriteFile(files[i], []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var out bytes.Buffer
			root := newRoot()
			root.SetOut(&out)
			root.SetArgs(append([]string{"analyze"}, files...))
			root.SilenceErrors = true
			_ = root.Execute() // its error is that problems were found
			if !regexp.MustCompile(`example\.yaml(:\d+)?: (error|warning|info) \[` + code + `\]`).MatchString(out.String()) {
				t.Errorf("it shows no %s:\n%s", code, out.String())
			}
		})
	}
}

// codes are those that model/code.go declares.
func codes(t *testing.T) []string {
	text, err := os.ReadFile("../../model/code.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range regexp.MustCompile(`= "([A-Z]+\d+)"`).FindAllStringSubmatch(string(text), -1) {
		out = append(out, m[1])
	}
	if len(out) < 30 {
		t.Fatalf("%d codes: is the pattern right?", len(out))
	}
	return out
}
