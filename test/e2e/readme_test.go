package e2e_test

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

// TestTheStoryIsTrue executes each step of the sample's README, as a reader
// would, on a copy of the sample in addresses of its own.
func TestTheStoryIsTrue(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(harness.Root(), "samples/bookinfo/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	steps, err := readme.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	m := harness.Sample(t, "samples/bookinfo")
	home, err := os.MkdirTemp("", "kr")
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
	metrics := strings.TrimSuffix(strings.TrimPrefix(m.Metrics, "http://"), "/metrics")
	addresses := strings.NewReplacer("127.80.", m.Network+".", "127.0.0.1:9464", metrics,
		"bookinfo tour", "bookinfo tour --page "+m.Gateway+" --metrics "+m.Metrics)
	defer func() {
		down := m.Command("down")
		_ = down.Run() // it has ended if the story was told to its end
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s.Replace(addresses), home, m.Env()); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := os.ReadDir(m.State); err == nil && len(out) > 0 {
		if _, code := m.Krater(t, "down"); code == 0 {
			t.Error("the story left its mesh running")
		}
	}
}
