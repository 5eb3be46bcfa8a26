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
func TestTheStoryIsTrue(t *testing.T) { tell(t, "samples/bookinfo") }

// TestTheCanaryIsTrue does the same for the flows by which a new version takes
// over, while customers keep asking.
func TestTheCanaryIsTrue(t *testing.T) { tell(t, "samples/canary") }

func tell(t *testing.T, sample string) {
	text, err := os.ReadFile(filepath.Join(harness.Root(), sample, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	steps, err := readme.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	m := harness.Sample(t, sample)
	copyScripts(t, filepath.Join(harness.Root(), sample), m.Dir)
	home, err := os.MkdirTemp("", "kr")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	if err := os.MkdirAll(filepath.Join(home, filepath.Dir(sample)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(m.Dir, filepath.Join(home, sample)); err != nil {
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
		if err := readme.Run(ctx, s.Replace(addresses), home, append(m.Env(), "TMPDIR="+home)); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := os.ReadDir(m.State); err == nil && len(out) > 0 {
		if _, code := m.Krater(t, "down"); code == 0 {
			t.Error("the story left its mesh running")
		}
	}
}

// copyScripts brings the programs that a README calls by their path.
func copyScripts(t *testing.T, from, to string) {
	scripts, err := filepath.Glob(filepath.Join(from, "*.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range scripts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(path)), text, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
