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
	section := harness.Section(t, "filters.md", "New versions")
	steps := harness.Steps(t, section, 3)
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
