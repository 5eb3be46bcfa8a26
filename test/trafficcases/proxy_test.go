package trafficcases_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	caresv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/network/dns_resolver/cares/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/krater-mesh/krater/agent"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/test/harness"
	"github.com/krater-mesh/krater/xds/serve"
)

// proxy is the real Envoy of one workload. It gets each case as an edit.
type proxy struct {
	*harness.Envoy
	plane *harness.Plane
	id    string
	probe string // URL that its one worker answers itself
}

// startProxy runs a workload's proxy with the bootstrap that its agent writes.
// To that are added a name server, and a page to ask the worker.
func startProxy(t *testing.T, plane *harness.Plane, w model.Workload, dns uint32, first serve.Set) *proxy {
	t.Helper()
	b, err := agent.Bootstrap(agent.Proxy{ID: w.ID(), Name: w.Name, Address: w.Address},
		agent.Upstreams{ControlPlane: plane.Socket, SDS: harness.NewIdentity(t, w).SDS, Policyd: "unix:/nonexistent/policyd", OTLP: "unix:/nonexistent/otlp", ALS: "unix:/nonexistent/als"})
	if err != nil {
		t.Fatal(err)
	}
	port := uint32(harness.FreePort(t))
	b.StaticResources.Listeners = append(b.StaticResources.Listeners, probePage(port))
	b.TypedDnsResolverConfig = &corev3.TypedExtensionConfig{Name: "envoy.network.dns_resolver.cares", TypedConfig: boxed(&caresv3.CaresDnsResolverConfig{
		Resolvers: []*corev3.Address{{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: dns}}}}}})}
	text, err := agent.MarshalBootstrap(b)
	if err != nil {
		t.Fatal(err)
	}
	plane.Offer(t, w.ID(), probed(first))
	e := harness.StartEnvoyAt(t, text, fmt.Sprintf("http://%s", net.JoinHostPort(w.Address, fmt.Sprint(agent.AdminPort))))
	return &proxy{Envoy: e, plane: plane, id: w.ID(), probe: fmt.Sprintf("http://127.0.0.1:%d/", port)}
}

// publish gives the proxy a set, and waits until requests meet it: nothing
// warms, and the worker has taken what the main thread handed it. What warms
// for too long counts as refused.
func (p *proxy) publish(t *testing.T, set serve.Set) (refused []string) {
	t.Helper()
	for _, e := range p.plane.Publish(t, p.id, probed(set)) {
		refused = append(refused, fmt.Sprintf("%s %v: %s", e.Type, e.Names, e.Detail))
	}
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		warming := p.Stat(t, "cluster_manager.warming_clusters") + " clusters, " + p.Stat(t, "listener_manager.total_listeners_warming") + " listeners"
		if warming == "0 clusters, 0 listeners" {
			break
		}
		if time.Now().After(deadline) {
			refused = append(refused, warming+" warm for ever")
			break
		}
	}
	for range 2 {
		res, err := http.Get(p.probe)
		if err != nil {
			t.Fatalf("asking the worker of %s: %v", p.id, err)
		}
		res.Body.Close()
	}
	return refused
}

// What the proxy tells of each request, in headers of the answer.
var told = map[string]string{"x-told-cluster": "%UPSTREAM_CLUSTER_RAW%", "x-told-route": "%ROUTE_NAME%",
	"x-told-details": "%RESPONSE_CODE_DETAILS%", "x-told-flags": "%RESPONSE_FLAGS%"}

// probed adds a filter that tells, before all others, to every listener.
func probed(set serve.Set) serve.Set {
	out := serve.Set{}
	for typeURL, all := range set {
		out[typeURL] = map[string]proto.Message{}
		for name, m := range all {
			switch one := m.(type) {
			case *corev3.TypedExtensionConfig:
				m = tellingManager(one)
			case *listenerv3.Listener:
				m = tellingListener(one)
			}
			out[typeURL][name] = m
		}
	}
	return out
}

// tellingManager has a connection manager, which comes as an extension, tell;
// others stay.
func tellingManager(e *corev3.TypedExtensionConfig) *corev3.TypedExtensionConfig {
	return &corev3.TypedExtensionConfig{Name: e.Name, TypedConfig: tellingConfig(e.GetTypedConfig())}
}

// tellingListener is the same for those that the listener holds itself.
func tellingListener(l *listenerv3.Listener) *listenerv3.Listener {
	l = proto.CloneOf(l)
	for _, c := range append(l.FilterChains[:len(l.FilterChains):len(l.FilterChains)], l.GetDefaultFilterChain()) {
		for _, f := range c.GetFilters() {
			if f.GetTypedConfig() != nil {
				f.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: tellingConfig(f.GetTypedConfig())}
			}
		}
	}
	return l
}

func tellingConfig(config *anypb.Any) *anypb.Any {
	m := &hcmv3.HttpConnectionManager{}
	if config.UnmarshalTo(m) != nil {
		return config
	}
	m.HttpFilters = append([]*hcmv3.HttpFilter{{Name: "told", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: boxed(telling())}}}, m.HttpFilters...)
	return boxed(m)
}

func telling() *headermutationv3.HeaderMutation {
	out := &headermutationv3.Mutations{}
	for name, value := range told {
		out.ResponseMutations = append(out.ResponseMutations, &mutationv3.HeaderMutation{Action: &mutationv3.HeaderMutation_Append{Append: &corev3.HeaderValueOption{
			Header: &corev3.HeaderValue{Key: name, Value: value}, AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD}}})
	}
	return &headermutationv3.HeaderMutation{Mutations: out}
}

// probePage is a listener that answers by itself.
func probePage(port uint32) *listenerv3.Listener {
	m := &hcmv3.HttpConnectionManager{StatPrefix: "probe",
		HttpFilters: []*hcmv3.HttpFilter{{Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: boxed(&routerv3.Router{})}}},
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: &routev3.RouteConfiguration{VirtualHosts: []*routev3.VirtualHost{{
			Name: "all", Domains: []string{"*"}, Routes: []*routev3.Route{{
				Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
				Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}}}}}}}}}
	return &listenerv3.Listener{Name: "probe", Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port}}}},
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{Name: "envoy.filters.network.http_connection_manager",
			ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: boxed(m)}}}}}}
}

func boxed(m proto.Message) *anypb.Any {
	out, err := anypb.New(m)
	if err != nil {
		panic(fmt.Sprintf("boxing %s: %v", strings.TrimSpace(string(m.ProtoReflect().Descriptor().Name())), err))
	}
	return out
}
