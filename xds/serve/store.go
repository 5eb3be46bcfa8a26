package serve

import "sync"

// store keeps each distinct resource and group once, however many sets use
// it, and lets go of it with the last of them.
type store struct {
	mu        sync.Mutex
	resources map[resourceKey]*resource
	groups    map[groupKey]*group
}

type resourceKey struct {
	typeURL, name string
	digest        digest
}

type groupKey struct {
	typeURL string
	digest  digest
}

func newStore() *store {
	return &store{resources: map[resourceKey]*resource{}, groups: map[groupKey]*group{}}
}

// encode turns a set into its encoded form, for the given number of nodes.
func (s *store) encode(set Set, nodes int) (*encoded, error) {
	e := &encoded{groups: make(map[string]*group, len(set)), nodes: nodes}
	for typeURL, resources := range set {
		g, err := encodeGroup(typeURL, resources)
		if err != nil {
			return nil, err
		}
		e.groups[typeURL] = g
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for typeURL, g := range e.groups {
		e.groups[typeURL] = s.intern(g)
	}
	return e, nil
}

// intern gives the one group equal to g. The caller holds s.mu.
func (s *store) intern(g *group) *group {
	key := groupKey{g.typeURL, g.digest}
	if same, ok := s.groups[key]; ok {
		same.sets++
		return same
	}
	for name, r := range g.resources {
		key := resourceKey{g.typeURL, name, r.digest}
		if same, ok := s.resources[key]; ok {
			r = same
			g.resources[name] = same
		} else {
			s.resources[key] = r
		}
		r.groups++
	}
	g.sets = 1
	s.groups[key] = g
	return g
}

// release says that one node has the set no more.
func (s *store) release(e *encoded) {
	if e == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.nodes--; e.nodes > 0 {
		return
	}
	for typeURL, g := range e.groups {
		if g.sets--; g.sets > 0 {
			continue
		}
		delete(s.groups, groupKey{typeURL, g.digest})
		for name, r := range g.resources {
			if r.groups--; r.groups == 0 {
				delete(s.resources, resourceKey{typeURL, name, r.digest})
			}
		}
	}
}

// size is how many resources and bytes are kept.
func (s *store) size() (resources, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.resources {
		bytes += r.size
	}
	return len(s.resources), bytes
}
