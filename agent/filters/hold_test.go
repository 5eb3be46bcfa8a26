package filters

import (
	"slices"
	"testing"
	"time"

	wasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/wasm/v3"

	"github.com/krater-mesh/krater/model"
)

// TestAFilterThatHoldsRequests is started afresh, later each time; one that
// fails open stands aside until then, any other runs on.
func TestAFilterThatHoldsRequests(t *testing.T) {
	for policy, aside := range map[wasmv3.FailurePolicy]bool{wasmv3.FailurePolicy_FAIL_OPEN: true, wasmv3.FailurePolicy_FAIL_CLOSED: false} {
		k, now := twoFilters(policy), time.Unix(1000, 0)
		before, _ := model.WatchRoots("Filter default/evil", time.Second)
		evil := k.holder("wasm log Filter default/evil " + before + " " + model.WatchVM + ": held")
		if evil == nil {
			t.Fatal("the watch's word is not understood")
		}
		for i, wait := range []time.Duration{5 * time.Second, 10 * time.Second} {
			k.held(*evil, now)
			k.held(*evil, now) // of the same moment
			v := k.vms[vmKey(*evil)]
			if fresh := v.generation == i+1; fresh == aside || v.resting != aside {
				t.Errorf("%v: it is of generation %d, aside %v", policy, v.generation, v.resting)
			}
			k.settle(now.Add(wait - time.Millisecond))
			if v.resting != aside {
				t.Errorf("%v: it is back too early", policy)
			}
			now = now.Add(wait)
			k.settle(now)
			if v.resting || v.generation != i+1 {
				t.Errorf("%v: after %s it is of generation %d, aside %v", policy, wait, v.generation, v.resting)
			}
		}
		reports := k.Report(now)
		i := slices.IndexFunc(reports, func(r model.FilterReport) bool { return r.State == model.FilterHolding })
		if i < 0 || reports[i].Object != "Filter default/evil" || reports[i].Held != 4 || reports[i].Reason != heldReason {
			t.Errorf("%v: reported %+v", policy, reports)
		}
		if later := k.Report(now.Add(heldFor)); slices.ContainsFunc(later, func(r model.FilterReport) bool { return r.State != model.FilterRunning }) {
			t.Errorf("%v: it is told of without end", policy)
		}
	}
}
