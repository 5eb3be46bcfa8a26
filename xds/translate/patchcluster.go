package translate

import (
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/krater-mesh/krater/model"
)

// forService keeps those that may concern a service's clusters.
func (list patches) forService(host string) patches {
	var out patches
	for _, p := range list {
		if p.Operation != "ADD" && is(p.Match.Service, host) && (p.Match.Cluster == "" || strings.HasSuffix(p.Match.Cluster, "|"+host)) {
			out = append(out, p)
		}
	}
	return out
}

// patchClusters changes clusters that were just made.
func patchClusters(r *report, list patches, made []*clusterv3.Cluster) []*clusterv3.Cluster {
	made = without(list, made, fitsCluster)
	for _, c := range made {
		patched(r, list, c, func(p *model.EnvoyPatch) bool { return fitsCluster(p, c) })
	}
	return made
}

// fitsCluster reads a cluster's name, "direction|port|subset|host". Others are
// matched by their name alone.
func fitsCluster(p *model.EnvoyPatch, c *clusterv3.Cluster) bool {
	m := p.Match
	name := strings.TrimSuffix(c.Name, connectionsSuffix)
	part := strings.SplitN(name, "|", 4)
	if len(part) != 4 {
		return m.Cluster == c.Name
	}
	port, _ := strconv.Atoi(part[1])
	return is(m.Cluster, name) && isPort(m.Port, uint32(port)) && is(m.Subset, part[2]) && (part[0] == "inbound" || is(m.Service, part[3]))
}

// patchOwnClusters changes those that are the proxy's own, and adds those that
// patches bring.
func (p *proxy) patchOwnClusters() {
	calls := outbound
	if p.w.Gateway {
		calls = gateway
	}
	isOwn := func(one *model.EnvoyPatch, c *clusterv3.Cluster) bool {
		d := calls
		if strings.HasPrefix(c.Name, "inbound|") {
			d = inbound
		}
		return len(patches{one}.of(d, patchCluster)) > 0 && fitsCluster(one, c)
	}
	p.out.Clusters = without(p.patches, p.out.Clusters, isOwn)
	for _, c := range p.out.Clusters {
		patched(&p.report, p.patches, c, func(one *model.EnvoyPatch) bool { return isOwn(one, c) })
	}
	for _, one := range p.patches {
		if one.ApplyTo != patchCluster || one.Operation != "ADD" || len(patches{one}.of(calls, patchCluster))+len(patches{one}.of(inbound, patchCluster)) == 0 {
			continue
		}
		if c, ok := read(&p.report, one, &clusterv3.Cluster{}); ok {
			p.out.Clusters = append(p.out.Clusters, c)
		}
	}
}
