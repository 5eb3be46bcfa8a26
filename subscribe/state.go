package subscribe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// state is what is in force of one type. It never changes: an update makes a
// new one, which takes its place if the handler agrees.
type state struct {
	typeURL   string
	resources map[string][]byte
	versions  map[string]string
	current   bool // the server answered
}

func newState(typeURL string) *state {
	return &state{typeURL: typeURL, resources: map[string][]byte{}, versions: map[string]string{}}
}

// apply makes the state after a response. The old one stays as it is.
func (s *state) apply(res *discovery.DeltaDiscoveryResponse) (*state, error) {
	next := &state{typeURL: s.typeURL, resources: maps.Clone(s.resources), versions: maps.Clone(s.versions), current: true}
	for _, r := range res.GetResources() {
		text, err := unwrap(r)
		if err != nil {
			return nil, err
		}
		next.resources[r.GetName()] = text
		next.versions[r.GetName()] = r.GetVersion()
	}
	for _, name := range res.GetRemovedResources() {
		delete(next.resources, name)
		delete(next.versions, name)
	}
	return next, nil
}

// unwrap takes the JSON out of a resource.
func unwrap(r *discovery.Resource) ([]byte, error) {
	box := &wrapperspb.BytesValue{}
	if err := r.GetResource().UnmarshalTo(box); err != nil {
		return nil, fmt.Errorf("reading resource %s: %w", r.GetName(), err)
	}
	if !json.Valid(box.GetValue()) {
		return nil, fmt.Errorf("reading resource %s: its value is not JSON", r.GetName())
	}
	return box.GetValue(), nil
}

// update describes the state, and how it differs from the one before; nil is
// an empty one.
func (s *state) update(before *state) Update {
	if before == nil {
		before = newState(s.typeURL)
	}
	u := Update{Type: s.typeURL, Resources: s.resources}
	for name, text := range s.resources {
		if old, ok := before.resources[name]; !ok || !bytes.Equal(old, text) {
			u.Changed = append(u.Changed, name)
		}
	}
	for name := range before.resources {
		if _, ok := s.resources[name]; !ok {
			u.Removed = append(u.Removed, name)
		}
	}
	slices.Sort(u.Changed)
	slices.Sort(u.Removed)
	return u
}
