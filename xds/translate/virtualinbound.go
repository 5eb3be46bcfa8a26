package translate

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// clusterInboundPassthrough leads to ports of the machine that the mesh does
// not know.
const clusterInboundPassthrough = "InboundPassthroughCluster"

// passthroughListener is what names of the chains of unknown ports begin with.
const passthroughListener = "inbound|passthrough"

// virtualInbound takes all that the kernel redirects of what others call. A
// port that is served has its chains; what is for any other goes to it as it
// comes, after the workload's mutual TLS and what its policies say of
// connections.
func (p *proxy) virtualInbound(served []servedPort) {
	l := &listenerv3.Listener{
		Name:                VirtualInbound,
		Address:             address(anyAddress, InboundPort),
		AdditionalAddresses: []*listenerv3.AdditionalAddress{{Address: address(anyAddress6, InboundPort)}},
		TrafficDirection:    corev3.TrafficDirection_INBOUND,
		FilterChains:        []*listenerv3.FilterChain{notToItself(InboundPort)},
	}
	var unseen, sniffed []uint32 // ports without TLS, and where HTTP is recognized
	for _, port := range p.withUnlisted(served) {
		mode, ok := p.accepted(port.number)
		if !ok { // no port without its own chains: it would be taken for an unknown one
			l.FilterChains = append(l.FilterChains, notToItself(port.number))
			continue
		}
		if port.cluster() != clusterInboundPassthrough {
			p.out.Clusters = append(p.out.Clusters, port.clusterOf())
		}
		chains := p.inboundChains(port.listener(p.w.Address), port, mode)
		for _, c := range chains {
			c.FilterChainMatch.DestinationPort = wrapperspb.UInt32(port.number)
		}
		l.FilterChains = append(l.FilterChains, chains...)
		if !inspected(port, mode) {
			unseen = append(unseen, port.number)
		}
		if port.protocol == model.Auto && port.tls == nil {
			sniffed = append(sniffed, port.number)
		}
	}
	anyPort := servedPort{protocol: model.TCP, unlisted: true}
	p.out.Clusters = append(p.out.Clusters, anyPort.clusterOf())
	if mode, ok := p.accepted(0); ok {
		l.FilterChains = append(l.FilterChains, p.inboundChains(passthroughListener, anyPort, mode)...)
	}
	p.inspect(l, unseen, sniffed)
	p.out.Listeners = append(p.out.Listeners, l)
}

// withUnlisted adds those ports that no service has, but that a
// PeerAuthentication says something of.
func (p *proxy) withUnlisted(served []servedPort) []servedPort {
	out := slices.Clone(served)
	for _, m := range p.accepts.ports {
		if !slices.ContainsFunc(served, func(s servedPort) bool { return s.number == m.port }) {
			out = append(out, servedPort{number: m.port, protocol: model.TCP, unlisted: true})
		}
	}
	return out
}

// inspect has the listener look at first bytes, where that tells something.
func (p *proxy) inspect(l *listenerv3.Listener, unseen, sniffed []uint32) {
	if len(sniffed) > 0 {
		p.sniff(l)
		l.ListenerFilters[len(l.ListenerFilters)-1].FilterDisabled = &listenerv3.ListenerFilterChainMatchPredicate{
			Rule: &listenerv3.ListenerFilterChainMatchPredicate_NotMatch{NotMatch: forPorts(sniffed)}}
	} else {
		p.sniffTLS(l)
	}
	if len(unseen) > 0 {
		l.ListenerFilters[0].FilterDisabled = forPorts(unseen)
	}
	originally(l)
}

// forPorts holds for connections to some ports.
func forPorts(ports []uint32) *listenerv3.ListenerFilterChainMatchPredicate {
	var rules []*listenerv3.ListenerFilterChainMatchPredicate
	for _, port := range ports {
		rules = append(rules, &listenerv3.ListenerFilterChainMatchPredicate{Rule: &listenerv3.ListenerFilterChainMatchPredicate_DestinationPortRange{
			DestinationPortRange: &typev3.Int32Range{Start: int32(port), End: int32(port) + 1}}})
	}
	if len(rules) == 1 {
		return rules[0]
	}
	return &listenerv3.ListenerFilterChainMatchPredicate{Rule: &listenerv3.ListenerFilterChainMatchPredicate_OrMatch{
		OrMatch: &listenerv3.ListenerFilterChainMatchPredicate_MatchSet{Rules: rules}}}
}

// originalPort makes the cluster of a port call the application where its
// caller meant to.
func originalPort(c *clusterv3.Cluster) {
	toOriginal(c)
	c.UpstreamBindConfig = fromAppSource()
}
