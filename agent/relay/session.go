package relay

import (
	"maps"
	"strconv"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
)

// session is the state of one Envoy's stream. It decides what goes where; it
// does not send, wait, read a clock or lock.
type session struct {
	types map[string]*subscription
	order []*subscription // as Envoy asked first
	kept  *lastGood       // what may be answered from; not changed here
	link  int             // the number of the newest link to the control plane; 0: none yet
	nonce int
	// usable tells whether what a kept resource needs is here.
	usable func(*discoveryv3.Resource) bool
}

func newSession(kept *lastGood) *session {
	return &session{types: map[string]*subscription{}, kept: kept, usable: func(*discoveryv3.Resource) bool { return true }}
}

// note takes in what Envoy says. If it answers a response, that is given back.
func (s *session) note(req *discoveryv3.DeltaDiscoveryRequest) (t *subscription, answered *flight) {
	t, known := s.types[req.GetTypeUrl()]
	if !known {
		t = newSubscription(req.GetTypeUrl())
		s.types[t.typeURL] = t
		s.order = append(s.order, t)
		t.first(req, s.kept.types[t.typeURL])
		return t, nil
	}
	if f := t.flights[req.GetResponseNonce()]; f != nil {
		delete(t.flights, req.GetResponseNonce())
		answered = f
		if req.GetErrorDetail() == nil {
			t.taken(f)
		} else {
			t.nacked(f, req.GetErrorDetail())
		}
	}
	t.unsubscribe(req.GetResourceNamesUnsubscribe())
	t.subscribe(req.GetResourceNamesSubscribe())
	if t.typeURL == typeRoutes {
		s.dropHosts(req.GetResourceNamesUnsubscribe())
		s.dropHosts(req.GetResourceNamesSubscribe())
	}
	return t, answered
}

// dropHosts forgets the virtual hosts of route configurations that Envoy
// dropped or asked for anew: it has dropped them too.
func (s *session) dropHosts(routes []string) {
	hosts, ok := s.types[typeVirtualHost]
	if !ok || len(routes) == 0 {
		return
	}
	again := map[string]bool{}
	for _, name := range routes {
		again[name] = true
		delete(hosts.hosted, name)
	}
	maps.DeleteFunc(hosts.has, func(name string, _ *discoveryv3.Resource) bool { return again[routesOf(name)] })
}

// forward is what the control plane is told of a request that was noted, on
// the newest link; nil: nothing.
func (s *session) forward(t *subscription, answered *flight, req *discoveryv3.DeltaDiscoveryRequest) *discoveryv3.DeltaDiscoveryRequest {
	if t.link != s.link {
		t.link = s.link
		return t.opening()
	}
	out := &discoveryv3.DeltaDiscoveryRequest{
		TypeUrl: t.typeURL, ResourceNamesSubscribe: req.GetResourceNamesSubscribe(), ResourceNamesUnsubscribe: req.GetResourceNamesUnsubscribe(),
	}
	if answered != nil && answered.link == s.link {
		out.ResponseNonce, out.ErrorDetail = answered.nonce, req.GetErrorDetail()
	}
	if out.ResponseNonce == "" && len(out.ResourceNamesSubscribe)+len(out.ResourceNamesUnsubscribe) == 0 {
		return nil
	}
	return out
}

// connected begins a new link: all that Envoy wants is asked for on it, in
// Envoy's order.
func (s *session) connected(link int) []*discoveryv3.DeltaDiscoveryRequest {
	s.link = link
	var out []*discoveryv3.DeltaDiscoveryRequest
	for _, t := range s.order {
		t.link = link
		out = append(out, t.opening())
	}
	return out
}

// response is what Envoy is sent of a response of the newest link; nil if it
// did not ask for the type.
func (s *session) response(res *discoveryv3.DeltaDiscoveryResponse) *discoveryv3.DeltaDiscoveryResponse {
	t, ok := s.types[res.GetTypeUrl()]
	if !ok {
		return nil
	}
	return s.send(t, &flight{link: s.link, nonce: res.GetNonce(), resources: res.GetResources(), removed: res.GetRemovedResources()})
}

// send makes a response to Envoy.
func (s *session) send(t *subscription, f *flight) *discoveryv3.DeltaDiscoveryResponse {
	s.nonce++
	nonce := strconv.Itoa(s.nonce)
	t.answered(nonce, f)
	return &discoveryv3.DeltaDiscoveryResponse{TypeUrl: t.typeURL, Nonce: nonce, Resources: f.resources, RemovedResources: f.removed}
}

// refusal is the relay's own answer to a response that it does not hand on.
func refusal(res *discoveryv3.DeltaDiscoveryResponse, status *rpcstatus.Status) *discoveryv3.DeltaDiscoveryRequest {
	return &discoveryv3.DeltaDiscoveryRequest{TypeUrl: res.GetTypeUrl(), ResponseNonce: res.GetNonce(), ErrorDetail: status}
}

// settle is called when nothing has come for a while. If Envoy waits for
// nothing then, what it has is all that it shall have. All types at once: what
// one has, another may be about to ask for.
func (s *session) settle() {
	for _, t := range s.order {
		if !t.complete() || t.typeURL == typeVirtualHost && len(s.unhosted(t)) > 0 {
			return
		}
	}
	for _, t := range s.order {
		t.current = true
	}
}

// good is what is to be kept: of each current type what Envoy has.
func (s *session) good(before *lastGood) *lastGood {
	next := before.clone()
	for _, t := range s.order {
		if t.current {
			next.types[t.typeURL] = maps.Clone(t.has)
			delete(next.broken, t.typeURL)
		}
	}
	for typeURL := range next.types {
		if !wildcardByDefault(typeURL) && s.types[typeURL] == nil && s.isCurrent(typeCluster) && s.isCurrent(typeListener) {
			next.types[typeURL] = resources{} // nothing refers to any
		}
	}
	return next
}

func (s *session) isCurrent(typeURL string) bool {
	t := s.types[typeURL]
	return t != nil && t.current
}
