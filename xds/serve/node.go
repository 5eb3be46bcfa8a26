package serve

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// node is what the server knows under one node id.
type node struct {
	set     *encoded
	parts   []*Part   // that the set is made of
	serial  uint64    // grows with each set; a stream compares it with its own
	causes  []Cause   // of the newest sets, for streams that have not seen them
	streams []*served // oldest first; the last one speaks for the node
	last    map[string]TypeStatus
	gone    time.Time
}

// served is a stream, and the serial of the set that it knows.
type served struct {
	stream *stream
	serial uint64
	met    bool // was given a set before: it hears of later edits only
}

// replace gives a node a set and wakes its streams.
func (s *Server) replace(name string, parts []*Part, cause Cause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.node(name)
	if n.set == nil || !slices.Equal(n.parts, parts) {
		n.set, n.parts = newEncoded(parts, n.set), parts
	}
	n.serial++
	if len(n.causes) == maxCausesBetweenSettles {
		n.causes = slices.Delete(n.causes, 0, 1)
	}
	n.causes = append(n.causes, cause)
	n.wake()
}

// node finds or makes a node. The caller holds s.mu.
func (s *Server) node(name string) *node {
	n, ok := s.nodes[name]
	if !ok {
		n = &node{}
		s.nodes[name] = n
	}
	return n
}

// wake tells the streams that there is something new.
func (n *node) wake() {
	for _, sv := range n.streams {
		select {
		case sv.stream.wake <- struct{}{}:
		default:
		}
	}
}

// Forget drops a node's set. Its streams stay, are sent nothing more, and are
// shown as unknown.
func (s *Server) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.nodes[name]
	if !ok {
		return
	}
	n.set, n.parts, n.causes = nil, nil, nil
	n.serial++
	n.wake()
	if len(n.streams) == 0 {
		delete(s.nodes, name)
	}
}

// Mentions tells whether a resource of a type has a text in its bytes, among
// those that a node shall have.
func (s *Server) Mentions(name, typeURL string, text []byte) bool {
	s.mu.Lock()
	var parts []*Part
	if n, ok := s.nodes[name]; ok {
		parts = n.parts
	}
	s.mu.Unlock()
	return slices.ContainsFunc(parts, func(p *Part) bool { return p.Mentions(typeURL, text) })
}

// newest gives a stream its node's set and the causes it has not heard of,
// if it does not know them yet.
func (s *Server) newest(st *stream) (set *encoded, causes []Cause, changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.node(st.node)
	heard := true
	for _, sv := range n.streams {
		if sv.stream == st && sv.serial != n.serial {
			if unheard := min(int(n.serial-sv.serial), len(n.causes)); sv.met {
				causes = slices.Clone(n.causes[len(n.causes)-unheard:])
			}
			sv.serial, sv.met, changed = n.serial, true, true
		}
		heard = heard && sv.serial == n.serial
	}
	if heard {
		n.causes = nil
	}
	return n.set, causes, changed
}

// connect adds a stream; it speaks for its node from now on.
func (s *Server) connect(st *stream) {
	s.mu.Lock()
	n := s.node(st.node)
	n.streams = append(n.streams, &served{stream: st, met: n.set == nil})
	again, known := len(n.streams) > 1, n.set != nil
	s.mu.Unlock()
	if again {
		s.log.Warn("a second stream of a node; it speaks for the node now", "node", st.node)
	}
	if !known {
		s.log.Warn("a node connected for which nothing is published", "node", st.node)
	}
	s.observe([]Event{{Kind: EventConnected, Node: st.node, At: st.since}})
}

// disconnect removes a stream. What it knew last stays to be shown.
func (s *Server) disconnect(st *stream) {
	last := st.status()
	s.mu.Lock()
	n := s.node(st.node)
	n.streams = slices.DeleteFunc(n.streams, func(sv *served) bool { return sv.stream == st })
	if len(n.streams) == 0 {
		n.last, n.gone = last, time.Now()
		if n.set == nil {
			delete(s.nodes, st.node)
		}
	}
	s.mu.Unlock()
	s.observe([]Event{{Kind: EventDisconnected, Node: st.node, At: time.Now()}})
}

// Status is where every node stands that has a set or is connected, sorted by
// node id.
func (s *Server) Status() []ClientStatus {
	type found struct {
		status ClientStatus
		stream *stream
	}
	var all []found
	s.mu.Lock()
	for name, n := range s.nodes {
		f := found{status: ClientStatus{Node: name, Known: n.set != nil, Since: n.gone, Types: maps.Clone(n.last)}}
		if len(n.streams) > 0 {
			f.stream = n.streams[len(n.streams)-1].stream
			f.status.Connected, f.status.Since = true, f.stream.since
		}
		all = append(all, f)
	}
	s.mu.Unlock()
	out := make([]ClientStatus, 0, len(all))
	for _, f := range all {
		if f.stream != nil {
			f.status.Types = f.stream.status()
		} else {
			f.status.Types = staled(f.status.Types)
		}
		out = append(out, f.status)
	}
	slices.SortFunc(out, func(a, b ClientStatus) int { return strings.Compare(a.Node, b.Node) })
	return out
}

// staled is what a proxy had when its connection ended.
func staled(types map[string]TypeStatus) map[string]TypeStatus {
	for typeURL, t := range types {
		if t.State == StateSynced {
			t.State, t.Detail = StateStale, "not connected"
			types[typeURL] = t
		}
	}
	return types
}
