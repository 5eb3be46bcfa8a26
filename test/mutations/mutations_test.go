// Package mutations seeds bugs into lowering and translation, one at a time,
// and wants each of them caught by a test that stands. The source is never
// touched: a bug is an overlay of the compiler's.
package mutations

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/krater-mesh/krater/test/harness"
)

// mutation is one bug. Old stands in the file exactly once.
type mutation struct {
	Name string `json:"name"`
	File string `json:"file"`
	Old  string `json:"old"`
	New  string `json:"new"`
	By   string `json:"by"` // the suite that catches it
}

// suites are tests that catch bugs; the quick ones run in `make test`.
var suites = map[string]struct {
	pkg, run string
	quick    bool
}{
	"draws":  {pkg: "./test/fuzzlower", run: "^TestLoweringAgreesOffline$", quick: true},
	"trees":  {pkg: "./test/lowered", run: "^TestTreesMeanTheirRules$"},
	"inputs": {pkg: "./test/lowered", run: "^TestLoweredInputs$"},
	"envoy":  {pkg: "./test/lowered", run: "^(TestLoweredAnswers|TestSeveralLoweredPolicies|TestLoweredWithoutPolicyd)$"},
	"cases":  {pkg: "./test/policycases", run: "^TestCasesByLoweredRules$"},
	"cache":  {pkg: "./filters/decisioncache", run: "^Test", quick: true},
	"keys":   {pkg: "./model", run: "^(TestDecisionKeys|TestWhatIsNotKept)$", quick: true},
	"marks":  {pkg: "./policyd/authz", run: "^(TestAnswersThatMayBeKept|TestNoAnswerOutlivesItsToken|TestVersionsOfWhatIsKept)$", quick: true},
	"kept":   {pkg: "./test/policycases", run: "^TestKeptAnswersAreTheSame$"},
	"reads":  {pkg: "./policyd/lower", run: "^Test"},
}

func load(t *testing.T) []mutation {
	t.Helper()
	text, err := os.ReadFile("mutations.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out []mutation
	if err := yaml.UnmarshalStrict(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// mutated is the file with the bug in it; false: the source has changed, and
// the mutation must follow.
func (m mutation) mutated(t *testing.T) (text []byte, ok bool) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(harness.Root(), m.File))
	if err != nil {
		t.Errorf("%s is stale: %v", m.Name, err)
		return nil, false
	}
	if n := bytes.Count(source, []byte(m.Old)); n != 1 {
		t.Errorf("%s is stale: %s has %q %d times; seed the bug where the code is now", m.Name, m.File, m.Old, n)
		return nil, false
	}
	return bytes.Replace(source, []byte(m.Old), []byte(m.New), 1), true
}

// TestMutationsApply: at least 20 bugs, each of which can still be seeded.
func TestMutationsApply(t *testing.T) {
	list, names := load(t), map[string]bool{}
	for _, m := range list {
		m.mutated(t)
		if _, ok := suites[m.By]; !ok || names[m.Name] {
			t.Errorf("%s: no suite %q, or a second one of its name", m.Name, m.By)
		}
		names[m.Name] = true
	}
	if len(list) < 20 {
		t.Errorf("%d mutations: 20 are wanted", len(list))
	}
}

// TestSeededBugsAreCaught builds each bug, and wants its suite to fail. By
// itself it tries every fifth of those that the quick suites catch;
// `make test-mutations` tries all, or those of SUITE.
func TestSeededBugsAreCaught(t *testing.T) {
	wanted := os.Getenv("KRATER_MUTATIONS") // "all", or a suite
	var open sync.WaitGroup
	slots := make(chan struct{}, 2)
	quick := 0
	for _, m := range load(t) {
		if suites[m.By].quick {
			quick++
		}
		if wanted != "all" && wanted != m.By && (wanted != "" || !suites[m.By].quick || quick%5 != 1) {
			continue
		}
		open.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; open.Done() }()
			began := time.Now()
			if m.caught(t) {
				t.Logf("%s: caught in %s", m.Name, time.Since(began).Round(time.Second))
			}
		}()
	}
	open.Wait()
}

// caught builds a suite with the bug, and runs it.
func (m mutation) caught(t *testing.T) bool {
	text, ok := m.mutated(t)
	if !ok {
		return false
	}
	dir := t.TempDir()
	changed, overlay, program := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "suite.test")
	files, _ := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(harness.Root(), m.File): changed}})
	for name, content := range map[string][]byte{changed: text, overlay: files} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Error(err)
			return false
		}
	}
	s := suites[m.By]
	build := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", program, s.pkg)
	build.Dir = harness.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%s does not compile: %v\n%s", m.Name, err, out)
		return false
	}
	defer os.Remove(program)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, program, "-test.run", s.run, "-test.count=1")
	run.Dir, run.Env = filepath.Join(harness.Root(), s.pkg), append(os.Environ(), "KRATER_FOUND=1", "KRATER_SEED=1")
	out, err := run.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		t.Errorf("%s: %s did not end in time", m.Name, m.By)
	case err == nil:
		t.Errorf("%s is not caught by %s:\n%s\nbecomes\n%s", m.Name, m.By, m.Old, m.New)
	case !strings.Contains(string(out), "--- FAIL"):
		t.Errorf("%s: %s did not fail as a test does: %v\n%.2000s", m.Name, m.By, err, out)
	default:
		return true
	}
	return false
}
