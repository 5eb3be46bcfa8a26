package serve

import "bytes"

// Connected tells whether a proxy is.
func (s *Server) Connected(node string) bool {
	st, _ := s.speaker(node)
	return st != nil
}

// speaker is the stream that speaks for a node, nil for none, and what is
// published for it.
func (s *Server) speaker(name string) (*stream, *encoded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.nodes[name]; ok && len(n.streams) > 0 {
		return n.streams[len(n.streams)-1].stream, n.set
	}
	return nil, nil
}

// Acknowledged tells whether a proxy that is connected said that it has a
// resource of a type, as it is published now, which has a text in its bytes.
func (s *Server) Acknowledged(node, typeURL string, text []byte) bool {
	st, set := s.speaker(node)
	if st == nil {
		return false
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	t := st.session.types[typeURL]
	if t == nil {
		return false
	}
	for r := range set.group(typeURL).all() {
		if has, told := t.has.of(r.name); told && has == r.digest && bytes.Contains(r.frame, text) {
			return true
		}
	}
	return false
}

// Refused tells why a proxy that is connected refuses a resource as it is
// published now; "": it does not.
func (s *Server) Refused(node, typeURL, name string) string {
	st, set := s.speaker(node)
	if st == nil {
		return ""
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if t := st.session.types[typeURL]; t != nil {
		if r, ok := t.refused[name]; ok && set.group(typeURL).want(name) == r.digest {
			return r.detail
		}
	}
	return ""
}
