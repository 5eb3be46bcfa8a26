package rollout_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/readme"
)

// page executes the section on new versions of docs/filters.md, with the
// filter that it declares.
func (w *world) page(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(harness.Root(), "docs/filters.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## New versions\n")
	if !found {
		t.Fatal("docs/filters.md has no section on new versions")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	steps, err := readme.Parse(section)
	if err != nil {
		t.Fatal(err)
	}
	_, declared, _ := strings.Cut(section, "```yaml\n")
	declared, _, _ = strings.Cut(declared, "```")
	w.mesh.Add(t, "hello.yaml", declared)
	home := t.TempDir()
	if err := os.Symlink(w.mesh.Dir, filepath.Join(home, "mesh")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 7*time.Minute)
	defer cancel()
	state := strings.NewReplacer("rollout status", "rollout status --state "+w.state)
	for _, s := range steps {
		if err := readme.Run(ctx, s.Replace(state), home, w.mesh.Env()); err != nil {
			t.Fatal(err)
		}
	}
}
