package serve

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// item is one line of a response: a name, and the bytes it shall have.
type item struct {
	name   string
	digest digest // absent: the resource is removed
}

// refusal is a resource that the proxy refused. The same bytes are not sent
// to it again on this stream.
type refusal struct {
	digest digest
	detail string
}

// inflight is a response that has not been acknowledged.
type inflight struct {
	nonce string
	items []item
	sent  time.Time
	void  func(name string) bool // what the proxy has dropped since
}

// subscription is what one stream wants and has of one type: names and
// digests only. Whatever the proxy may need to be sent is among candidates.
type subscription struct {
	typeURL  string
	all      bool                 // wildcard
	names    map[string]struct{}  // subscribed by name
	under    func(string) bool    // virtual hosts: whether the proxy has the route configuration
	has      *holding             // acknowledged
	forced   map[string]struct{}  // to be sent though the proxy may have it
	pinned   map[string]*resource // bytes for forced names, where the set has none
	refused  map[string]refusal   // by name
	suspects [][]item             // parts of refused responses, to be tried apart
	flight   *inflight            // at most one
	answered bool                 // something was sent, or the proxy came with versions
	settled  *group               // the group that needs nothing more
	acked    time.Time            // last
	waiting  bool                 // has changes that wait for earlier types
	removing bool                 // has removals that are unsent
	edition  uint64               // counts the changes of names, has and forced
	found    found                // candidates, as long as nothing changed
}

// found are the candidates for a group at a count of changes.
type found struct {
	of      *group
	edition uint64
	names   []string
}

func newSubscription(typeURL string) *subscription {
	return &subscription{
		typeURL: typeURL,
		names:   map[string]struct{}{},
		has:     newHolding(),
		forced:  map[string]struct{}{},
		pinned:  map[string]*resource{},
		refused: map[string]refusal{},
	}
}

// interested tells whether the proxy wants the name.
func (s *subscription) interested(name string) bool {
	if s.all {
		return true
	}
	if s.named(name) {
		return true
	}
	return s.under != nil && s.under(routeConfigurationOf(name))
}

// named tells whether the proxy asked for the very name.
func (s *subscription) named(name string) bool {
	_, ok := s.names[name]
	return ok
}

// routeConfigurationOf is the part of a virtual host's name before the last
// slash, as Envoy matches it.
func routeConfigurationOf(name string) string {
	return name[:max(strings.LastIndex(name, virtualHostSeparator), 0)]
}

// needs tells whether the proxy must be sent these bytes (or this absence).
func (s *subscription) needs(name string, want digest) bool {
	if _, ok := s.forced[name]; ok {
		return true
	}
	if r, ok := s.refused[name]; ok && r.digest == want {
		return false
	}
	has, told := s.has.of(name)
	return !told || has != want
}

// candidates are the names, sorted, of which the proxy may have something
// else than it shall: those in which the group differs from the one that was
// settled, and those that stand apart. The list may be shared.
func (s *subscription) candidates(g *group) []string {
	if s.found.of != g || s.found.edition != s.edition {
		s.found = found{g, s.edition, s.look(g)}
	}
	return s.found.names
}

// look finds the candidates.
func (s *subscription) look(g *group) []string {
	out := changed(s.has.base, g)
	if len(s.has.apart)+len(s.forced) == 0 {
		return out
	}
	out = slices.AppendSeq(slices.Clone(out), maps.Keys(s.has.apart))
	out = slices.AppendSeq(out, maps.Keys(s.forced))
	slices.Sort(out)
	return slices.Compact(out)
}

// changes are the resources to be sent, and the subscribed names to be
// answered as unknown, sorted; routes are the route configurations. Parts of a refused response go first, each
// apart.
func (s *subscription) changes(g, routes *group) []item {
	for len(s.suspects) > 0 {
		part := slices.DeleteFunc(s.suspects[0], func(i item) bool {
			return g.want(i.name) != i.digest || !s.interested(i.name) || !s.needs(i.name, i.digest)
		})
		if len(part) > 0 {
			s.suspects[0] = part
			return part
		}
		s.suspects = s.suspects[1:]
	}
	var out []item
	for _, name := range s.candidates(g) {
		want := s.want(g, name)
		switch {
		case !s.interested(name), !s.needs(name, want):
		case want == absent && (!s.named(name) || s.owned(name)):
			// a removal, which has its own order
		default:
			out = append(out, item{name, want})
		}
	}
	if alone(s.typeURL) {
		slices.SortStableFunc(out, func(a, b item) int { return s.later(g, a.name) - s.later(g, b.name) })
	}
	if s.under != nil {
		out = append(out, s.hostless(g, routes)...)
		slices.SortFunc(out, func(a, b item) int { return strings.Compare(a.name, b.name) })
	}
	return out
}

// later puts connection managers before the slots of their filters. Envoy ends
// the warming of everything that waits for a slot when it refuses any: a manager
// that comes after that is taken, but what it asks for is never asked for.
func (s *subscription) later(g *group, name string) int {
	if r := s.find(g, name); r != nil && r.brings {
		return 0
	}
	return 1
}

// hostless answers for route configurations that have no virtual host: Envoy
// keeps their listeners warming until it hears of one, if only of its removal.
func (s *subscription) hostless(g, routes *group) []item {
	var out []item
	for r := range routes.all() {
		name := r.name + virtualHostSeparator
		if r.hosts && s.under(r.name) && !g.hasHosts(r.name) && s.needs(name, absent) {
			out = append(out, item{name, absent})
		}
	}
	return out
}

// warm has endpoints sent though the proxy may have them.
func (s *subscription) warm(name string, r *resource) {
	if !s.interested(name) {
		return
	}
	s.forced[name] = struct{}{}
	s.settled = nil
	s.edition++
	if r != nil {
		s.pinned[name] = r
	}
}

// find gives the bytes that a name shall be sent, nil for none.
func (s *subscription) find(g *group, name string) *resource {
	if r := g.find(name); r != nil {
		return r
	}
	return s.pinned[name]
}

// want is the digest of these bytes.
func (s *subscription) want(g *group, name string) digest {
	if r := s.find(g, name); r != nil {
		return r.digest
	}
	return absent
}

// owned tells whether the proxy has the resource and did not just ask for it.
func (s *subscription) owned(name string) bool {
	if _, ok := s.forced[name]; ok {
		return false
	}
	return s.has.real(name)
}

// removals are the resources that the proxy has and that are no more, sorted.
// routes are the route configurations that shall be: without its route
// configuration, a virtual host is left to be dropped with that.
func (s *subscription) removals(g, routes *group) []item {
	if droppedByProxy(s.typeURL) {
		return nil
	}
	var out []item
	for _, name := range s.candidates(g) {
		if s.under != nil && routes.want(routeConfigurationOf(name)) == absent {
			continue
		}
		if _, again := s.forced[name]; again && s.named(name) {
			continue // answered among the changes
		}
		if s.has.real(name) && g.want(name) == absent && s.needs(name, absent) {
			out = append(out, item{name, absent})
		}
	}
	return out
}

// settle notes that the proxy needs nothing more of a group.
func (s *subscription) settle(g *group) {
	s.settled, s.found = g, found{}
	s.has.settle(g)
	if len(s.forced)+len(s.pinned) == 0 { // a map stays as large as it was once
		s.forced, s.pinned = map[string]struct{}{}, map[string]*resource{}
	}
}
