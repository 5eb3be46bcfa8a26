package verify_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/verify"
	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/krater-mesh/krater/filters/verify/hostile"
)

// quick are limits under which a test of a module that loops ends soon.
var quick = verify.Limits{Start: 100 * time.Millisecond, Request: 100 * time.Millisecond, Memory: 64 << 20, Total: time.Minute}

func TestHostileModulesAreRefused(t *testing.T) {
	for _, m := range hostile.Modules() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			limits := quick
			if m.Check == "memory" || m.Check == "growth" {
				limits.Start, limits.Request = time.Second, time.Second // what wants too much is told before it is out of time
			}
			r := verify.Module(context.Background(), m.Code(), verify.Options{Config: []byte("{}"), Limits: limits})
			if r.OK() {
				t.Fatalf("nothing is wrong: %+v", r)
			}
			for _, f := range r.Findings {
				if f.Level == verify.Error && string(f.Check) == m.Check && strings.Contains(f.Message, m.Says) && f.Fix != "" {
					t.Logf("%s (%s)", f, time.Since(began).Round(time.Millisecond))
					return
				}
			}
			t.Errorf("want %s %q with a fix, have %v", m.Check, m.Says, r.Findings)
		})
	}
}

func TestTheSmallestFilterIsGood(t *testing.T) {
	r := verify.Module(context.Background(), assemble.Filter().Bytes(), verify.Options{Limits: verify.Limits{Requests: 300}})
	if len(r.Findings) > 0 || r.ABI != "0.2.1" || r.Requests != 300 || r.MemoryAtStart != 65536 || r.MemoryAfter != 65536 || r.Took == 0 {
		t.Errorf("%+v", r)
	}
}

func built(t testing.TB, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	if err != nil {
		t.Fatalf("%v; run `make filters`", err)
	}
	return b
}

func TestTheBuiltInModuleIsGood(t *testing.T) {
	wasm := built(t, "filters", "builtin", "dist", "builtin.wasm")
	var steps []string
	r := verify.Module(context.Background(), wasm, verify.Options{
		RootID: "headers", Config: []byte(`{"request":{"set":{"x-a":"b"}}}`), Progress: func(s string) { steps = append(steps, s) },
	})
	if !r.OK() || r.Requests != 1000 || r.GrowthPerRequest > 0 || r.StartTime == 0 || len(steps) != 3 {
		t.Errorf("%+v, steps %q", r, steps)
	}
	t.Logf("took %s: start %s, memory %d to %d KiB", r.Took, r.StartTime, r.MemoryAtStart>>10, r.MemoryAfter>>10)

	for _, c := range []struct{ root, config, want string }{
		{"headers", `{"rquest":{}}`, "rquest: unknown field"},
		{"nothing", `{}`, `nothing`},
	} {
		r := verify.Start(context.Background(), wasm, verify.Options{RootID: c.root, Config: []byte(c.config)})
		if len(r.Findings) != 1 || r.Findings[0].Check != verify.CheckConfig || !strings.Contains(r.Findings[0].Message, c.want) {
			t.Errorf("%s %s: %v", c.root, c.config, r.Findings)
		}
	}
}

// What a run took is given back: a control plane runs many.
func TestMemoryIsGivenBack(t *testing.T) {
	wasm := built(t, "filters", "builtin", "dist", "builtin.wasm")
	run := func() {
		verify.Start(context.Background(), wasm, verify.Options{RootID: "headers", Config: []byte("{}")})
	}
	run()
	before := heap()
	for range 3 {
		run()
	}
	if grown := heap() - before; grown > 20<<20 {
		t.Errorf("%d MiB stay", grown>>20)
	}
	if n := runtime.NumGoroutine(); n > 20 {
		t.Errorf("%d goroutines stay", n)
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what was found unused is free after the next
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
