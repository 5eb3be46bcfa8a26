package artifact

import (
	"errors"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// State is where a module stands that a filter gets from elsewhere.
type State struct {
	Module  model.Module // the last good one; Digest "" where there is none
	Pending bool
	Reason  string      // why there is none, or no newer one
	Objects []model.Ref // that want it
}

// States are those of the modules that were asked for last, by URL.
func (s *Store) States() []State {
	s.mu.Lock()
	list, objects := map[*source]*wanted{}, map[*source][]model.Ref{}
	for _, src := range s.sources {
		if src.used < s.round-1 {
			continue
		}
		list[src] = src.wanted
		for ref, round := range src.askers {
			if round >= s.round-1 {
				objects[src] = append(objects[src], ref)
			}
		}
		slices.SortFunc(objects[src], model.Ref.Compare)
	}
	s.mu.Unlock()
	var out []State
	for src, w := range list {
		m, err := s.say(src, w)
		m.URL = w.text
		state := State{Module: m, Pending: errors.Is(err, ErrPending), Objects: objects[src]}
		if err != nil {
			state.Reason = err.Error()
		}
		out = append(out, state)
	}
	slices.SortFunc(out, func(a, b State) int {
		return strings.Compare(a.Module.URL+a.Module.Digest, b.Module.URL+b.Module.Digest)
	})
	return out
}
