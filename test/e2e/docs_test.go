package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/test/harness"
)

// block is one fenced block of a manual page.
type block struct {
	file, info, text string
	line             int
}

// fence finds blocks; what follows the language in the opening line is kept.
var fence = regexp.MustCompile("(?ms)^```([^\n`]*)\n(.*?)^```$")

func blocks(t *testing.T) []block {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(harness.Root(), "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	for _, page := range append(pages, filepath.Join(harness.Root(), "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range fence.FindAllSubmatchIndex(text, -1) {
			out = append(out, block{filepath.Base(page), string(text[at[2]:at[3]]), string(text[at[4]:at[5]]), 1 + bytes.Count(text[:at[0]], []byte("\n"))})
		}
	}
	return out
}

// key identifies a document.
func key(document string) string {
	var o struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
	}
	if yaml.Unmarshal([]byte(document), &o) != nil {
		return ""
	}
	return o.Kind + " " + o.Metadata.Namespace + "/" + o.Metadata.Name
}

var separator = regexp.MustCompile(`(?m)^---$`)

// TestTheManualsYAMLIsGood analyzes each YAML block as a reader would use it:
// in Bookinfo's folder, in the place of what has the same name there.
func TestTheManualsYAMLIsGood(t *testing.T) {
	module, err := os.ReadFile(filepath.Join(harness.Root(), ".build/greeting.wasm")) // `make filters`
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, b := range blocks(t) {
		if b.info != "yaml" {
			continue
		}
		found++
		t.Run(fmt.Sprintf("%s:%d", b.file, b.line), func(t *testing.T) {
			m := harness.Sample(t, "samples/bookinfo")
			without(t, m.Dir, b.text)
			m.Add(t, "block.yaml", b.text)
			if err := os.WriteFile(filepath.Join(m.Dir, "greeting.wasm"), module, 0o644); err != nil {
				t.Fatal(err)
			}
			if out, code := m.Krater(t, "analyze", m.Dir); code != 0 || !strings.Contains(out, "0 errors, 0 warnings") {
				t.Errorf("exit code %d\n%s", code, out)
			}
		})
	}
	if found < 8 {
		t.Errorf("%d YAML blocks were found: is the pattern right?", found)
	}
}

// without drops from the sample what a block declares too.
func without(t *testing.T, dir, text string) {
	t.Helper()
	declared := map[string]bool{}
	for _, document := range separator.Split(text, -1) {
		k := key(document)
		declared[k] = true
		declared[strings.Replace(k, " default/", " /", 1)] = true
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	more, _ := filepath.Glob(filepath.Join(dir, "policy", "*.yaml"))
	for _, file := range append(files, more...) {
		all, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var kept []string
		for _, document := range separator.Split(string(all), -1) {
			if !declared[key(document)] {
				kept = append(kept, document)
			}
		}
		if err := os.WriteFile(file, []byte(strings.Join(kept, "---")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// offlineCommand are the manual's commands that need no running mesh.
var offlineCommand = regexp.MustCompile(`^krater (analyze|compile|diff|explain|translate) .*samples/bookinfo`)

// TestTheManualsCommandsRun runs each offline command as it stands there:
// each exits with 0, and prints something.
func TestTheManualsCommandsRun(t *testing.T) {
	bin, dir := harness.Binaries(t), t.TempDir()
	if err := os.Symlink(filepath.Join(harness.Root(), "samples"), filepath.Join(dir, "samples")); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, b := range blocks(t) {
		if b.info != "sh" && b.info != "console" {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
			line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
			command := offlineCommand.FindStringSubmatch(line)
			if command == nil {
				continue
			}
			found[command[1]] = true
			t.Run(fmt.Sprintf("%s:%d %s", b.file, b.line, command[1]), func(t *testing.T) {
				c := exec.Command("bash", "-c", line)
				c.Dir = dir
				c.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "KRATER_STATE="+t.TempDir())
				if out, err := c.CombinedOutput(); err != nil || len(out) == 0 && !strings.Contains(line, ">") {
					t.Errorf("%s: %v\n%s", line, err, out)
				}
			})
		}
	}
	for _, name := range []string{"analyze", "compile", "diff", "explain", "translate"} {
		if !found[name] {
			t.Errorf("the manual shows no krater %s: is the pattern right?", name)
		}
	}
}
