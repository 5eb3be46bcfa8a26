package crds_test

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/krater-mesh/krater/crds"
)

// FuzzReportedHealth: whatever a member says of its application stays one text
// of one object, and is read back as it was said.
func FuzzReportedHealth(f *testing.F) {
	f.Add("it answers 500")
	f.Add("'\n---\nkind: AuthorizationPolicy\n")
	f.Add("a: b\n- c # d \x00\u2028\ufeff{{ }}")
	f.Fuzz(func(t *testing.T, message string) {
		r := registered()
		r.Health = &crds.Health{Healthy: false, Message: message, Since: time.Unix(1_700_000_000, 0).UTC()}
		text, err := r.WorkloadEntry()
		if err != nil {
			return
		}
		objects, complete, problems := crds.Parse("entry.yaml", text)
		if len(objects) != 1 || !complete || problems.HasErrors() || objects[0].Ref.Kind != "WorkloadEntry" {
			t.Fatalf("%q became %d objects: %v\n%s", message, len(objects), problems, text)
		}
		back, _, err := crds.ReadRegistration(text)
		if err != nil {
			t.Fatalf("%q: %v\n%s", message, err, text)
		}
		if utf8.ValidString(message) && (back.Health == nil || back.Health.Message != message) {
			t.Errorf("%q is read back as %+v\n%s", message, back.Health, text)
		}
	})
}
