package filters_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/readme"
)

// TestTheSectionOnAttributesIsTrue executes the steps of docs/filters.md on
// attributes, beside the page's mesh.
func TestTheSectionOnAttributesIsTrue(t *testing.T) {
	section := harness.Section(t, "filters.md", "Attributes")
	mesh := regexp.MustCompile("(?ms)^```yaml mesh\n(.*?)^```$").FindStringSubmatch(section)
	if mesh == nil {
		t.Fatal("docs/filters.md has no section on attributes with a mesh")
	}
	steps := harness.Steps(t, section, 1)
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "mesh.yaml"), []byte(mesh[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	env := harness.ReaderEnv(t, home)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			t.Fatal(err)
		}
	}
}
