package serve

import (
	"maps"
	"slices"
	"strings"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// first takes the first request of a type on a stream: what the proxy has
// from before, and whether it wants everything.
func (s *subscription) first(req *discovery.DeltaDiscoveryRequest) {
	s.edition++
	for name, version := range req.GetInitialResourceVersions() {
		s.has.put(name, parseDigest(version))
		s.answered = true
	}
	s.all = wildcardByDefault(s.typeURL) && len(req.GetResourceNamesSubscribe()) == 0
	s.subscribe(req.GetResourceNamesSubscribe(), true)
}

// subscribe adds names. A name that is asked for again is answered again,
// but not on a first request, which says what the proxy has.
func (s *subscription) subscribe(names []string, first bool) {
	s.edition++
	for _, name := range names {
		if name == wildcard {
			s.all = true
			continue
		}
		s.names[name] = struct{}{}
		if _, told := s.has.of(name); !told {
			s.has.apart[name] = unheard // it is to be answered, also where it does not exist
		}
		if !first {
			s.forced[name] = struct{}{}
		}
	}
	s.settled = nil
}

// unsubscribe drops names, and what is remembered of them.
func (s *subscription) unsubscribe(names []string) {
	s.edition++
	for _, name := range names {
		if name == wildcard {
			s.all = false
			continue
		}
		delete(s.names, name)
		if s.interested(name) {
			s.forced[name] = struct{}{} // the proxy has dropped it, and wants it still
		} else {
			s.drop(name)
		}
	}
	s.settled = nil
	if slices.Contains(names, wildcard) {
		s.prune()
	}
}

// prune forgets what the proxy does not want any more.
func (s *subscription) prune() {
	for _, name := range s.has.names() {
		if !s.interested(name) {
			s.drop(name)
		}
	}
}

// drop forgets all about a name but the wish for it.
func (s *subscription) drop(name string) {
	s.edition++
	s.has.forget(name)
	if s.named(name) {
		s.has.apart[name] = unheard
	}
	delete(s.forced, name)
	delete(s.pinned, name)
	delete(s.refused, name)
}

// ack records that the response in flight is in force.
func (s *subscription) ack() {
	s.edition++
	for _, i := range s.flight.items {
		if s.flight.void != nil && s.flight.void(i.name) {
			continue
		}
		delete(s.refused, i.name)
		keep := s.named(i.name) || strings.HasSuffix(i.name, virtualHostSeparator) // see hostless
		switch {
		case !s.interested(i.name), i.digest == absent && !keep:
			s.has.forget(i.name)
		default:
			s.has.put(i.name, i.digest)
		}
	}
	if exclusive(s.typeURL) && len(s.flight.items) > 0 {
		s.retry()
	}
	s.flight, s.settled = nil, nil
}

// retry tries what was refused again, each resource by itself.
func (s *subscription) retry() {
	for _, name := range slices.Sorted(maps.Keys(s.refused)) {
		s.suspects = append(s.suspects, []item{{name, s.refused[name].digest}})
	}
	clear(s.refused)
}

// nack records a refusal. Which of several resources was meant is not known,
// and the good ones may not have been taken: so each half is tried apart,
// until every refused resource is known by its name.
func (s *subscription) nack(detail string) {
	s.edition++
	items := s.flight.items
	s.flight, s.settled = nil, nil
	if len(detail) > maxDetailBytes {
		detail = detail[:maxDetailBytes]
	}
	if len(items) == 1 {
		s.refused[items[0].name] = refusal{digest: items[0].digest, detail: strings.ToValidUTF8(detail, "?")}
		return
	}
	if half := len(items) / 2; half > 0 {
		s.suspects = slices.Insert(s.suspects, 0, slices.Clone(items[:half]), slices.Clone(items[half:]))
	}
}

// mend forgets refusals of bytes that are wanted no more. What is sent alone
// is sent again, also where the proxy has it still: else the refused bytes,
// should they come back, would be acknowledged; see alone.
func (s *subscription) mend(g *group) {
	s.edition++
	for name, r := range s.refused {
		if g.want(name) != r.digest {
			delete(s.refused, name)
			if alone(s.typeURL) && !s.sending(name, g.want(name)) {
				s.forced[name] = struct{}{}
			}
		}
	}
}

// sending tells whether bytes are on their way already.
func (s *subscription) sending(name string, d digest) bool {
	return s.flight != nil && slices.Contains(s.flight.items, item{name, d})
}
