package filters_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/readme"
)

// TestTheSectionOnAttributesIsTrue executes the steps of docs/filters.md on
// attributes, beside the page's mesh.
func TestTheSectionOnAttributesIsTrue(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(harness.Root(), "docs/filters.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Attributes\n")
	mesh := regexp.MustCompile("(?ms)^```yaml mesh\n(.*?)^```$").FindStringSubmatch(section)
	if !found || mesh == nil {
		t.Fatal("docs/filters.md has no section on attributes with a mesh")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	steps, err := readme.Parse(section)
	if err != nil || len(steps) == 0 {
		t.Fatalf("%d steps, %v", len(steps), err)
	}
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "mesh.yaml"), []byte(mesh[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "PATH="+harness.Binaries(t)+":"+os.Getenv("PATH"), "HOME="+home)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			t.Fatal(err)
		}
	}
}
