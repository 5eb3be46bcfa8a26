package translate

import (
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// endpointsInput is what a service's endpoint resources are made of.
type endpointsInput struct {
	service   *model.Service
	policy    *model.DestinationPolicy // nil: none
	endpoints *model.ServiceEndpoints  // nil: none
	mesh      *model.Mesh
	caller    caller
}

// serviceEndpoints makes an assignment for each cluster that has its endpoints
// from one.
func serviceEndpoints(in endpointsInput) *Part {
	out := &Part{}
	if in.service.Resolution != model.ResolutionStatic {
		return out
	}
	for _, port := range in.service.Ports {
		for _, sub := range subsets(in.policy) {
			policy := in.policy.PolicyFor(subsetName(sub), port.Number)
			if dynamic(in.service, policy) {
				continue
			}
			eps := withLabels(in.service, in.endpoints, subsetLabels(sub))
			a := assignment(ClusterName(port.Number, subsetName(sub), in.service.Host), port, eps)
			prefer(a, eps, in.mesh, in.caller, policy)
			out.Endpoints = append(out.Endpoints, a)
		}
	}
	return out
}

// withLabels gives a service's endpoints that have the labels. A DNS service
// without any is found by its own name.
func withLabels(s *model.Service, eps *model.ServiceEndpoints, labels map[string]string) []model.Endpoint {
	var all, out []model.Endpoint
	if eps != nil {
		all = eps.Endpoints
	}
	if len(all) == 0 && namesEndpoints(s) && !strings.HasPrefix(s.Host, "*") {
		all = []model.Endpoint{{Address: s.Host, Health: model.Healthy, Weight: 1}}
	}
	for _, e := range all {
		if model.HasLabels(e.Labels, labels) {
			out = append(out, e)
		}
	}
	return out
}

// assignment spreads the endpoints by locality, in the order of their names.
func assignment(cluster string, port model.Port, eps []model.Endpoint) *endpointv3.ClusterLoadAssignment {
	out := &endpointv3.ClusterLoadAssignment{ClusterName: cluster}
	groups := map[string]*endpointv3.LocalityLbEndpoints{}
	for _, e := range sortedEndpoints(eps) {
		g, ok := groups[e.Locality]
		if !ok {
			g = &endpointv3.LocalityLbEndpoints{Locality: locality(e.Locality), LoadBalancingWeight: wrapperspb.UInt32(0)}
			groups[e.Locality] = g
			out.Endpoints = append(out.Endpoints, g)
		}
		g.LbEndpoints = append(g.LbEndpoints, lbEndpoint(e, port))
		g.LoadBalancingWeight.Value += max(1, e.Weight)
	}
	return out
}

func sortedEndpoints(eps []model.Endpoint) []model.Endpoint {
	out := slices.Clone(eps)
	slices.SortStableFunc(out, func(a, b model.Endpoint) int {
		return strings.Compare(a.Locality+"\x00"+a.Address+"\x00"+a.Workload, b.Locality+"\x00"+b.Address+"\x00"+b.Workload)
	})
	return out
}

// locality reads "region/zone/subzone".
func locality(s string) *corev3.Locality {
	if s == "" {
		return nil
	}
	part := append(strings.SplitN(s, "/", 3), "", "")
	return &corev3.Locality{Region: part[0], Zone: part[1], SubZone: part[2]}
}

func lbEndpoint(e model.Endpoint, port model.Port) *endpointv3.LbEndpoint {
	out := &endpointv3.LbEndpoint{
		HostIdentifier:      &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: endpointTarget(e, port)}},
		LoadBalancingWeight: wrapperspb.UInt32(max(1, e.Weight)),
		HealthStatus:        corev3.HealthStatus_HEALTHY,
	}
	if e.Health == model.Unhealthy {
		out.HealthStatus = corev3.HealthStatus_UNHEALTHY
	}
	if e.Workload != "" {
		out.Metadata = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{metadataNamespace: endpointFields(e)}}
	}
	out.Metadata = matchable(out.Metadata, e, port)
	return out
}

// endpointTarget is an endpoint's address, or its Unix socket.
func endpointTarget(e model.Endpoint, port model.Port) *corev3.Address {
	if path, ok := strings.CutPrefix(e.Address, "unix://"); ok {
		return &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: path}}}
	}
	return address(e.Address, e.PortFor(port))
}
