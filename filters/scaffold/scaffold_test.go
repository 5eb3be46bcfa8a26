package scaffold

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestANewFilterIsComplete: outside of this tree it builds and passes its own
// tests with Go alone, with no network. What is generated comes with `krater
// filter build`: test/filter runs all of it.
func TestANewFilterIsComplete(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rate-tags")
	files, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	if want := ".gitignore README.md config.go filter.go filter.yaml filter_test.go go.mod main.go requests.yaml"; strings.Join(files, " ") != want {
		t.Errorf("files are %v", files)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil || strings.Contains(string(text), "[[") {
			t.Errorf("%s: %v\n%s", f, err, text)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "vet", module+"/...")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the SDK by itself: %v\n%s", err, out)
	}
}

func TestAFilterIsNotStartedOverAnother(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mine")
	if _, err := New(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := New(dir); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("over another: %v", err)
	}
	for _, name := range []string{"My", "a_b", "1a", "a--b", "-a", "a-"} {
		if _, err := New(filepath.Join(t.TempDir(), name)); err == nil || !strings.Contains(err.Error(), "no name for a filter") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWithin: a filter in Krater's own tree needs no SDK of its own.
func TestWithin(t *testing.T) {
	if !within(".") || !within("../new/deeper") || within(t.TempDir()) {
		t.Error("Krater's own tree is not known")
	}
}
