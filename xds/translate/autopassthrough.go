package translate

import (
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/krater-mesh/krater/model"
)

// A server of AUTO_PASSTHROUGH passes the mesh's mutual TLS on as it is, to
// where its SNI says: each cluster of the mesh has one. There is a chain for
// each name, and not one that takes the name for the cluster's: a client could
// name any cluster then, also those that this gateway itself calls with its own
// identity.

// passed is a service's port, or a subset of it, by the SNI that means it.
type passed struct{ host, namespace, name string }

// passedOn are all that a gateway may pass on, where a server of it does.
func (r *round) passedOn(w *model.Workload, gateways []*model.Gateway) []passed {
	if !slices.ContainsFunc(gateways, passesAutomatically) {
		return nil
	}
	var out []passed
	c := r.classOf(w)
	for _, s := range r.scope(c).called {
		if !passable(s) {
			continue
		}
		policy := r.snap.DestinationFor(s, c.client())
		for _, port := range s.Ports {
			for _, sub := range subsets(policy) {
				out = append(out, passed{s.Host, s.Namespace, serverNameOf(port.Number, subsetName(sub), s.Host)})
			}
		}
	}
	return out
}

func passesAutomatically(g *model.Gateway) bool {
	return slices.ContainsFunc(g.Servers, func(s model.GatewayServer) bool { return s.TLS != nil && s.TLS.Mode == model.TLSAutoPassthrough })
}

// passable: only what is of the mesh takes its mutual TLS; a wildcard is no
// server name.
func passable(s *model.Service) bool {
	return !s.External && s.Resolution == model.ResolutionStatic && !strings.HasPrefix(s.Host, "*")
}

// autoPassthrough has a filter chain for each name that its hosts cover.
func (p planner) autoPassthrough(l *plannedListener, s served) {
	at := s.declared()
	for i, host := range at.Hosts {
		for _, to := range p.passed {
			if at.Namespaces[i] != "" && at.Namespaces[i] != to.namespace || !model.HostMatches(host, to.host) || !p.claim(l, s, to.name) {
				continue
			}
			l.chains = append(l.chains, plannedChain{name: l.name + "|" + to.name, names: []string{to.name}, cluster: to.name})
		}
	}
}

// passedInput is what a service's clusters to pass mutual TLS on by are made of.
type passedInput struct {
	mesh      *model.Mesh
	service   *model.Service
	policy    *model.DestinationPolicy
	endpoints *model.ServiceEndpoints
	caller    caller
	source    bool
}

// passedPart makes them, named by their SNI, with those endpoints that take
// mutual TLS.
func passedPart(in passedInput) *Part {
	b := &clusters{clusterInput: clusterInput{mesh: in.mesh, service: in.service, policy: in.policy, caller: in.caller, noIdentity: true}}
	for _, port := range in.service.Ports {
		for _, sub := range subsets(in.policy) {
			name := serverNameOf(port.Number, subsetName(sub), in.service.Host)
			c := &clusterv3.Cluster{
				Name:                 name,
				ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
				EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: overADS()},
				Metadata:             metadata(map[string]string{"host": in.service.Host, "name": serviceName(in.service), "namespace": in.service.Namespace}),
			}
			if !in.source {
				c.UpstreamBindConfig = anySource()
			}
			policy := in.policy.PolicyFor(subsetName(sub), port.Number)
			policy.TLS, policy.ProxyProtocol, policy.Tunnel = nil, "", nil // it is encrypted by whom it comes from
			b.traffic(c, clusterPlace{port: port, subset: subsetName(sub), connections: true}, policy)
			b.out.Clusters = append(b.out.Clusters, c)
			eps := slices.DeleteFunc(withLabels(in.service, in.endpoints, subsetLabels(sub)), func(e model.Endpoint) bool { return !takesMutual(e, port) })
			a := assignment(name, port, eps)
			prefer(a, eps, in.mesh, in.caller, policy)
			b.out.Endpoints = append(b.out.Endpoints, a)
		}
	}
	return &Part{Resources: b.out, problems: b.problems, secrets: b.secrets}
}

// passedParts are those of all services that a gateway may pass on.
func (r *round) passedParts(c class, w *model.Workload) *Part {
	var parts []*Part
	gateways := selected(r.snap.Gateways, w, func(g *model.Gateway) model.Selector { return g.Selector })
	if slices.ContainsFunc(gateways, passesAutomatically) {
		client := c.client()
		for _, s := range r.scope(c).called {
			if passable(s) {
				found := r.eps.Find(s.Key())
				policy := r.snap.DestinationFor(s, client)
				parts = append(parts, r.passed.of(passedInput{mesh: r.mesh, service: s, policy: policy, endpoints: found,
					caller: callerOf(&client, r.mesh, policy), source: !c.local || fromOwnAddress(s, found)}))
			}
		}
	}
	return r.joined.of(joinInput{parts})
}
