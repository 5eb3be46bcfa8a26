package verify_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/krater-mesh/krater/filters/verify"
	"github.com/krater-mesh/krater/filters/verify/assemble"
	"github.com/krater-mesh/krater/filters/verify/hostile"
)

// FuzzModule holds the verifier to its word: no bytes make it panic, take
// long, or take much memory. What it runs is what hostile modules are made of.
func FuzzModule(f *testing.F) {
	f.Add(assemble.Filter().Bytes())
	for _, m := range hostile.Modules() {
		if !m.Large {
			f.Add(m.Code())
		}
	}
	limits := verify.Limits{Size: 1 << 20, Memory: 4 << 20, Start: 20 * time.Millisecond, Request: 20 * time.Millisecond, Total: 100 * time.Millisecond, Requests: 40}
	f.Fuzz(func(t *testing.T, wasm []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := verify.Module(context.Background(), wasm, verify.Options{Config: []byte("{}"), Limits: limits})
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<30 {
			t.Errorf("%d MiB for %d bytes: %v", took>>20, len(wasm), r.Findings)
		}
		if r.Took > 2*time.Second {
			t.Errorf("%s: %v", r.Took, r.Findings)
		}
		for _, found := range r.Findings {
			if found.Message == "" || found.Level == verify.Error && found.Check != verify.CheckConfig && found.Fix == "" {
				t.Errorf("says nothing: %+v", found)
			}
		}
	})
}
