package translate

import (
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// class is all that what is shared may know of a proxy. Proxies of one class
// have the same clusters, endpoints and outbound virtual hosts.
type class struct {
	namespace string
	labels    map[string]string
	gateway   bool
	bind      string // the address that calls leave from; "" is any
}

func classOf(snap *model.Snapshot, w *model.Workload) class {
	return class{namespace: w.Namespace, labels: w.Labels, gateway: w.Gateway, bind: w.Address}
}

// shared compiles what the proxies of a class have in common; w is any of them.
func (r *round) shared(c class, w *model.Workload) []*Part {
	services := visible(r.snap, c.namespace)
	var clusters, endpoints []*Part
	for _, s := range services {
		policy := r.snap.DestinationFor(s, *w)
		found := r.eps.Find(s.Key())
		clusters = append(clusters, r.clusters.of(clusterInput{
			mesh: r.mesh, service: s, policy: policy, named: named(s, found), bind: bindsSource(s, found, c.bind),
		}))
		endpoints = append(endpoints, r.endpoints.of(endpointsInput{service: s, policy: policy, endpoints: found}))
	}
	out := []*Part{r.joined.of(joinInput{clusters}), r.joined.of(joinInput{endpoints})}
	if !c.gateway {
		out = append(out, r.sidecarHosts(c, w, services))
	}
	return out
}

// visible gives the service of each host that a namespace sees, by host: its
// own first, then by namespace, as Snapshot.Service does for one host.
func visible(snap *model.Snapshot, namespace string) []*model.Service {
	best := map[string]*model.Service{}
	for _, s := range snap.Services {
		have, found := best[s.Host]
		if s.VisibleTo(namespace) && (!found || closer(s, have, namespace)) {
			best[s.Host] = s
		}
	}
	return slices.SortedFunc(maps.Values(best), func(a, b *model.Service) int { return strings.Compare(a.Host, b.Host) })
}

func closer(a, b *model.Service, namespace string) bool {
	if own := a.Namespace == namespace; own != (b.Namespace == namespace) {
		return own
	}
	return a.Namespace < b.Namespace
}
