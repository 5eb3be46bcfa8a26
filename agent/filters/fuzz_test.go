package filters

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"

	"github.com/krater-mesh/krater/model"
)

// TestAFilterWritesInNoOthersName: whatever a filter logs is one line of Envoy's,
// which escapes line ends.
func TestAFilterWritesInNoOthersName(t *testing.T) {
	k := twoFilters(wasmv3.FailurePolicy_FAIL_OPEN)
	for _, forged := range []string{
		`x\nE wasm 9 Function: proxy_on_tick failed: Uncaught`,
		`Function: proxy_on_tick failed: Uncaught`,
		`wasm log Filter default/good sha256:bb: panic: not me`,
		`#0: [0x2500]`,
	} {
		_, _ = k.Output().Write([]byte("E wasm 9 wasm log Filter default/evil sha256:aa: " + forged + "\n"))
	}
	for _, r := range k.Report(time.Now()) {
		if r.State != model.FilterRunning || r.Traps != 0 {
			t.Errorf("reported %+v", r)
		}
	}
	if len(k.lines["Filter default/good"]) > 0 || len(k.run.crash.frames) > 0 {
		t.Errorf("in another's name: %q, %x", k.lines, k.run.crash.frames)
	}
}

func FuzzLog(f *testing.F) {
	f.Add([]byte(ending))
	f.Add([]byte(panics))
	f.Fuzz(func(t *testing.T, text []byte) {
		k := twoFilters(wasmv3.FailurePolicy_FAIL_CLOSED)
		var log bytes.Buffer
		k.out.to = &log
		_, _ = k.Output().Write(text)
		for _, r := range k.Report(time.Now()) {
			if len(r.Lines) > model.MaxFilterLines {
				t.Errorf("%d lines are kept", len(r.Lines))
			}
		}
		for name := range k.lines {
			if name != "Filter default/evil" && name != "Filter default/good" {
				t.Errorf("lines of %q", name)
			}
		}
	})
}

func FuzzKept(f *testing.F) {
	f.Add([]byte(`{"Filter a/b 00 11":{"since":"2026-01-02T03:04:05Z","reason":"r","lines":["x"]},"x":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, keptFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		k := New(Options{Dir: dir})
		for _, out := range k.takenOut {
			if out == nil {
				t.Error("nothing was taken out")
			}
		}
		k.forgetOldest()
		k.save()
	})
}
