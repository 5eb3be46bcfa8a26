package relay

import (
	"maps"
	"slices"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
)

// subscription is what Envoy wants and has of one type.
type subscription struct {
	typeURL string
	all     bool                // wildcard
	greeted bool                // something came for the wildcard
	names   map[string]struct{} // subscribed by name
	asked   map[string]struct{} // of these, not answered yet
	has     resources           // acknowledged; as the control plane sent them
	refused map[string]refused  // by name, and nothing else was taken since
	flights map[string]*flight  // by our nonce
	link    int                 // the number of the link on which it was subscribed; 0: none
	current bool                // has is all that Envoy shall have, not a beginning of it
	hosted  map[string]bool     // of virtual hosts: the route configurations of which Envoy was sent any
}

// refused is a version that Envoy does not take, and why.
type refused struct {
	version string
	status  *rpcstatus.Status
}

// flight is a response that Envoy has not answered.
type flight struct {
	link      int    // the number of the link it came by; 0: from the last good
	nonce     string // the control plane's
	resources []*discoveryv3.Resource
	removed   []string
	instead   bool // of something newer, which Envoy refused
	again     bool // what it has, standing otherwise
}

func newSubscription(typeURL string) *subscription {
	return &subscription{
		typeURL: typeURL, names: map[string]struct{}{}, asked: map[string]struct{}{},
		has: resources{}, refused: map[string]refused{}, flights: map[string]*flight{}, hosted: map[string]bool{},
	}
}

// wants tells whether Envoy would take a resource of this name. Virtual hosts
// are pushed; what they belong to, the session knows.
func (t *subscription) wants(name string) bool {
	_, named := t.names[name]
	return t.all || named || t.typeURL == typeVirtualHost
}

// first takes the first request: kept is what may be among what Envoy says it
// has from before.
func (t *subscription) first(req *discoveryv3.DeltaDiscoveryRequest, kept resources) {
	t.all = wildcardByDefault(t.typeURL) && len(req.GetResourceNamesSubscribe()) == 0
	for name, version := range req.GetInitialResourceVersions() {
		if r := kept[name]; r != nil && r.GetVersion() == version {
			t.has[name] = r
			t.hosted[routesOf(name)] = true
		}
	}
	t.subscribe(req.GetResourceNamesSubscribe())
	for name := range t.has {
		delete(t.asked, name)
	}
}

func (t *subscription) subscribe(names []string) {
	for _, name := range names {
		if name == wildcard {
			t.all = true
			continue
		}
		t.names[name] = struct{}{}
		t.asked[name] = struct{}{}
	}
}

func (t *subscription) unsubscribe(names []string) {
	for _, name := range names {
		if name == wildcard {
			t.all = false
			maps.DeleteFunc(t.has, func(name string, _ *discoveryv3.Resource) bool { return !t.wants(name) })
			continue
		}
		delete(t.names, name)
		delete(t.asked, name)
		delete(t.refused, name)
		delete(t.has, name)
	}
}

// answered notes that a response is on its way to Envoy.
func (t *subscription) answered(nonce string, f *flight) {
	t.greeted = true
	t.flights[nonce] = f
	for _, r := range f.resources {
		delete(t.asked, r.GetName())
		t.hosted[routesOf(r.GetName())] = true
	}
	for _, name := range f.removed {
		delete(t.asked, name)
		t.hosted[routesOf(name)] = true
	}
}

// taken puts an acknowledged response among what Envoy has.
func (t *subscription) taken(f *flight) {
	for _, r := range f.resources {
		if t.wants(r.GetName()) {
			t.has[r.GetName()] = r
		}
		delete(t.refused, r.GetName())
	}
	for _, name := range f.removed {
		delete(t.has, name)
		delete(t.refused, name)
	}
}

// nacked notes what was refused, where it is known: in a response of one.
func (t *subscription) nacked(f *flight, status *rpcstatus.Status) {
	if len(f.resources) == 1 && !f.again {
		t.refused[f.resources[0].GetName()] = refused{f.resources[0].GetVersion(), status}
	}
}

// known is why Envoy would refuse a response, or should: a filter's
// configuration that it refused once is no change to it when it comes again,
// by another link, and would be acknowledged. Nil: it is to be asked.
func (t *subscription) known(res *discoveryv3.DeltaDiscoveryResponse) *rpcstatus.Status {
	if t.typeURL != typeExtension || len(res.GetResources()) != 1 {
		return nil
	}
	r := res.GetResources()[0]
	if before, ok := t.refused[r.GetName()]; ok && before.version == r.GetVersion() {
		return before.status
	}
	return nil
}

// opening is the first request of the type on a new link: what Envoy wants,
// and what it has. What is on its way to it counts as had; if Envoy refuses
// that, the link is begun anew.
func (t *subscription) opening() *discoveryv3.DeltaDiscoveryRequest {
	versions := map[string]string{}
	for name, r := range t.has {
		versions[name] = r.GetVersion()
	}
	for _, f := range t.flights {
		for _, r := range f.resources {
			versions[r.GetName()] = r.GetVersion()
		}
		for _, name := range f.removed {
			delete(versions, name)
		}
	}
	for name := range t.asked {
		delete(versions, name)
	}
	names := slices.Sorted(maps.Keys(t.names))
	if t.all && len(names) > 0 {
		names = slices.Insert(names, 0, wildcard)
	}
	return &discoveryv3.DeltaDiscoveryRequest{TypeUrl: t.typeURL, ResourceNamesSubscribe: names, InitialResourceVersions: versions}
}

// complete tells whether has is all that Envoy shall have, when nothing more
// comes.
func (t *subscription) complete() bool {
	return len(t.flights) == 0 && len(t.asked) == 0 && (!t.all || t.greeted)
}
