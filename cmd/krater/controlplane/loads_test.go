package controlplane

import (
	"testing"
	"time"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/serve"
	"github.com/krater-mesh/krater/xds/translate"
)

// TestWhatALoadHoldsUp: a push that waits behind one that keeps the proxy busy
// is measured, and so is an edit that could not be sent meanwhile.
func TestWhatALoadHoldsUp(t *testing.T) {
	l := newLoads()
	at := func(s float64) time.Time { return time.Unix(1000, 0).Add(time.Duration(s * float64(time.Second))) }
	acked := func(node, typeURL string, sent, answered float64, names ...string) {
		l.observe(serve.Event{Kind: serve.EventAcked, Node: node, Type: typeURL, Names: names, At: at(answered), Duration: at(answered).Sub(at(sent))})
	}
	settled := func(cause, by float64) {
		l.observe(serve.Event{Kind: serve.EventSettled, Node: "a", At: at(by), Causes: []serve.Cause{{At: at(cause)}}})
	}
	is := func(node string, want ...Load) {
		t.Helper()
		got := l.of(node)
		if len(got) != len(want) {
			t.Fatalf("%s has %+v", node, got)
		}
		for i, w := range want {
			if got[i].Took != w.Took || got[i].Delayed != w.Delayed || got[i].Preload != w.Preload {
				t.Fatalf("%s has %+v", node, got[i])
			}
		}
	}
	seconds := func(s float64) model.Duration { return model.Duration(s * float64(time.Second)) }
	acked("a", serve.TypeExtensionConfig, 0, 0.01, "in/http") // a configuration alone
	acked("a", serve.TypeCluster, 0, 3)                       // slow, but no filter
	acked("a", serve.TypeExtensionConfig, 0, 5, translate.PreloadSlot)
	is("a", Load{Took: seconds(5), Preload: true})
	acked("b", serve.TypeEndpoint, 1, 5) // another proxy's
	acked("a", serve.TypeEndpoint, 2, 5.1)
	is("a", Load{Took: seconds(5), Preload: true, Delayed: seconds(3)})
	settled(-1, 5.2) // the edit that the load came with
	is("a", Load{Took: seconds(5), Preload: true, Delayed: seconds(3)})
	settled(1, 5.3) // one that had to wait until it was sent
	is("a", Load{Took: seconds(5), Preload: true, Delayed: seconds(4)})
	acked("a", serve.TypeEndpoint, 6, 6.1)
	acked("a", serve.TypeExtensionConfig, 7, 8, "in/wasm-default")
	is("a", Load{Took: seconds(5), Preload: true, Delayed: seconds(4)}, Load{Took: seconds(1)})
	is("b")
	l.observe(serve.Event{Kind: serve.EventDisconnected, Node: "a"})
	is("a")
}
