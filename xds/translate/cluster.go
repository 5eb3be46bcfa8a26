package translate

import (
	"net/netip"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	internalv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/internal_upstream/v3"
	rawv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// appSource is the address that a sidecar calls its application from, so that
// the application can tell such calls from its own.
const appSource = "127.0.0.6"

// clusters makes a cluster for each port of each service and each subset, and
// those that every proxy has.
func (p *proxy) clusters() {
	p.out.Clusters = append(p.out.Clusters, &clusterv3.Cluster{
		Name:                 clusterBlackHole,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       duration(defaultConnectTimeout),
	})
	for _, s := range p.services {
		d := p.destination(s)
		for _, port := range s.Ports {
			p.serviceCluster(s, port, d, nil)
			for _, sub := range d.Subsets {
				p.serviceCluster(s, port, d, &sub)
			}
		}
	}
}

// serviceCluster makes the cluster of a port, or of one subset of it.
func (p *proxy) serviceCluster(s *model.Service, port model.Port, d *model.DestinationPolicy, sub *model.Subset) {
	name, policy, labels := ClusterName(port.Number, "", s.Host), d.Policy, map[string]string(nil)
	if sub != nil {
		name, policy, labels = ClusterName(port.Number, sub.Name, s.Host), d.Policy.Merge(sub.Policy), sub.Labels
	}
	c := &clusterv3.Cluster{
		Name:            name,
		Metadata:        metadata(map[string]string{"host": s.Host, "name": serviceName(s), "namespace": s.Namespace}),
		DnsLookupFamily: clusterv3.Cluster_V4_PREFERRED,
	}
	eps := p.endpointsOf(s, labels)
	if s.Resolution == model.ResolutionDNS {
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STRICT_DNS}
		//lint:ignore SA1019 its replacement is a cluster type of its own, which strict DNS here is not
		c.RespectDnsTtl = true
		c.LoadAssignment = assignment(name, port, eps)
	} else {
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: overADS()}
		p.out.Endpoints = append(p.out.Endpoints, assignment(name, port, eps))
	}
	if p.bindsSource(s, eps) {
		c.UpstreamBindConfig = bindTo(p.w.Address)
	}
	p.traffic(c, port, policy, d.Object)
	p.out.Clusters = append(p.out.Clusters, c)
}

// bindsSource tells whether calls leave from the workload's own address: only
// where each endpoint can be reached from it. A loopback address reaches
// nothing outside of the machine.
func (p *proxy) bindsSource(s *model.Service, eps []model.Endpoint) bool {
	if s.Resolution == model.ResolutionDNS || (s.External && len(eps) == 0) {
		return false
	}
	own, err := netip.ParseAddr(p.w.Address)
	if err != nil || !own.IsLoopback() {
		return false
	}
	for _, e := range eps {
		if a, err := netip.ParseAddr(e.Address); err != nil || a.IsLoopback() != own.IsLoopback() || a.Is4() != own.Is4() {
			return false
		}
	}
	return true
}

func bindTo(ip string) *corev3.BindConfig {
	return &corev3.BindConfig{SourceAddress: &corev3.SocketAddress{
		Address: ip, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 0},
	}}
}

func serviceName(s *model.Service) string {
	if s.Name != "" {
		return s.Name
	}
	return s.Host
}

// inboundClusterOf leads to the application behind a port.
func inboundClusterOf(port model.WorkloadPort) *clusterv3.Cluster {
	name := inboundCluster(port.Number)
	c := &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       duration(defaultConnectTimeout),
		LoadAssignment:       oneAddress(name, address("127.0.0.1", port.AppPort)),
		UpstreamBindConfig:   bindTo(appSource),
		CircuitBreakers:      breakers(model.ConnectionPool{}),
		CommonLbConfig:       &clusterv3.Cluster_CommonLbConfig{},
	}
	if port.Protocol.IsHTTP() {
		c.TypedExtensionProtocolOptions = protocolOptions(port.Protocol, model.ConnectionPool{})
	}
	return c
}

// internalCluster leads into the internal listener. What is inside a CONNECT
// goes there, and the name it was made for goes along as filter state.
func internalCluster() *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 clusterInternal,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       duration(defaultConnectTimeout),
		CircuitBreakers:      breakers(model.ConnectionPool{}),
		LoadAssignment: oneAddress(clusterInternal, &corev3.Address{Address: &corev3.Address_EnvoyInternalAddress{
			EnvoyInternalAddress: &corev3.EnvoyInternalAddress{
				AddressNameSpecifier: &corev3.EnvoyInternalAddress_ServerListenerName{ServerListenerName: listenerInternal},
			},
		}}),
		TransportSocket: &corev3.TransportSocket{
			Name: "envoy.transport_sockets.internal_upstream",
			ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(&internalv3.InternalUpstreamTransport{
				TransportSocket: &corev3.TransportSocket{
					Name:       "envoy.transport_sockets.raw_buffer",
					ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(&rawv3.RawBuffer{})},
				},
			})},
		},
	}
}

func oneAddress(cluster string, a *corev3.Address) *endpointv3.ClusterLoadAssignment {
	return &endpointv3.ClusterLoadAssignment{
		ClusterName: cluster,
		Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
			HostIdentifier:      &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: a}},
			LoadBalancingWeight: wrapperspb.UInt32(1),
		}}}},
	}
}
