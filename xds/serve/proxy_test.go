package serve

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// proxy behaves as Envoy does: it subscribes to what its listeners and
// clusters name, says one empty request for virtual hosts, withholds the
// acknowledgement of clusters while one is warming, and takes nothing of a
// response that it refuses. It says what a server did wrong.
type proxy struct {
	failf   func(format string, args ...any)
	refuses func(text string) bool // nil: nothing

	has     map[string]map[string]*discovery.Resource
	wants   map[string]map[string]bool // names subscribed
	asked   map[string]bool            // types requested on this stream
	warming map[string]bool            // clusters without their endpoints
	heard   map[string]bool            // route configurations whose virtual hosts were told
	again   map[string]bool            // type+name that may come again unchanged
	held    *discovery.DeltaDiscoveryRequest
	outbox  []*discovery.DeltaDiscoveryRequest
	flying  map[string]bool // types with an unacknowledged response
	got     int             // resources received
}

func newProxy(failf func(string, ...any)) *proxy {
	p := &proxy{
		failf: failf, has: map[string]map[string]*discovery.Resource{}, wants: map[string]map[string]bool{},
		heard: map[string]bool{}, again: map[string]bool{},
	}
	for _, u := range additionOrder {
		p.has[u], p.wants[u] = map[string]*discovery.Resource{}, map[string]bool{}
	}
	p.connect()
	return p
}

// connect begins a stream: Envoy says what it has, in its order of types.
func (p *proxy) connect() {
	p.outbox, p.held = nil, nil
	p.asked, p.flying, p.warming = map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, u := range additionOrder {
		if u == TypeCluster || u == TypeListener || len(p.wants[u]) > 0 || u == TypeVirtualHost && len(p.has[TypeRouteConfiguration]) > 0 {
			p.ask(u, slices.Sorted(maps.Keys(p.wants[u])), nil)
		}
	}
}

// ask sends a subscription; the first of a type says what is here.
func (p *proxy) ask(u string, add, drop []string) {
	req := &discovery.DeltaDiscoveryRequest{TypeUrl: u, ResourceNamesSubscribe: add, ResourceNamesUnsubscribe: drop}
	if !p.asked[u] {
		p.asked[u] = true
		req.Node = &core.Node{Id: "proxy"}
		req.InitialResourceVersions = map[string]string{}
		for name, r := range p.has[u] {
			req.InitialResourceVersions[name] = r.GetVersion()
		}
	}
	p.outbox = append(p.outbox, req)
}

// take receives a response.
func (p *proxy) take(res *discovery.DeltaDiscoveryResponse) {
	u := res.GetTypeUrl()
	if p.flying[u] {
		p.failf("%s: a second response while one is unacknowledged", short(u))
	}
	p.flying[u] = true
	answer := &discovery.DeltaDiscoveryRequest{TypeUrl: u, ResponseNonce: res.GetNonce()}
	for _, r := range res.GetResources() {
		p.got++
		if old := p.has[u][r.GetName()]; old != nil && old.GetVersion() == r.GetVersion() && !p.again[u+r.GetName()] {
			p.failf("%s: %s came again unchanged", short(u), r.GetName())
		}
		if text := textOf(r.GetResource()); p.refuses != nil && p.refuses(text) {
			answer.ErrorDetail = &rpcstatus.Status{Code: 13, Message: "refused: " + text}
		}
	}
	if answer.ErrorDetail != nil {
		for _, r := range res.GetResources() {
			p.again[u+r.GetName()] = true
		}
		p.outbox = append(p.outbox, answer)
		return
	}
	p.apply(res)
	if u == TypeCluster && len(p.warming) > 0 {
		p.held = answer
	} else {
		p.outbox = append(p.outbox, answer)
	}
	if p.held != nil && len(p.warming) == 0 {
		p.outbox, p.held = append(p.outbox, p.held), nil
	}
	p.whole()
}

