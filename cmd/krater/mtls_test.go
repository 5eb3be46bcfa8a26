package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var fenced = regexp.MustCompile("(?ms)^```(yaml|console)\n(.*?)^```$")

// TestThePageOnMutualTLSIsTrue adds what docs/mtls.md declares to Bookinfo, one
// block after the other, and runs its commands: each line that is shown is one
// of the output.
func TestThePageOnMutualTLSIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/mtls.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.CopyFS("mesh", os.DirFS(sampleDir(t))); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for i, block := range fenced.FindAllStringSubmatch(string(page), -1) {
		if block[1] == "yaml" {
			if err := os.WriteFile(filepath.Join("mesh", "page-"+string(rune('a'+i))+".yaml"), []byte(block[2]), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var output []string
		for line := range strings.Lines(block[2]) {
			line = strings.TrimRight(line, "\n")
			if command, ok := strings.CutPrefix(line, "$ krater "); ok {
				var out bytes.Buffer
				root := newRoot()
				root.SetOut(&out)
				root.SetArgs(strings.Fields(command))
				if err := root.Execute(); err != nil {
					t.Fatalf("%s: %v", command, err)
				}
				output, ran = strings.Split(out.String(), "\n"), ran+1
				continue
			}
			if !slices.Contains(output, line) {
				t.Errorf("%q is no line of\n%s", line, strings.Join(output, "\n"))
			}
		}
	}
	if ran < 2 {
		t.Errorf("%d commands were run", ran)
	}
}

// sampleDir is Bookinfo's folder, whatever the working directory becomes.
func sampleDir(t *testing.T) string {
	t.Helper()
	return bookinfoDir
}

var bookinfoDir = func() string {
	dir, err := filepath.Abs("../../samples/bookinfo")
	if err != nil {
		panic(err)
	}
	return dir
}()
