package translate

import (
	"testing"
	"time"

	httpwasmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/wasm/v3"

	"github.com/krater-mesh/krater/model"
)

// TestFiltersOfOthersAreWatched, and Krater's own are not.
func TestFiltersOfOthersAreWatched(t *testing.T) {
	f := &model.FilterBinding{Object: model.Ref{Kind: "Filter", Namespace: "n", Name: "f"}, Module: model.Module{URL: "f.wasm", Digest: "sha256:ab"},
		Limits: model.FilterLimits{Pause: model.Duration(time.Second)}, Routes: []model.FilterRoute{{Config: "{}"}}}
	roots := func(f *model.FilterBinding, route int) (out []string) {
		p := &proxy{}
		for _, e := range p.instance([]placedFilter{{f, nil}}, route) {
			w := &httpwasmv3.Wasm{}
			if err := e.GetTypedConfig().UnmarshalTo(w); err != nil {
				t.Fatal(err)
			}
			out = append(out, w.GetConfig().GetName()+" "+w.GetConfig().GetRootId())
		}
		return out
	}
	want := []string{"Filter n/f#1 qFilter n/f#1000004", "Filter n/f#1 ", "Filter n/f#1 rFilter n/f#1000004"}
	if got := roots(f, 1); len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("there are %q, want %q", got, want)
	}
	f.Module.URL = model.BuiltinModule + "headers"
	if got := roots(f, 0); len(got) != 1 {
		t.Errorf("Krater's own is watched: %q", got)
	}
}
