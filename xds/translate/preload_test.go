package translate_test

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/translate"
)

// TestVersionsOfAFilter: a proxy has the version that the rollout gives it,
// and holds the code of the other where nothing leads.
func TestVersionsOfAFilter(t *testing.T) {
	c, w := readCase(t, "testdata/wasm.in.yaml")
	declared := c.Snapshot.FiltersFor(w)[0]
	old := *declared
	old.Module = model.Module{URL: "file:///old.wasm", Digest: "sha256:" + strings.Repeat("0", 64)}
	declared.Module.URL = "file:///new.wasm" // no fusing with others
	declared.Module.Digest = "sha256:" + strings.Repeat("1", 64)
	declared.Rollout = &model.Rollout{Steps: []model.RolloutStep{{Percent: 50}}}
	compiler := translate.NewCompiler(options)
	state := model.RolloutState{Object: declared.Object, Old: &old, New: declared, Phase: model.RolloutPreloading, UpTo: 100, Loading: []string{w.ID()}}

	look := func(wantNew, wantOld, wantPreloaded string) {
		t.Helper()
		var all []model.RolloutState
		if state.Phase != "" {
			all = append(all, state)
		}
		r := compiler.Compile(c.Snapshot, c.Endpoints, []model.Workload{w}, all...)[w.ID()].Resources()
		in := map[string]string{"0": "", "1": ""}
		listener := ""
		for _, e := range r.Extensions {
			for digit := range in {
				kind := slotKind(e.Name)
				if strings.Contains(string(e.TypedConfig.Value), strings.Repeat(digit, 64)) && !strings.HasSuffix(in[digit], kind) {
					in[digit] += kind
				}
			}
		}
		for _, l := range r.Listeners {
			if l.Name == "preload" {
				if listener = "preload"; l.GetInternalListener() == nil || l.Address != nil {
					t.Fatalf("something can reach %v", l)
				}
			}
		}
		if in["1"] != wantNew || in["0"] != wantOld || listener != wantPreloaded {
			t.Fatalf("the new version is in %q, the old in %q, and there is the listener %q", in["1"], in["0"], listener)
		}
	}
	look("p", "lp", "preload") // it loads
	state.Phase, state.Loading = model.RolloutStepping, nil
	look("lp", "p", "preload") // it has it, and can go back at once
	state.UpTo = 0
	look("", "l", "") // not in the share
	state.Phase, state.UpTo = model.RolloutRolledBack, 100
	look("", "l", "")
	state.Phase = model.RolloutPromoted
	look("l", "", "")
	state.Phase = ""
	look("l", "", "")
}

// slotKind is p for the slot of what is held, l for one that carries requests.
func slotKind(name string) string {
	if name == translate.PreloadSlot {
		return "p"
	}
	return "l"
}
