package crds

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	meshconfig "istio.io/api/mesh/v1alpha1"
)

// TestMeshConfigFields: each of Istio's settings has a home, or a reason why
// it has none.
func TestMeshConfigFields(t *testing.T) {
	for m, lists := range map[proto.Message]struct {
		homes   []string
		reasons map[string]string
	}{
		&meshconfig.MeshConfig{}: {meshConfigHomes, meshConfigReasons},
		&meshconfig.Tracing{}:    {[]string{"sampling"}, tracingReasons},
	} {
		fields := m.ProtoReflect().Descriptor().Fields()
		var known []string
		for i := range fields.Len() {
			name := fields.Get(i).JSONName()
			known = append(known, name)
			if home := slices.Contains(lists.homes, name); home == (lists.reasons[name] != "") {
				t.Errorf("%s.%s: want a home or a reason, and not both", fields.Get(i).Parent().Name(), name)
			}
		}
		for name := range lists.reasons {
			if !slices.Contains(known, name) {
				t.Errorf("%s is no field of Istio's", name)
			}
		}
	}
}
