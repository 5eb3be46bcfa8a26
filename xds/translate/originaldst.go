package translate

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	originaldstv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/original_dst/v3"

	"github.com/krater-mesh/krater/model"
)

// appSource6 is appSource for IPv6: `krater agent redirect` makes it.
const appSource6 = "::6"

// toOriginal makes a cluster go where each connection was going when the
// kernel redirected it.
func toOriginal(c *clusterv3.Cluster) {
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_ORIGINAL_DST}
	c.LbPolicy = clusterv3.Cluster_CLUSTER_PROVIDED
	c.LbConfig, c.EdsClusterConfig, c.LoadAssignment = nil, nil, nil
}

// originally finds out where a redirected connection was going.
func originally(l *listenerv3.Listener) {
	l.ListenerFilters = append([]*listenerv3.ListenerFilter{
		listenerFilter("envoy.filters.listener.original_dst", pack(&originaldstv3.OriginalDst{})),
	}, l.ListenerFilters...)
}

// fromAppSource has calls to the application leave from the addresses that the
// kernel's rules leave alone.
func fromAppSource() *corev3.BindConfig {
	b := bindTo(appSource)
	b.ExtraSourceAddresses = []*corev3.ExtraSourceAddress{{Address: bindTo(appSource6).SourceAddress}}
	return b
}

// original tells whether calls to a port go where they were going: that is
// where callers mean one place, and not any that serves the service.
func (in clusterInput) original(port model.Port, t model.TrafficPolicy) bool {
	if !in.redirect || in.service.Resolution == model.ResolutionDynamicDNS {
		return false
	}
	return dynamic(in.service, t) || in.service.Headless && !port.Protocol.MayBeHTTP()
}

// mutualOriginal has calls to a headless service be mutual TLS where each of
// its endpoints takes it: one that is found by its address says nothing itself.
func (b *clusters) mutualOriginal(c *clusterv3.Cluster) {
	if b.allMTLS && len(c.TransportSocketMatches) > 0 {
		c.TransportSocket = c.TransportSocketMatches[0].TransportSocket
	}
	c.TransportSocketMatches = nil
}

func allMTLS(eps *model.ServiceEndpoints) bool {
	return eps != nil && len(eps.Endpoints) > 0 &&
		!slices.ContainsFunc(eps.Endpoints, func(e model.Endpoint) bool { return !e.MTLS || len(e.PlainPorts) > 0 })
}
