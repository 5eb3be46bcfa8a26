package foreign_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/readme"
)

// TestTheSectionOnVerificationIsTrue executes docs/filters.md's on TinyGo's
// module.
func TestTheSectionOnVerificationIsTrue(t *testing.T) {
	steps := harness.Steps(t, harness.Section(t, "filters.md", "Verification"), 2)
	home := t.TempDir()
	write(t, filepath.Join(home, "mine.wasm"), read(t, "testdata/tinygo/filter.wasm"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	env := harness.ReaderEnv(t, home, "ENVOY="+harness.EnvoyPath(t))
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			t.Fatal(err)
		}
	}
}
