package foreign_test

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

// TestTheSectionOnVerificationIsTrue executes docs/filters.md's on TinyGo's
// module.
func TestTheSectionOnVerificationIsTrue(t *testing.T) {
	page := read(t, filepath.Join(harness.Root(), "docs/filters.md"))
	_, section, found := strings.Cut(page, "\n## Verification\n")
	if !found {
		t.Fatal("docs/filters.md has no section on verification")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	steps, err := readme.Parse(section)
	if err != nil || len(steps) < 2 {
		t.Fatalf("%d steps, %v", len(steps), err)
	}
	home := t.TempDir()
	write(t, filepath.Join(home, "mine.wasm"), read(t, "testdata/tinygo/filter.wasm"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	env := append(os.Environ(), "PATH="+harness.Binaries(t)+":"+os.Getenv("PATH"), "HOME="+home, "ENVOY="+harness.EnvoyPath(t))
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			t.Fatal(err)
		}
	}
}
