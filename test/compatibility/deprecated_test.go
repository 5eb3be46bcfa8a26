package compatibility_test

import (
	"testing"

	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/krater-mesh/krater/model"
)

// TestOldFieldsAreSaid: what Istio's own files mark as deprecated is read with
// a Problem that names what to write instead.
func TestOldFieldsAreSaid(t *testing.T) {
	old := 0
	for _, s := range sections() {
		for _, f := range s.fields() {
			if o, _ := f.desc.Options().(*descriptorpb.FieldOptions); !o.GetDeprecated() {
				continue
			}
			old++
			problems := s.convert(t, f.path, sample(f.desc))
			if !found(problems, s, f.path, model.CodeDeprecated) && !found(problems, s, f.path, model.CodeNotSupported) {
				t.Errorf("%s %s: nothing says that it is old: %v", s.kind, f.path, problems)
			}
		}
	}
	if old < 8 {
		t.Errorf("%d old fields only: the walk misses some", old)
	}
}
