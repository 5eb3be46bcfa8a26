package inject

import (
	"testing"

	istio "istio.io/api/annotation"
)

// TestEveryAnnotationOfASidecarIsKnown: each of Istio's has an effect, or a
// reason why it has none.
func TestEveryAnnotationOfASidecarIsKnown(t *testing.T) {
	found := 0
	for _, a := range istio.AllResourceAnnotations() {
		if !ofFamily(a.Name) {
			continue
		}
		found++
		_, without := withoutEffect[a.Name]
		if honours(a.Name) == without {
			t.Errorf("%s: it has an effect: %v; a reason why it has none: %v", a.Name, honours(a.Name), without)
		}
	}
	if found < 40 {
		t.Errorf("%d annotations: are these all families?", found)
	}
}
