package serve

import (
	"strconv"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/krater-mesh/krater/model"
)

// session is the state of one stream: what its proxy asked for, what it has,
// what is on its way. It decides what to send; it does not send, read a clock
// or lock.
type session struct {
	node     string
	set      *encoded // nil: the node has no set
	causes   []Cause  // since the last settling
	types    map[string]*subscription
	order    []*subscription      // of additions
	cold     map[string]*resource // endpoints of clusters sent before the proxy asked for any
	heard    bool                 // the proxy answered a response of this stream
	nonce    int
	isSet    *encoded // the set that was settled last
	observed []Event  // not yet handed out
	question []string // the names of the newest question of freshness
}

func newSession(node string) *session {
	return &session{node: node, types: map[string]*subscription{}, cold: map[string]*resource{}}
}

// publish gives the session its newest set, and why it came. What was not
// sent of the older one never is.
func (s *session) publish(set *encoded, causes []Cause) {
	routes := s.routes()
	s.set = set
	s.causes = append(s.causes, causes...)
	if over := len(s.causes) - maxCausesBetweenSettles; over > 0 {
		s.causes = append([]Cause(nil), s.causes[over:]...)
	}
	if set == nil {
		return
	}
	for _, t := range s.order {
		t.mend(set.group(t.typeURL))
	}
	if s.routes() != routes {
		s.reconsiderVirtualHosts()
	}
}

// routes are the route configurations of the set.
func (s *session) routes() *group {
	if s.set == nil {
		return emptyGroup
	}
	return s.set.group(TypeRouteConfiguration)
}

// reconsiderVirtualHosts has the virtual hosts compared anew: which of them
// the proxy wants hangs on its route configurations.
func (s *session) reconsiderVirtualHosts() {
	if hosts, ok := s.types[TypeVirtualHost]; ok {
		hosts.settled = nil
	}
}

// request takes a request in: an acknowledgement or refusal, then what the
// proxy wants from now on.
func (s *session) request(req *discovery.DeltaDiscoveryRequest, now time.Time) {
	if req.GetTypeUrl() == model.TypeFreshness {
		s.question = req.GetResourceNamesSubscribe()
		return
	}
	t, known := s.types[req.GetTypeUrl()]
	s.share(req.GetTypeUrl(), req.GetResourceNamesSubscribe())
	if !known {
		t = s.add(req.GetTypeUrl())
		t.first(req)
		if t.typeURL == TypeEndpoint {
			for name, r := range s.cold {
				t.warm(name, r)
			}
			s.cold = map[string]*resource{}
		}
		s.isSet = nil
		s.reconsiderVirtualHosts()
		return
	}
	if t.flight != nil && req.GetResponseNonce() == t.flight.nonce {
		s.answer(t, req, now)
	}
	subscribe, unsubscribe := req.GetResourceNamesSubscribe(), req.GetResourceNamesUnsubscribe()
	if len(unsubscribe) > 0 {
		t.unsubscribe(unsubscribe)
	}
	if len(subscribe) > 0 {
		t.subscribe(subscribe, false)
	}
	if len(subscribe)+len(unsubscribe) > 0 {
		s.isSet = nil
		if t.typeURL == TypeRouteConfiguration {
			s.restartVirtualHosts(append(subscribe, unsubscribe...))
		}
	}
}

// share has names be the resources' own, of which there is one copy for all
// proxies.
func (s *session) share(typeURL string, names []string) {
	g := s.set.group(typeURL)
	for i, name := range names {
		if r := g.find(name); r != nil {
			names[i] = r.name
		}
	}
}

// add begins a subscription.
func (s *session) add(typeURL string) *subscription {
	t := newSubscription(typeURL)
	s.types[typeURL] = t
	if typeURL == TypeVirtualHost {
		t.under = s.hasRouteConfiguration
	}
	s.order = s.order[:0]
	for _, u := range additionOrder {
		if t, ok := s.types[u]; ok {
			s.order = append(s.order, t)
		}
	}
	for u, t := range s.types {
		if !ordered(u) {
			s.order = append(s.order, t)
		}
	}
	return t
}

// hasRouteConfiguration tells whether the proxy has the route configuration,
// so that it can take its virtual hosts.
func (s *session) hasRouteConfiguration(name string) bool {
	routes, ok := s.types[TypeRouteConfiguration]
	return ok && routes.has.real(name)
}

// restartVirtualHosts forgets the virtual hosts of route configurations that
// the proxy dropped or asked for anew: it has dropped them too, and will not
// ask for them.
func (s *session) restartVirtualHosts(routes []string) {
	hosts, ok := s.types[TypeVirtualHost]
	if !ok {
		return
	}
	again := map[string]bool{}
	for _, name := range routes {
		again[name] = true
	}
	for _, name := range hosts.has.names() {
		if again[routeConfigurationOf(name)] {
			hosts.drop(name)
		}
	}
	if hosts.flight != nil { // its acknowledgement will not mean these
		hosts.flight.void = func(name string) bool { return again[routeConfigurationOf(name)] }
	}
	hosts.settled = nil
}

// answer takes an acknowledgement or a refusal of the response in flight.
func (s *session) answer(t *subscription, req *discovery.DeltaDiscoveryRequest, now time.Time) {
	s.heard = true
	e := s.event(EventAcked, t.typeURL, t.flight.items)
	e.Duration, e.At = now.Sub(t.flight.sent), now
	if req.GetErrorDetail() != nil {
		e.Kind, e.Detail = EventNacked, req.GetErrorDetail().GetMessage()
		t.nack(e.Detail)
	} else {
		t.ack()
		t.acked = now
	}
	if t.typeURL == TypeRouteConfiguration {
		s.reconsiderVirtualHosts()
	}
	s.observed = append(s.observed, e)
}

// event describes what happens with some items of a type.
func (s *session) event(kind EventKind, typeURL string, items []item) Event {
	e := Event{Kind: kind, Node: s.node, Type: typeURL, Causes: s.causes}
	for _, i := range items {
		if i.digest == absent {
			e.Removed = append(e.Removed, i.name)
		} else {
			e.Names = append(e.Names, i.name)
		}
	}
	return e
}

// take hands out what happened since it was last called.
func (s *session) take() []Event {
	out := s.observed
	s.observed = nil
	return out
}

// nextNonce is unique on the stream.
func (s *session) nextNonce() string {
	s.nonce++
	return strconv.Itoa(s.nonce)
}

// ordered tells whether the type has a place in the order of types.
func ordered(typeURL string) bool {
	for _, u := range additionOrder {
		if u == typeURL {
			return true
		}
	}
	return false
}
