package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Target is one of a route's destinations.
type Target struct {
	Cluster   string   `json:"cluster"` // Envoy's: outbound|PORT|SUBSET|HOST
	Host      string   `json:"host"`
	Subset    string   `json:"subset,omitempty"`
	Port      uint32   `json:"port"`
	Percent   float64  `json:"percent"` // of the route's requests
	Endpoints []Server `json:"endpoints,omitempty"`
	Request   View     `json:"request"` // as it is sent on
	// Status is 503 where no endpoint can be asked; Reason says why.
	Status  uint32 `json:"status,omitempty"`
	Details string `json:"details,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// Server is one endpoint that may get the request.
type Server struct {
	Workload string `json:"workload,omitempty"` // "namespace/name"; empty: outside the mesh
	Address  string `json:"address"`
	Port     uint32 `json:"port"`
	MTLS     bool   `json:"mtls,omitempty"` // the call shows the caller's certificate
}

// targets resolves a route's destinations. Those without weight beside others
// get nothing, and are left out.
func (e *explainer) targets(w model.Workload, r model.HTTPRoute, match *model.HTTPMatch, v View) []Target {
	sum, shares := uint32(0), 0
	for _, d := range r.Destinations {
		if sum += d.Weight; d.Weight > 0 {
			shares++
		}
	}
	var out []Target
	for _, d := range r.Destinations {
		share := 100.0
		if len(r.Destinations) > 1 {
			if d.Weight == 0 {
				continue
			}
			share = 100 * float64(d.Weight) / float64(sum)
		}
		t := e.target(w, d, rewritten(r, d, shares > 1, match, v))
		t.Percent = share
		out = append(out, t)
	}
	return out
}

func clusterName(d model.Destination) string {
	return fmt.Sprintf("outbound|%d|%s|%s", d.Port, d.Subset, d.Host)
}

// named is where a request says that it goes.
func named(v View) Server {
	host, port := SplitAuthority(v.Authority)
	if port == 0 {
		port = httpPort
		if v.Scheme == "https" {
			port = 443
		}
	}
	return Server{Address: host, Port: port}
}

// target is a destination, and what is sent to it.
func (e *explainer) target(w model.Workload, d model.Destination, v View) Target {
	t := Target{
		Request: v,
		Cluster: clusterName(d),
		Host:    d.Host, Subset: d.Subset, Port: d.Port,
	}
	fail := func(details, reason string) Target {
		t.Status, t.Details, t.Reason = 503, details, reason
		return t
	}
	scoped, known := e.snap.ScopeOf(w).Service(d.Host)
	svc, i := scoped.Service, slices.IndexFunc(scoped.Known, func(p model.Port) bool { return p.Number == d.Port })
	if !known || i < 0 {
		return fail("cluster_not_found", fmt.Sprintf("no service %s with port %d", d.Host, d.Port))
	}
	port := scoped.Known[i]
	want, known := e.subset(svc, d.Subset, w)
	if !known {
		return fail("cluster_not_found", fmt.Sprintf("no DestinationRule for %s has the subset %s", svc.Host, d.Subset))
	}
	if e.dynamic(svc, d, w) {
		t.Endpoints = []Server{named(v)}
		return t
	}
	unhealthy, eps := 0, e.labeled(svc, want)
	policy := e.snap.DestinationFor(svc, w).PolicyFor(d.Subset, d.Port)
	for _, ep := range near(eps, w, e.snap.Mesh, policy) {
		if ep.Health == model.Unhealthy {
			unhealthy++
			continue
		}
		t.Endpoints = append(t.Endpoints, Server{ep.Workload, ep.Address, ep.PortFor(port), e.mutual(svc, policy, ep, ep.PortFor(port))})
	}
	if len(t.Endpoints) == 0 {
		return fail("no_healthy_upstream", fmt.Sprintf("no healthy endpoint (%d unhealthy)", unhealthy))
	}
	return t
}

// labeled are a service's endpoints that have the labels. One of DNS without
// any is found by its own name.
func (e *explainer) labeled(svc *model.Service, want map[string]string) []model.Endpoint {
	all := e.endpoints.Of(svc.Key())
	dns := svc.Resolution == model.ResolutionDNS || svc.Resolution == model.ResolutionDNSRoundRobin
	if len(all) == 0 && dns && !strings.HasPrefix(svc.Host, "*") {
		all = []model.Endpoint{{Address: svc.Host}}
	}
	return slices.DeleteFunc(slices.Clone(all), func(ep model.Endpoint) bool { return !model.HasLabels(ep.Labels, want) })
}

// dynamic tells whether a service's calls go where the caller says.
func (e *explainer) dynamic(svc *model.Service, d model.Destination, w model.Workload) bool {
	if svc.Resolution == model.ResolutionNone || svc.Resolution == model.ResolutionDynamicDNS {
		return true
	}
	lb := e.snap.DestinationFor(svc, w).PolicyFor(d.Subset, d.Port).LoadBalancer
	return lb != nil && lb.Balance == model.Passthrough
}

// subset gives the labels of a subset as one namespace sees it.
func (e *explainer) subset(svc *model.Service, name string, client model.Workload) (map[string]string, bool) {
	if name == "" {
		return nil, true
	}
	policy := e.snap.DestinationFor(svc, client)
	if policy == nil {
		return nil, false
	}
	for _, s := range policy.Subsets {
		if s.Name == name {
			return s.Labels, true
		}
	}
	return nil, false
}
