package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheAuthorizationPageIsTrue runs the commands of docs/authorization.md
// beside Bookinfo and the page's own objects: each line that is shown is part
// of what the command prints.
func TestTheAuthorizationPageIsTrue(t *testing.T) {
	objects := strings.Join(blocksOf(t, "authorization.md", "yaml"), "---\n")
	custom := blocksOf(t, "authorization.md", "yaml custom")[0]
	consoles := append(blocksOf(t, "authorization.md", "console"), blocksOf(t, "authorization.md", "console custom")...)
	bookinfo, err := filepath.Abs("../../samples/bookinfo")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"page.yaml": objects, "custom.yaml": custom} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	commands := 0
	var out bytes.Buffer
	run := func(args ...string) error {
		out.Reset()
		root := newRoot()
		root.SetOut(&out)
		root.SetErr(&out)
		root.SetArgs(args)
		return root.Execute()
	}
	for _, line := range strings.Split(strings.Join(consoles, ""), "\n") {
		command, is := strings.CutPrefix(line, "$ krater ")
		if !is {
			if !strings.Contains(out.String(), line) {
				t.Errorf("the page shows %q, which is not in\n%s", line, out.String())
			}
			continue
		}
		commands++
		if err := run(strings.Fields(strings.Replace(command, " mesh ", " "+bookinfo+" page.yaml ", 1))...); err != nil {
			t.Errorf("%s: %v", command, err)
		}
	}
	if err := run("analyze", "custom.yaml"); err != nil || !strings.Contains(out.String(), "0 errors, 0 warnings") {
		t.Errorf("custom.yaml: %v\n%s", err, out.String())
	}
	if commands != 7 {
		t.Errorf("the page has %d commands: is the pattern right?", commands)
	}
}
