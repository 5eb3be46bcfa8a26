package translate

import (
	"strconv"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	matcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsinspectorv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"
	networkv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

const chainHTTP = "http"

// internal is where the inside of a CONNECT is looked at. In order:
// the name that CONNECT asked for is that of a port that is not HTTP: there;
// TLS: by its server name; anything else is HTTP (1.1 or 2, the connection
// manager sniffs it), routed by its own Host as plain requests are.
// Sniffing waits for the client's first bytes, so a protocol in which the
// server speaks first loses the timeout once for each connection.
func (p *proxy) internal(routes *routev3.RouteConfiguration) *listenerv3.Listener {
	c := chain{listener: listenerInternal, direction: outbound}
	l := &listenerv3.Listener{
		Name:             c.listener,
		TrafficDirection: corev3.TrafficDirection_OUTBOUND,
		ListenerSpecifier: &listenerv3.Listener_InternalListener{
			InternalListener: &listenerv3.Listener_InternalListenerConfig{},
		},
		ListenerFilters: []*listenerv3.ListenerFilter{{
			Name:       "envoy.filters.listener.tls_inspector",
			ConfigType: &listenerv3.ListenerFilter_TypedConfig{TypedConfig: pack(&tlsinspectorv3.TlsInspector{})},
		}},
		ListenerFiltersTimeout:           &durationpb.Duration{Nanos: 200_000_000},
		ContinueOnListenerFiltersTimeout: true,
		FilterChains: []*listenerv3.FilterChain{{
			Name: chainHTTP, Filters: []*listenerv3.Filter{p.connectionManager(c, routes)},
		}},
	}
	byAuthority, bySNI := map[string]string{}, map[string]string{}
	for _, c := range p.connections {
		s := c.service
		for _, port := range s.Ports {
			if port.Protocol.IsHTTP() {
				continue
			}
			name := tcpListener(port.Number, s.Host)
			l.FilterChains = append(l.FilterChains, &listenerv3.FilterChain{
				Name: name, Filters: []*listenerv3.Filter{serviceTCP(name, c, port)},
			})
			for _, host := range hostNames(s, p.w.Namespace) {
				byAuthority[host+":"+strconv.Itoa(int(port.Number))] = name
				if _, taken := bySNI[host]; port.Protocol.IsTLS() && !taken {
					bySNI[host] = name
				}
			}
		}
	}
	l.FilterChainMatcher = internalMatcher(byAuthority, bySNI)
	return l
}

func internalMatcher(byAuthority, bySNI map[string]string) *matcherv3.Matcher {
	rest := toChain(chainHTTP)
	if len(bySNI) > 0 {
		rest = nested(tree("transport", &networkv3.TransportProtocolInput{},
			map[string]*matcherv3.Matcher_OnMatch{"tls": nested(tree("sni", &networkv3.ServerNameInput{}, toChains(bySNI), nil))}, rest))
	}
	if len(byAuthority) == 0 {
		return &matcherv3.Matcher{OnNoMatch: rest}
	}
	return tree("authority", &networkv3.FilterStateInput{Key: stateAuthority}, toChains(byAuthority), rest)
}

// tree looks an input up in a map.
func tree(name string, input proto.Message, m map[string]*matcherv3.Matcher_OnMatch, otherwise *matcherv3.Matcher_OnMatch) *matcherv3.Matcher {
	return &matcherv3.Matcher{
		MatcherType: &matcherv3.Matcher_MatcherTree_{MatcherTree: &matcherv3.Matcher_MatcherTree{
			Input: &xdscorev3.TypedExtensionConfig{Name: name, TypedConfig: pack(input)},
			TreeType: &matcherv3.Matcher_MatcherTree_ExactMatchMap{
				ExactMatchMap: &matcherv3.Matcher_MatcherTree_MatchMap{Map: m},
			},
		}},
		OnNoMatch: otherwise,
	}
}

func nested(m *matcherv3.Matcher) *matcherv3.Matcher_OnMatch {
	return &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Matcher{Matcher: m}}
}

func toChain(name string) *matcherv3.Matcher_OnMatch {
	return &matcherv3.Matcher_OnMatch{OnMatch: &matcherv3.Matcher_OnMatch_Action{Action: &xdscorev3.TypedExtensionConfig{
		Name: "chain", TypedConfig: pack(wrapperspb.String(name)),
	}}}
}

func toChains(names map[string]string) map[string]*matcherv3.Matcher_OnMatch {
	out := make(map[string]*matcherv3.Matcher_OnMatch, len(names))
	for key, name := range names {
		out[key] = toChain(name)
	}
	return out
}

// hostNames are the names by which a namespace may call a service: all its
// forms, without ports. A wildcard has none that can be looked up.
func hostNames(s *model.Service, namespace string) []string {
	out := []string{s.Host}
	if s.Name != "" {
		out = append(out, s.Name+"."+s.Namespace+".svc", s.Name+"."+s.Namespace)
		if s.Namespace == namespace {
			out = append(out, s.Name)
		}
	}
	return append(out, s.Addresses...)
}
