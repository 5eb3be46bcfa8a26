package doors_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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
	text, err := os.ReadFile(filepath.Join(harness.Root(), "docs/machines.md"))
	if err != nil {
		t.Fatal(err)
	}
	steps, err := readme.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) < 8 {
		t.Fatalf("%d steps: is the page still fenced as console?", len(steps))
	}
	home := harness.ShortTemp(t)
	t.Cleanup(func() { end(filepath.Join(home, "pids")) })
	env := append(os.Environ(), "PATH="+harness.Binaries(t)+":"+os.Getenv("PATH"), "KRATER_STATE="+home, "HOME="+home, "TMPDIR="+home)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, s := range steps {
		if err := readme.Run(ctx, s, home, env); err != nil {
			log, _ := os.ReadFile(filepath.Join(home, "log"))
			t.Fatalf("%v\nthe control plane's log:\n%.4000s", err, log)
		}
	}
}

// end ends what the page started.
func end(pids string) {
	text, err := os.ReadFile(pids)
	if err != nil {
		return
	}
	for _, line := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(line); err == nil {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
	}
}
