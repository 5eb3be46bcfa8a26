package doors_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/test/readme"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemoveBinaries()
	os.Exit(code)
}

// TestThePageOnMachinesIsTrue executes each step of docs/machines.md.
func TestThePageOnMachinesIsTrue(t *testing.T) {
	steps := harness.Steps(t, harness.Page(t, "machines.md"), 8)
	home := harness.ShortTemp(t)
	t.Cleanup(func() { harness.EndByFile(filepath.Join(home, "pids")) })
	env := harness.ReaderEnv(t, home, "KRATER_STATE="+home, "TMPDIR="+home)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			log, _ := os.ReadFile(filepath.Join(home, "log"))
			t.Fatalf("%v\nthe control plane's log:\n%.4000s", err, log)
		}
	}
}
