package crds

import (
	"maps"
	"slices"
	"strconv"

	security "istio.io/api/security/v1beta1"

	"github.com/krater-mesh/krater/model"
)

func convertPeerAuthentication(c *conversion) Content {
	in := &security.PeerAuthentication{}
	if !c.read(in) {
		return Content{}
	}
	out := &model.PeerAuthentication{Object: c.object.Ref, Mode: mtlsMode(in.GetMtls())}
	if labels := in.GetSelector().GetMatchLabels(); len(labels) > 0 {
		s := c.selector(labels, "spec.selector.matchLabels")
		out.Selector = &s
	}
	if len(in.GetPortLevelMtls()) > 0 && out.Selector == nil {
		c.add(model.Error, model.CodeInvalidValue, "spec.portLevelMtls", "give a selector",
			"ports are of workloads: without a selector there are none")
	}
	for _, port := range slices.Sorted(maps.Keys(in.GetPortLevelMtls())) {
		c.port(port, join("spec.portLevelMtls", strconv.Itoa(int(port))))
		mode := mtlsMode(in.GetPortLevelMtls()[port])
		if mode == "" {
			continue // as the workload
		}
		if out.Ports == nil {
			out.Ports = map[uint32]model.MTLSMode{}
		}
		out.Ports[port] = mode
	}
	return Content{PeerAuthentication: out}
}

// mtlsMode is empty for UNSET: what is above decides.
func mtlsMode(m *security.PeerAuthentication_MutualTLS) model.MTLSMode {
	if m.GetMode() == security.PeerAuthentication_MutualTLS_UNSET {
		return ""
	}
	return model.MTLSMode(m.GetMode().String())
}

// strictSubstitute stands in for a bad PeerAuthentication: only mutual TLS is
// taken by what it selects. Where that cannot be read, it may be any workload
// of its namespace, so it is each of them.
func strictSubstitute(o *Object) *model.PeerAuthentication {
	out := &model.PeerAuthentication{Object: o.Ref, Mode: model.MTLSStrict, Substitute: true}
	if n := o.Root.Field("spec").Field("selector"); n != nil && n.Kind != Null {
		out.Selector = &model.Selector{Namespace: o.Ref.Namespace, Labels: readableLabels(o)}
	}
	return out
}
