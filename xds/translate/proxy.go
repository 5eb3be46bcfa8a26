package translate

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"github.com/krater-mesh/krater/model"
)

// proxy is a proxy's own part under way: what it is made of, and what came out.
type proxy struct {
	view
	report
	w       model.Workload
	out     Resources
	secrets []secretUse
	// managers are those of the ports that are called, by the port.
	managers map[uint32][]*listenerv3.Filter
	made     *regoFilters // once made: all chains that are served have the same
}

// redirected tells whether the kernel leads traffic to the proxy.
func (p *proxy) redirected() bool { return p.w.Interception == model.InterceptByRedirect }

// captureNone is Istio's word for a listener that is bound, though traffic is
// redirected.
const captureNone = "NONE"

// captures tells whether a Sidecar's listener gets traffic by that.
func (p *proxy) captures(mode string) bool { return p.redirected() && mode != captureNone }

// ownPart makes a proxy's own part.
func ownPart(v view) *Part {
	p := &proxy{view: v, w: *v.workload, managers: map[uint32][]*listenerv3.Filter{}}
	p.out.Clusters = append(p.out.Clusters, blackHole())
	if p.w.Gateway {
		p.gateway()
	} else {
		p.out.Clusters = append(p.out.Clusters, passthrough(p.mesh, p.redirected()))
		p.inbound()
		if p.redirected() {
			p.virtualOutbound()
		} else {
			p.outbound()
		}
	}
	p.patchOwnClusters()
	p.patchListeners()
	p.preload() // after them: it is nobody's to patch
	p.out.sort()
	return &Part{Resources: p.out, problems: p.problems, secrets: p.secrets}
}
