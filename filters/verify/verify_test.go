package verify_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
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

// A network filter gets connections: it is found out by what it does to bytes.
func TestConnectionsAreSent(t *testing.T) {
	m := assemble.Filter()
	m.Funcs = append(m.Funcs,
		assemble.Func{Export: "proxy_on_new_connection", Type: "i:i", Body: []byte{assemble.Const, 0}},
		assemble.Func{Export: "proxy_on_downstream_data", Type: "iii:i", Body: []byte{assemble.Const, 0}})
	o := verify.Options{Type: verify.Network, Limits: quick}
	o.Limits.Requests = 60
	if r := verify.Module(context.Background(), m.Bytes(), o); !r.OK() || r.Requests != 60 || r.Type != verify.Network {
		t.Errorf("%+v", r)
	}
	m.Funcs[len(m.Funcs)-1].Body = []byte{0x20, 1, 0x04, assemble.Empty, assemble.Unreachable, assemble.End, assemble.Const, 0} // if there are bytes
	if r := verify.Module(context.Background(), m.Bytes(), o); r.OK() || !strings.Contains(r.Err().Error(), "proxy_on_downstream_data traps in request 3") {
		t.Errorf("a trap: %v", r.Err())
	}
	if r := verify.Module(context.Background(), assemble.Filter().Bytes(), o); !strings.Contains(fmt.Sprint(r.Err()), "no callback of connections") {
		t.Errorf("an HTTP filter as a network filter: %v", r.Err())
	}
}

// Time that a module does not get is not held against it.
func TestABusyMachineIsNoLoop(t *testing.T) {
	var stop atomic.Bool
	defer stop.Store(true)
	for range 8 * runtime.NumCPU() {
		go func() {
			for !stop.Load() {
			}
		}()
	}
	o := verify.Options{RootID: "headers", Config: []byte("{}"), Limits: verify.Limits{Start: time.Second, Total: time.Minute}}
	if r := verify.Start(context.Background(), built(t, "filters", "builtin", "dist", "builtin.wasm"), o); !r.OK() {
		t.Errorf("%v", r.Err())
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
