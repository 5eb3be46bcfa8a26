package crds

import (
	"strings"

	typebeta "istio.io/api/type/v1beta1"

	"github.com/krater-mesh/krater/model"
)

// attach says which workloads a filter is for: by a selector, or by targets. As
// in Istio, targets are of the object's own namespace.
func (c *conversion) attach(out *model.FilterBinding, selector *typebeta.WorkloadSelector, refs []*typebeta.PolicyTargetReference) {
	out.Selector = c.selector(selector.GetMatchLabels(), "spec.selector.matchLabels")
	if len(refs) == 0 {
		return
	}
	if selector != nil {
		c.bad("spec.targetRefs", "selector and targetRefs exclude each other")
	}
	if len(refs) > 16 {
		c.bad("spec.targetRefs", "want at most 16")
	}
	var waypoints []string
	for i, ref := range refs {
		at := index("spec.targetRefs", i)
		if ref.GetNamespace() != "" && ref.GetNamespace() != c.object.Ref.Namespace {
			c.bad(at+".namespace", "a target is in the object's own namespace")
		}
		switch strings.TrimPrefix(ref.GetGroup(), "core") + "/" + ref.GetKind() {
		case "gateway.networking.k8s.io/Gateway":
			if ref.GetName() == "" {
				c.missing(at+".name", "which Gateway?")
			}
			out.Gateways = append(out.Gateways, ref.GetName())
		case "/Service", "networking.istio.io/ServiceEntry", "gateway.networking.k8s.io/GatewayClass":
			waypoints = append(waypoints, at)
		default:
			c.add(model.Error, model.CodeInvalidValue, at, "use a selector", "a filter cannot be attached to a %s of the group %q", ref.GetKind(), ref.GetGroup())
		}
	}
	for _, at := range waypoints {
		const why = "only waypoints have filters of a Service, ServiceEntry or GatewayClass, and there are none here: "
		if len(waypoints) == len(refs) {
			c.add(model.Error, model.CodeNotSupported, at, "use a selector for the workloads behind it", why+"it would be nowhere")
		} else {
			c.add(model.Warning, model.CodeNotSupported, at, "use a selector for the workloads behind it", why+"the other targets hold")
		}
	}
}
