package crds

import (
	"strings"

	typebeta "istio.io/api/type/v1beta1"

	"github.com/krater-mesh/krater/model"
)

// targets are what an object is attached to in place of a selector.
type targets struct {
	gateways         []string
	services, others []target // others have no meaning without waypoints
}

// target is one of them, and the field that names it.
type target struct{ at, name string }

// attach says which workloads a filter is for: by a selector, or by targets.
func (c *conversion) attach(out *model.FilterBinding, selector *typebeta.WorkloadSelector, refs []*typebeta.PolicyTargetReference) {
	t := c.targets(selector, refs, "a filter")
	out.Selector, out.Gateways = c.selector(selector.GetMatchLabels(), "spec.selector.matchLabels"), t.gateways
	c.waypoints(append(t.others, t.services...), len(refs), "filters of a Service, ServiceEntry or GatewayClass")
}

// attachPolicy is the same for a policy. One that is attached to a Service is
// for the workloads behind it.
func (c *conversion) attachPolicy(out *model.AuthorizationPolicy, selector *typebeta.WorkloadSelector, refs []*typebeta.PolicyTargetReference) {
	t := c.targets(selector, refs, "a policy")
	out.Selector, out.Gateways = c.selector(selector.GetMatchLabels(), "spec.selector.matchLabels"), t.gateways
	for _, s := range t.services {
		out.Services = append(out.Services, s.name)
	}
	c.waypoints(t.others, len(refs), "policies of a ServiceEntry or GatewayClass")
}

// targets reads an object's targetRefs. As in Istio, they are of the object's
// own namespace.
func (c *conversion) targets(selector *typebeta.WorkloadSelector, refs []*typebeta.PolicyTargetReference, what string) (out targets) {
	if len(refs) > 0 && selector != nil {
		c.bad("spec.targetRefs", "selector and targetRefs exclude each other")
	}
	if len(refs) > 16 {
		c.bad("spec.targetRefs", "want at most 16")
	}
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
			out.gateways = append(out.gateways, ref.GetName())
		case "/Service":
			if ref.GetName() == "" {
				c.missing(at+".name", "which Service?")
			}
			out.services = append(out.services, target{at, ref.GetName()})
		case "networking.istio.io/ServiceEntry", "gateway.networking.k8s.io/GatewayClass":
			out.others = append(out.others, target{at, ref.GetName()})
		default:
			c.add(model.Error, model.CodeInvalidValue, at, "use a selector", "%s cannot be attached to a %s of the group %q", what, ref.GetKind(), ref.GetGroup())
		}
	}
	return out
}

// waypoints reports the targets that nothing here is, of so many.
func (c *conversion) waypoints(refs []target, of int, what string) {
	for _, ref := range refs {
		severity, so := model.Warning, "the other targets hold"
		if len(refs) == of {
			severity, so = model.Error, "it would be nowhere"
		}
		c.add(severity, model.CodeNotSupported, ref.at, "use a selector for the workloads behind it", "only waypoints have %s, and there are none here: %s", what, so)
	}
}
