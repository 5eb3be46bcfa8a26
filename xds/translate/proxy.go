package translate

import "github.com/krater-mesh/krater/model"

// proxy is a proxy's own part under way: what it is made of, and what came out.
type proxy struct {
	view
	report
	w       model.Workload
	out     Resources
	secrets []secretUse
}

// ownPart makes a proxy's own part.
func ownPart(v view) *Part {
	p := &proxy{view: v, w: *v.workload}
	p.out.Clusters = append(p.out.Clusters, blackHole())
	if p.w.Gateway {
		p.gateway()
	} else {
		p.out.Clusters = append(p.out.Clusters, passthrough(p.mesh))
		p.inbound()
		p.outbound()
	}
	p.patchOwnClusters()
	p.patchListeners()
	p.out.sort()
	return &Part{Resources: p.out, problems: p.problems, secrets: p.secrets}
}
