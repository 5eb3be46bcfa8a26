package telemetry

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/subscribe"
)

// update is one of a type: the changed resources, then the names of those
// that are gone.
func update(typeURL string, changed map[string]string, removed ...string) subscribe.Update {
	u := subscribe.Update{Type: typeURL, Resources: map[string][]byte{}, Removed: removed}
	for name, text := range changed {
		u.Resources[name] = []byte(text)
		u.Changed = append(u.Changed, name)
	}
	return u
}

func TestNothingIsAppliedBeforeAllIsKnown(t *testing.T) {
	p := &controlPlane{known: map[string]map[string][]byte{}}
	applied := 0
	apply := func(Slice) error { applied++; return nil }
	for i, typeURL := range types {
		if err := p.take(update(typeURL, nil), apply); err != nil {
			t.Fatal(err)
		}
		if want := i / (len(types) - 1); applied != want {
			t.Errorf("after %d types it was applied %d times", i+1, applied)
		}
	}
}

func TestARefusedUpdateStaysMerged(t *testing.T) {
	p := &controlPlane{known: map[string]map[string][]byte{}}
	var got Slice
	var refusal error
	apply := func(s Slice) error { got = s; return refusal }
	for _, typeURL := range types[:len(types)-1] {
		_ = p.take(update(typeURL, nil), apply)
	}
	refusal = errors.New("a port is in use")
	err := p.take(update(model.TypeTelemetryBackend, map[string]string{"default/a": `{"path":"a"}`, "default/b": `{"path":"b"}`}), apply)
	if !errors.Is(err, refusal) {
		t.Errorf("the control plane is told %v", err)
	}
	refusal = nil
	if err := p.take(update(model.TypeTelemetryBackend, map[string]string{"default/c": `{"path":"c"}`}, "default/b"), apply); err != nil {
		t.Fatal(err)
	}
	want := Slice{Backends: []model.TelemetryBackend{{Path: "a"}, {Path: "c"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAResourceThatIsNoneIsNamed(t *testing.T) {
	p := &controlPlane{known: map[string]map[string][]byte{}}
	for _, typeURL := range types[1:] {
		_ = p.take(update(typeURL, nil), func(Slice) error { return nil })
	}
	err := p.take(update(model.TypeWorkload, map[string]string{"default/x": `{"name": 7}`}), func(Slice) error {
		t.Error("applied")
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "default/x") {
		t.Errorf("got %v", err)
	}
}
