package crds

import (
	"math"
	"slices"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (v *virtualService) httpRoute(h *networking.HTTPRoute, field string) model.HTTPRoute {
	out := model.HTTPRoute{
		Matches: v.httpMatches(h.GetMatch(), v.noClaims(), field+".match"),
		Headers: v.headerChanges(h.GetHeaders(), field+".headers"),
		Retries: v.retries(h.GetRetries(), field+".retries"),
		Fault:   v.fault(h.GetFault(), field+".fault"),
		Rewrite: v.rewrite(h.GetRewrite(), field+".rewrite"),
		Mirrors: v.mirrors(h, field),
		CORS:    v.cors(h.GetCorsPolicy(), field+".corsPolicy"),
	}
	if t := h.GetTimeout(); t.AsDuration() != 0 { // "0s" is Istio's way to say none
		out.Timeout = v.duration(t, field+".timeout")
	}
	if len(h.GetRoute()) > 0 {
		out.Destinations = v.destinations(h.GetRoute(), field+".route")
	}
	out.Redirect = v.redirect(h.GetRedirect(), field+".redirect")
	out.Direct = v.directResponse(h.GetDirectResponse(), field+".directResponse")
	v.answers(h, field)
	v.oneAuthority(h, field)
	return out
}

// noClaims tells why routes cannot look at claims: only gateways do, and what
// a delegate's gateways are, its root knows.
func (v *virtualService) noClaims() string {
	if v.isDelegate || slices.ContainsFunc(v.out.Gateways, func(g string) bool { return g != model.MeshGateway }) {
		return ""
	}
	return "only gateways match them, and spec.gateways names none"
}

// answers checks that a route says in one way what becomes of a request.
func (v *virtualService) answers(h *networking.HTTPRoute, field string) {
	answers := 0
	for _, given := range []bool{len(h.GetRoute()) > 0, h.GetRedirect() != nil, h.GetDirectResponse() != nil} {
		if given {
			answers++
		}
	}
	switch {
	case h.GetDelegate() != nil && answers > 0:
		v.add(model.Error, model.CodeInvalidValue, field, "leave route, redirect and directResponse to the delegate",
			"a route that delegates has no destinations, redirect or direct response of its own")
	case answers == 0 && h.GetDelegate() == nil && !v.reported(field): // not "rout", which is said already
		v.missing(field, "a route needs destinations, a redirect or a direct response")
	case answers > 1:
		v.bad(field, "a route has destinations, or a redirect, or a direct response")
	}
	for answer, given := range map[string]bool{"a redirect": h.GetRedirect() != nil, "a direct response": h.GetDirectResponse() != nil} {
		if given && h.GetFault() != nil {
			v.add(model.Error, model.CodeInvalidValue, field+".fault", "leave it out", "%s has no fault: no destination is asked", answer)
		}
		if given && h.GetRewrite() != nil {
			v.add(model.Error, model.CodeInvalidValue, field+".rewrite", "leave it out", "%s has no rewrite: no destination is asked", answer)
		}
	}
}

func (v *virtualService) destinations(in []*networking.HTTPRouteDestination, field string) []model.Destination {
	var out []model.Destination
	for i, r := range in {
		at := index(field, i)
		d := v.destination(r.GetDestination(), at+".destination")
		d.Weight, d.Headers = v.count(r.GetWeight(), at+".weight"), v.headerChanges(r.GetHeaders(), at+".headers")
		out = append(out, d)
	}
	v.weights(out, field)
	return out
}

func (v *virtualService) destination(in *networking.Destination, field string) model.Destination {
	d := model.Destination{Host: in.GetHost(), Subset: in.GetSubset(), Port: in.GetPort().GetNumber()}
	switch d.Host {
	case "":
		v.missing(field+".host", "a destination has a host")
	case "*":
		v.bad(field+".host", `"*" is no destination`)
	default:
		d.Host = v.host(d.Host, field+".host")
	}
	if d.Subset != "" && !dnsLabel.MatchString(d.Subset) {
		v.bad(field+".subset", "%q is no name of a subset", d.Subset)
	}
	if in.GetPort() != nil {
		v.port(d.Port, field+".port.number")
	}
	return d
}

// weights checks the shares of a route's destinations.
func (v *virtualService) weights(ds []model.Destination, field string) {
	var sum uint64
	for _, d := range ds {
		sum += uint64(d.Weight)
	}
	switch {
	case len(ds) == 1:
		ds[0].Weight = 100 // the only one gets everything, whatever it says
	case len(ds) > 1 && sum == 0:
		v.add(model.Error, model.CodeWeights, field, "give at least one destination a weight",
			"the weights of the destinations sum up to zero: nothing could be routed")
	case sum > math.MaxUint32:
		v.add(model.Error, model.CodeWeights, field, "give shares of 100", "the weights of the destinations sum up to more than %d", uint32(math.MaxUint32))
	case len(ds) > 1 && sum != 100 && !v.reported(field):
		v.add(model.Warning, model.CodeWeights, field, "give shares of 100, if these are meant to be percent",
			"the weights of the destinations sum up to %d: each is a share of that", sum)
	}
}
