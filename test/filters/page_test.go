package filters_test

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

// TestTheTutorialIsTrue executes each step of docs/filters.md's first section,
// from an empty folder to a signed filter that was rolled out, on a copy of
// Bookinfo in addresses of its own.
func TestTheTutorialIsTrue(t *testing.T) {
	steps := harness.Steps(t, harness.Section(t, "filters.md", "Your first filter"), 10)
	m := harness.Sample(t, "samples/bookinfo")
	home, err := os.MkdirTemp("", "kr") // short: there are sockets in it
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	if err := os.MkdirAll(filepath.Join(home, "samples"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(m.Dir, filepath.Join(home, "samples/bookinfo")); err != nil {
		t.Fatal(err)
	}
	defer func() {
		harness.EndByFile(filepath.Join(home, "run.pid"))
		_ = m.Command("down").Run() // it has ended if the page was told to its end
	}()
	addresses := strings.NewReplacer("127.80.", m.Network+".")
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	env := append(m.Env(), "TMPDIR="+home)
	for _, s := range steps {
		if err := readme.Run(ctx, s.Replace(addresses), home, env); err != nil {
			log, _ := os.ReadFile(filepath.Join(home, "run.log"))
			t.Fatalf("%v\n`krater filter run` said:\n%.4000s", err, log)
		}
	}
}
