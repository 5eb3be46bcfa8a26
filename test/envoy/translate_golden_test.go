package envoy_test

import (
	"testing"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
)

// TestTranslateGoldenValidates has a real Envoy check the static form of every
// golden case. Wasm filters are started with the real built-in module.
func TestTranslateGoldenValidates(t *testing.T) {
	options := harness.Builtin(t)
	for name, c := range translateCases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			useModule(c.Snapshot, options.Builtin)
			if err := harness.ValidateEnvoy(t, staticBootstrap(t, c, options, translateBase(0, "", ""))); err != nil {
				t.Error(err)
			}
		})
	}
}

// useModule has every filter of a case run the real module: goldens name
// made-up ones. One whose module is missing stays so.
func useModule(snap *model.Snapshot, m model.Module) {
	for i := range snap.Filters {
		if !snap.Filters[i].Missing() {
			snap.Filters[i].Module.Digest = m.Digest
		}
	}
}
