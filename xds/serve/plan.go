package serve

import (
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
)

// next is the next response that may be sent now, nil if there is none. Call
// it until then. The invariants that make every moment consistent for the
// proxy:
//   - a type has at most one response in flight;
//   - an addition or change waits until all earlier types have nothing unsent
//     or in flight;
//   - a removal waits until no type that may refer to it has anything unsent,
//     in flight or refused.
func (s *session) next(now time.Time) *response {
	if s.set == nil {
		return nil
	}
	if t, items := s.nextChange(); t != nil {
		return s.respond(t, items, now)
	}
	if t, items := s.nextRemoval(); t != nil {
		return s.respond(t, items, now)
	}
	s.settle(now)
	return s.newest()
}

// nextChange finds what to add, change or answer next.
func (s *session) nextChange() (*subscription, []item) {
	blocked := false
	for _, t := range s.order {
		g := s.set.group(t.typeURL)
		wait := blocked && waits(t.typeURL)
		if t.flight != nil {
			blocked = blocked || ordered(t.typeURL)
			continue
		}
		if t.waiting = false; t.settled == g && !t.greet() {
			continue
		}
		apart := len(t.suspects) > 0
		items := t.changes(g, s.routes())
		switch {
		case wait:
			t.waiting = len(items) > 0
			items = unknowns(items)
		case exclusive(t.typeURL) && !apart:
			items = append(items, t.removals(g, s.routes())...)
		}
		if len(items) > 0 || !wait && t.greet() {
			return t, items
		}
		blocked = blocked || t.waiting
	}
	return nil, nil
}

// unknowns are the answers that wait for nothing: a name that is held
// unanswered holds the listener that asked.
func unknowns(items []item) []item {
	var out []item
	for _, i := range items {
		if i.digest == absent {
			out = append(out, i)
		}
	}
	return out
}

// greet tells whether the proxy waits for a first answer though there is
// nothing to say.
func (s *subscription) greet() bool { return s.all && !s.answered }

// nextRemoval finds what to take away next.
func (s *session) nextRemoval() (*subscription, []item) {
	for _, typeURL := range removalOrder {
		if t, ok := s.types[typeURL]; ok {
			if items := s.removalsOf(t); len(items) > 0 {
				return s.afterHearing(t, items)
			}
		}
	}
	for _, t := range s.order {
		if !ordered(t.typeURL) {
			if items := s.removalsOf(t); len(items) > 0 {
				return t, items
			}
		}
	}
	return nil, nil
}

// afterHearing holds the first removals of a stream until the proxy has
// answered something. Its first requests, in which it says of each type what
// it has, precede its first answer: before that, what still refers to the
// resources is not known. If nothing is on its way, an empty response is.
func (s *session) afterHearing(t *subscription, items []item) (*subscription, []item) {
	if s.heard {
		return t, items
	}
	for _, other := range s.order {
		if other.flight != nil {
			return nil, nil
		}
	}
	return t, nil
}

// removalsOf is what may be taken away of a type now. A type that needs
// nothing at all is marked as settled.
func (s *session) removalsOf(t *subscription) []item {
	g := s.set.group(t.typeURL)
	if t.flight != nil || t.settled == g {
		return nil
	}
	items := t.removals(g, s.routes())
	t.removing = len(items) > 0
	if !t.removing && !t.waiting {
		t.settle(g)
	}
	if t.waiting || s.referred(t.typeURL) {
		return nil
	}
	return items
}

// referred tells whether a type that may refer to this one is unsettled.
func (s *session) referred(typeURL string) bool {
	for _, u := range referrers[typeURL] {
		t, ok := s.types[u]
		if ok && (t.flight != nil || t.waiting || t.removing || len(t.refused) > 0) {
			return true
		}
	}
	return false
}

// respond makes the response, as much of it as one message may hold.
func (s *session) respond(t *subscription, items []item, now time.Time) *response {
	g := s.set.group(t.typeURL)
	res := &response{DeltaDiscoveryResponse: &discovery.DeltaDiscoveryResponse{
		TypeUrl: t.typeURL, Nonce: s.nextNonce(), SystemVersionInfo: g.version(),
	}}
	bytes := 0
	for n, i := range items {
		r := t.find(g, i.name)
		if r == nil {
			res.RemovedResources = append(res.RemovedResources, i.name)
			continue
		}
		if n > 0 && bytes+r.size() > maxResponseBytes || len(res.resources) > 0 && alone(t.typeURL) {
			items = items[:n]
			break
		}
		bytes += r.size()
		res.resources = append(res.resources, r)
		s.warm(r.endpoints)
	}
	t.edition++
	for _, i := range items {
		delete(t.forced, i.name)
		delete(t.pinned, i.name)
	}
	if len(t.suspects) > 0 {
		t.suspects = t.suspects[1:]
	}
	t.answered = true
	t.flight = &inflight{nonce: res.Nonce, items: items, sent: now}
	e := s.event(EventSent, t.typeURL, items)
	e.Bytes, e.At = bytes, now
	s.observed = append(s.observed, e)
	return res
}

// warm sends a changed cluster's endpoints again: the new cluster waits for
// them, while Envoy, subscribed for the old one, does not ask. They are those
// of the cluster's own set, also if a newer one has them no more: the cluster
// goes by its own order.
func (s *session) warm(endpoints string) {
	if endpoints == "" {
		return
	}
	if t, ok := s.types[TypeEndpoint]; ok {
		t.warm(endpoints, s.set.group(TypeEndpoint).find(endpoints))
		return
	}
	s.cold[endpoints] = s.set.group(TypeEndpoint).find(endpoints)
}

// settle notes, once a set, that nothing more is to be done for it.
func (s *session) settle(now time.Time) {
	if s.isSet == s.set || len(s.types) == 0 {
		return
	}
	e := Event{Kind: EventSettled, Node: s.node, Causes: s.causes, At: now}
	for _, t := range s.order {
		if t.flight != nil || t.waiting {
			return
		}
		for name := range t.refused {
			e.Names = append(e.Names, name)
		}
	}
	if len(s.causes) > 0 {
		e.Duration = now.Sub(s.causes[0].At)
	}
	s.isSet, s.causes = s.set, nil
	s.observed = append(s.observed, e)
}
