package translate

import (
	"net/netip"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	dnsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/common/dns/v3"
	dnsclusterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dns/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// clusterInput is what a service's clusters are made of, as the proxies of a
// class call it.
type clusterInput struct {
	mesh    *model.Mesh
	service *model.Service
	policy  *model.DestinationPolicy // nil: none
	// named are the endpoints where the cluster itself names them: those of
	// every other service come as resources of their own.
	named     *model.ServiceEndpoints
	namespace string // the caller's, whose credentials are used; "" where none are
	caller    caller
	// source: calls leave from the workload's own address, which the bootstrap
	// has; else from any.
	source   bool
	redirect bool    // the caller's traffic is redirected
	allMTLS  bool    // where it matters: see mutualOriginal
	patches  patches // of its clusters
	// accounts that its endpoints run as; none where no identity is checked.
	accounts   []account
	noIdentity bool
}

// clusterPlace is one of a service's clusters.
type clusterPlace struct {
	port   model.Port
	subset string // "" is the whole service
	// connections: it is the one by which connections are passed on, of a port
	// whose requests have one of their own.
	connections bool
}

func (at clusterPlace) name(host string) string {
	if at.connections {
		return ConnectionsCluster(at.port.Number, at.subset, host)
	}
	return ClusterName(at.port.Number, at.subset, host)
}

// clusters are a service's under way.
type clusters struct {
	clusterInput
	report
	out     Resources
	secrets []secretUse
}

// serviceClusters makes a cluster for each port and each subset.
func serviceClusters(in clusterInput) *Part {
	c := &clusters{clusterInput: in}
	for _, port := range in.service.Ports {
		for _, sub := range subsets(in.policy) {
			policy := in.policy.PolicyFor(subsetName(sub), port.Number)
			c.add(clusterPlace{port: port, subset: subsetName(sub)}, sub, policy)
			if port.Protocol == model.Auto && mutualOf(in.mesh, in.noIdentity, in.service, policy) != notMutual {
				c.add(clusterPlace{port: port, subset: subsetName(sub), connections: true}, sub, policy)
			}
		}
	}
	c.out.Clusters = patchClusters(&c.report, in.patches, c.out.Clusters)
	return &Part{Resources: c.out, problems: c.problems, secrets: c.secrets}
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

// add makes the cluster of a port, or of one subset of it. Where requests are
// told apart from connections, both have a cluster, with the same endpoints:
// what a call offers in mutual TLS tells the other side what comes.
func (b *clusters) add(at clusterPlace, sub *model.Subset, policy model.TrafficPolicy) {
	s, port := b.service, at.port
	name := ClusterName(port.Number, at.subset, s.Host)
	c := &clusterv3.Cluster{
		Name:     at.name(s.Host),
		Metadata: metadata(map[string]string{"host": s.Host, "name": serviceName(s), "namespace": s.Namespace}),
	}
	if at.connections {
		c.AltStatName = name
	}
	switch {
	case dynamic(s, policy): // toNamed has it
	case namesEndpoints(s):
		c.ClusterDiscoveryType = byDNS(s.Resolution == model.ResolutionDNSRoundRobin)
		eps := withLabels(s, b.named, subsetLabels(sub))
		if s.Resolution == model.ResolutionDNSRoundRobin && len(eps) > 1 {
			eps = eps[:1] // Envoy takes one name
		}
		c.LoadAssignment = assignment(name, port, eps)
		prefer(c.LoadAssignment, eps, b.mesh, b.caller, policy)
	default:
		c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
		c.EdsClusterConfig = &clusterv3.Cluster_EdsClusterConfig{EdsConfig: overADS()}
		if at.connections {
			c.EdsClusterConfig.ServiceName = name
		}
	}
	if !b.source {
		c.UpstreamBindConfig = anySource()
	}
	b.traffic(c, at, policy)
	b.out.Clusters = append(b.out.Clusters, c)
}

// byDNS has Envoy look names up: all addresses of the answer are endpoints, or,
// round robin, one after the other is the only one.
func byDNS(roundRobin bool) *clusterv3.Cluster_ClusterType {
	return &clusterv3.Cluster_ClusterType{ClusterType: &clusterv3.Cluster_CustomClusterType{
		Name: "envoy.clusters.dns",
		TypedConfig: pack(&dnsclusterv3.DnsCluster{
			RespectDnsTtl:                true,
			DnsLookupFamily:              dnsv3.DnsLookupFamily_V4_PREFERRED,
			AllAddressesInSingleEndpoint: roundRobin,
		}),
	}}
}

// ownEndpoints are a service's endpoints, where its clusters themselves name them.
func ownEndpoints(s *model.Service, eps *model.ServiceEndpoints) *model.ServiceEndpoints {
	if namesEndpoints(s) {
		return eps
	}
	return nil
}

// namesEndpoints tells whether a service's clusters themselves name where it
// is served: Envoy finds the addresses.
func namesEndpoints(s *model.Service) bool {
	return s.Resolution == model.ResolutionDNS || s.Resolution == model.ResolutionDNSRoundRobin
}

// blackHole is where nothing is reached.
func blackHole() *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 clusterBlackHole,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
		ConnectTimeout:       duration(defaultConnectTimeout),
	}
}

// fromOwnAddress tells whether calls to a service leave from the workload's own
// address, a loopback one: only where each endpoint can be reached from it. It
// reaches nothing outside of the machine.
func fromOwnAddress(s *model.Service, eps *model.ServiceEndpoints) bool {
	if s.Resolution != model.ResolutionStatic || (s.External && (eps == nil || len(eps.Endpoints) == 0)) {
		return false
	}
	if eps != nil {
		for _, e := range eps.Endpoints {
			if a, err := netip.ParseAddr(e.Address); err != nil || !a.IsLoopback() || !a.Is4() {
				return false
			}
		}
	}
	return true
}

// anySource keeps calls from leaving from the workload's own address.
func anySource() *corev3.BindConfig { return &corev3.BindConfig{} }

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

func oneAddress(cluster string, a *corev3.Address) *endpointv3.ClusterLoadAssignment {
	return &endpointv3.ClusterLoadAssignment{
		ClusterName: cluster,
		Endpoints: []*endpointv3.LocalityLbEndpoints{{LbEndpoints: []*endpointv3.LbEndpoint{{
			HostIdentifier:      &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: a}},
			LoadBalancingWeight: wrapperspb.UInt32(1),
		}}}},
	}
}