// apply puts a response in force.
func (p *proxy) apply(res *discovery.DeltaDiscoveryResponse) {
	u := res.GetTypeUrl()
	for _, name := range res.GetRemovedResources() {
		if u == TypeVirtualHost {
			p.heard[routeConfigurationOf(name)] = true
		}
		if u == TypeEndpoint {
			delete(p.warming, name) // it has no endpoints, then
		}
		delete(p.has[u], name)
	}
	for _, r := range res.GetResources() {
		name := r.GetName()
		delete(p.again, u+name)
		switch u {
		case TypeCluster:
			p.warming[name], p.again[TypeEndpoint+name] = true, true
		case TypeEndpoint:
			delete(p.warming, name)
		case TypeVirtualHost:
			of := routeConfigurationOf(name)
			if p.has[TypeRouteConfiguration][of] == nil {
				continue // nobody waits for it
			}
			p.heard[of] = true
		}
		if u != TypeCluster && u != TypeListener && u != TypeVirtualHost && !p.wants[u][name] {
			continue // it has unsubscribed meanwhile
		}
		p.has[u][name] = r
	}
	p.subscribe()
}

// subscribe brings subscriptions in line with listeners and clusters.
func (p *proxy) subscribe() {
	want := map[string]map[string]bool{TypeEndpoint: {}, TypeExtensionConfig: {}, TypeRouteConfiguration: {}}
	for name := range p.has[TypeCluster] {
		want[TypeEndpoint][name] = true
	}
	for name, r := range p.has[TypeListener] {
		want[TypeExtensionConfig][name+"/slot"] = true
		want[TypeRouteConfiguration][strings.Fields(textOf(r.GetResource()))[0]] = true
	}
	for _, u := range []string{TypeEndpoint, TypeExtensionConfig, TypeRouteConfiguration} {
		p.turn(u, want[u])
	}
	for name := range p.has[TypeVirtualHost] {
		if p.has[TypeRouteConfiguration][routeConfigurationOf(name)] == nil {
			delete(p.has[TypeVirtualHost], name)
		}
	}
	if len(p.has[TypeRouteConfiguration]) > 0 && !p.asked[TypeVirtualHost] {
		p.ask(TypeVirtualHost, nil, nil)
	}
}

// turn changes the subscription of one type.
func (p *proxy) turn(u string, want map[string]bool) {
	var add, drop []string
	for name := range want {
		if !p.wants[u][name] {
			add = append(add, name)
		}
	}
	for name := range p.wants[u] {
		if !want[name] {
			drop = append(drop, name)
			delete(p.has[u], name)
			delete(p.warming, name)
			delete(p.heard, name)
		}
	}
	p.wants[u] = want
	slices.Sort(add)
	slices.Sort(drop)
	if len(add)+len(drop) > 0 {
		p.ask(u, add, drop)
	}
}

// whole checks that what is in force refers to nothing that is not.
func (p *proxy) whole() {
	for name, r := range p.has[TypeVirtualHost] {
		to := strings.Fields(textOf(r.GetResource()))[0]
		if p.has[TypeCluster][to] == nil || p.has[TypeEndpoint][to] == nil {
			p.failf("virtual host %s refers to cluster %s, which is not there", name, to)
		}
	}
}

// next is the proxy's next request, nil if it waits.
func (p *proxy) next() *discovery.DeltaDiscoveryRequest {
	if len(p.outbox) == 0 {
		return nil
	}
	req := p.outbox[0]
	p.outbox = p.outbox[1:]
	if req.GetResponseNonce() != "" {
		p.flying[req.GetTypeUrl()] = false
	}
	return req
}

// textOf is what a test resource says: for most types "what it refers to,
// then anything".
func textOf(boxed *anypb.Any) string {
	m, err := boxed.UnmarshalNew()
	if err != nil {
		return err.Error()
	}
	switch m := m.(type) {
	case *wrapperspb.StringValue:
		return m.GetValue()
	case *route.RouteConfiguration:
		return strings.Join(m.GetInternalOnlyHeaders(), " ")
	}
	return fmt.Sprint(m)
}

// say is a resource that says a text.
func say(format string, args ...any) *wrapperspb.StringValue {
	return wrapperspb.String(fmt.Sprintf(format, args...))
}

func testCluster(name string, revision int) *cluster.Cluster {
	return &cluster.Cluster{
		Name: name, ConnectTimeout: &durationpb.Duration{Seconds: int64(revision)},
		ClusterDiscoveryType: &cluster.Cluster_Type{Type: cluster.Cluster_EDS},
	}
}

func testRoutes(name, text string) *route.RouteConfiguration {
	return &route.RouteConfiguration{Name: name, Vhds: &route.Vhds{}, InternalOnlyHeaders: []string{text}}
}
