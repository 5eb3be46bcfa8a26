package filters

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"

	"github.com/krater-mesh/krater/model"
)

// panics is how Envoy 1.40 writes the panic of a Go filter, on a thread of two.
const panics = `W wasm 8 wasm log Filter default/good sha256:bb: all is well
E wasm 9 wasm log Filter default/evil sha256:aa: panic: 
E wasm 9 wasm log Filter default/evil sha256:aa: the third request
E wasm 9 wasm log Filter default/evil sha256:aa: 
E wasm 8 wasm log Filter default/good sha256:bb: not so well
E wasm 9 wasm log Filter default/evil sha256:aa: goroutine 
E wasm 9 wasm log Filter default/evil sha256:aa: 1
E wasm 9 wasm log Filter default/evil sha256:aa:  [running]:
E wasm 9 wasm log Filter default/evil sha256:aa: 
E wasm 9 wasm log Filter default/evil sha256:aa: main.evil
E wasm 9 wasm log Filter default/evil sha256:aa: (
E wasm 9 wasm log Filter default/evil sha256:aa: )
E wasm 9 Function: proxy_on_request_headers failed: Uncaught RuntimeError: unreachable
`

func twoFilters(policy wasmv3.FailurePolicy) *Keeper {
	k := New(Options{Has: func(string) bool { return true }, Output: &bytes.Buffer{}})
	good := plugin{name: "Filter default/good", vm: "sha256:bb", digest: "bb"}
	evil := plugin{name: "Filter default/evil", vm: "sha256:aa", digest: "aa", policy: policy}
	k.sent["slot"] = []plugin{good, evil}
	for _, p := range k.sent["slot"] {
		k.vms[vmKey(p)] = &vm{id: p.vm, digest: p.digest, pause: trapPause, back: holdPause, afresh: memoryPause, old: map[uint64]uint64{}}
	}
	return k
}

func evilOf(k *Keeper) model.FilterReport {
	all := k.Report(time.Now())
	return all[slices.IndexFunc(all, func(r model.FilterReport) bool { return r.Object == "Filter default/evil" })]
}

func TestATrapIsOfWhoPanicked(t *testing.T) {
	k := twoFilters(wasmv3.FailurePolicy_FAIL_OPEN)
	if _, err := k.Output().Write([]byte(panics)); err != nil {
		t.Fatal(err)
	}
	got := evilOf(k)
	if got.State != model.FilterFailing || got.Traps != 1 || !strings.HasPrefix(got.Reason, "panic: the third request (") {
		t.Errorf("reported %+v", got)
	}
	if want := []string{"panic: the third request", "goroutine 1 [running]:", "main.evil()"}; !slices.Equal(got.Lines, want) {
		t.Errorf("its lines are %q", got.Lines)
	}
	good := k.Report(time.Now())[1]
	if good.State != model.FilterRunning || good.Traps != 0 {
		t.Errorf("the other one: %+v", good)
	}
}

func TestATrapThatSaysNothingIsOfAnyOfThem(t *testing.T) {
	k := twoFilters(wasmv3.FailurePolicy_FAIL_OPEN)
	_, _ = k.Output().Write([]byte("W wasm 9 wasm log Filter default/good sha256:bb: hello\nE wasm 9 Function: proxy_on_tick failed: Uncaught RuntimeError: unreachable\n"))
	for _, r := range k.Report(time.Now()) {
		if r.State != model.FilterFailing || !strings.HasPrefix(r.Reason, "one of 2 filters") {
			t.Errorf("reported %+v", r)
		}
	}
}

// TestACrashLoopIsStartedAgainLaterEachTime by the clock that it is given.
func TestACrashLoopIsStartedAgainLaterEachTime(t *testing.T) {
	for _, c := range []struct {
		policy wasmv3.FailurePolicy
		waits  []time.Duration // until the VM is a new one
		rests  bool
	}{
		{wasmv3.FailurePolicy_FAIL_OPEN, []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}, false},
		{wasmv3.FailurePolicy_FAIL_RELOAD, []time.Duration{0, 0, 0, 4 * time.Second, 8 * time.Second}, true}, // 0: Envoy does it
	} {
		k, now := twoFilters(c.policy), time.Unix(1000, 0)
		v := k.vms["sha256:aa aa"]
		k.wrote["9"] = wrote{name: "Filter default/evil", fatal: true}
		for i, want := range c.waits {
			k.trapped(line{'E', "wasm", "9", "Function: x failed: y"}, now)
			if want == 0 {
				if !v.restart.IsZero() {
					t.Errorf("%v: trap %d is not left to Envoy", c.policy, i)
				}
				continue
			}
			k.settle(now.Add(want - time.Millisecond))
			if early := v.generation; v.restart.IsZero() || v.resting != c.rests {
				t.Errorf("%v: after trap %d it is of generation %d, resting %v", c.policy, i, early, v.resting)
			}
			now = now.Add(want)
			k.settle(now)
			if !v.restart.IsZero() || v.resting {
				t.Errorf("%v: trap %d keeps it away for more than %s", c.policy, i, want)
			}
		}
		k.settle(now.Add(calm + time.Second))
		if got := evilOf(k); got.State != model.FilterRunning || got.Traps != int64(len(c.waits)) {
			t.Errorf("%v: afterwards %+v", c.policy, got)
		}
	}
}
