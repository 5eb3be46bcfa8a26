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

// clusterInput is what a service's clusters are made of, as the proxies of a
// class call it.
type clusterInput struct {
	mesh    *model.Mesh
	service *model.Service
	policy  *model.DestinationPolicy // nil: none
	// named are the endpoints where the cluster itself names them: those of
	// every other service come as resources of their own.
	named *model.ServiceEndpoints
	bind  string // the address that calls leave from; "" is any
}

// clusters are a service's under way.
type clusters struct {
	clusterInput
	report
	out Resources
}

// serviceClusters makes a cluster for each port and each subset.
func serviceClusters(in clusterInput) *Part {
	c := &clusters{clusterInput: in}
	for _, port := range in.service.Ports {
		for _, sub := range subsets(in.policy) {
			c.add(port, sub)
		}
	}
	return &Part{Resources: c.out, problems: c.problems}
}

// subsets are those of a policy after the whole, which is nil.
func subsets(p *model.DestinationPolicy) []*model.Subset {
	out := []*model.Subset{nil}
	if p != nil {
		for i := range p.Subsets {
			out = append(out, &p.Subsets[i])
		}
	}
	return out
}

// subsetName and subsetLabels are those of the whole service for nil.
func subsetName(s *model.Subset) string {
	if s == nil {
		return ""
	}
	return s.Name
}

func subsetLabels(s *model.Subset) map[string]string {
	if s == nil {
		return nil
	}
	return s.Labels
}

// trafficPolicy is what holds for a subset.
func trafficPolicy(p *model.DestinationPolicy, s *model.Subset) model.TrafficPolicy {
	switch {
	case p == nil:
		return model.TrafficPolicy{}
	case s == nil:
		return p.Policy
	}
	return p.Policy.Merge(s.Policy)
}

// add makes the cluster of a port, or of one subset of it.
func (b *clusters) add(port model.Port, sub *model.Subset) {
	s := b.service
	name := ClusterName(port.Number, subsetName(sub), s.Host)
	c := &clusterv3.Cluster{
		Name:            name,
		Metadata:        metadata(map[string]string{"host": s.Host, "name": serviceName(s), "namespace": s.Namespace}),
		DnsLookupFamily: clusterv3.Cluster_V4_PREFERRED,
	}
	if s.Resolution == model.ResolutionDNS {
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STRICT_DNS}
		//lint:ignore SA1019 its replacement is a cluster type of its own, which strict DNS here is not
		c.RespectDnsTtl = true
		c.LoadAssignment = assignment(name, port, withLabels(s, b.named, subsetLabels(sub)))
	} else {
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: overADS()}
	}
	if b.bind != "" {
		c.UpstreamBindConfig = bindTo(b.bind)
	}
	b.traffic(c, port, trafficPolicy(b.policy, sub))
	b.out.Clusters = append(b.out.Clusters, c)
}

// named are a service's endpoints, where its clusters themselves name them.
func named(s *model.Service, eps *model.ServiceEndpoints) *model.ServiceEndpoints {
	if s.Resolution == model.ResolutionDNS {
		return eps
	}
	return nil
}

// blackHole is where nothing is reached.
func blackHole() *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 clusterBlackHole,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       duration(defaultConnectTimeout),
	}
}

// bindsSource gives the workload's own address where calls leave from it: only
// where each endpoint can be reached from it. A loopback address reaches
// nothing outside of the machine.
func bindsSource(s *model.Service, eps *model.ServiceEndpoints, address string) string {
	if s.Resolution == model.ResolutionDNS || (s.External && (eps == nil || len(eps.Endpoints) == 0)) {
		return ""
	}
	own, err := netip.ParseAddr(address)
	if err != nil || !own.IsLoopback() {
		return ""
	}
	if eps != nil {
		for _, e := range eps.Endpoints {
			if a, err := netip.ParseAddr(e.Address); err != nil || a.IsLoopback() != own.IsLoopback() || a.Is4() != own.Is4() {
				return ""
			}
		}
	}
	return address
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
