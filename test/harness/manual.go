package harness

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/krater-mesh/krater/test/readme"
)

// Page gives the text of a page of the manual: "filters.md".
func Page(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(), "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Section gives what stands under a heading of a page, up to the next one.
func Section(t testing.TB, page, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(Page(t, page), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("docs/%s has no section %q", page, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// Steps reads the steps of a text that has at least so many: fewer are no
// longer fenced as the test knows them.
func Steps(t testing.TB, markdown string, least int) []readme.Step {
	t.Helper()
	steps, err := readme.Parse(markdown)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) < least {
		t.Fatalf("%d steps, want %d at least: are they still fenced as console?", len(steps), least)
	}
	return steps
}

// ReaderEnv is the environment of somebody who follows the manual in a folder,
// with Krater's commands on the PATH.
func ReaderEnv(t testing.TB, home string, more ...string) []string {
	t.Helper()
	return append(append(os.Environ(), "PATH="+Binaries(t)+":"+os.Getenv("PATH"), "HOME="+home), more...)
}

// EndByFile ends the processes whose ids a file holds: what a page started,
// and did not end since it was not told to its end.
func EndByFile(file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return
	}
	for _, line := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(line); err == nil {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
}
