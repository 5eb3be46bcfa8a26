package translate

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/krater-mesh/krater/model"
)

// hashPolicies are what the destinations' consistent hashing hashes, each once.
func (b *routing) hashPolicies(destinations []model.Destination) []*routev3.RouteAction_HashPolicy {
	var out []*routev3.RouteAction_HashPolicy
next:
	for _, d := range destinations {
		h := b.hashOn(d)
		if h == nil {
			continue
		}
		for _, have := range out {
			if proto.Equal(have, h) {
				continue next
			}
		}
		out = append(out, h)
	}
	return out
}

func (b *routing) hashOn(d model.Destination) *routev3.RouteAction_HashPolicy {
	rule := b.policyOf(d.Host)
	if rule == nil {
		return nil
	}
	policy := rule.PolicyFor(d.Subset, d.Port)
	if policy.LoadBalancer == nil || policy.LoadBalancer.HashOn == nil {
		return nil
	}
	return hashPolicy(*policy.LoadBalancer.HashOn)
}

func hashPolicy(h model.HashOn) *routev3.RouteAction_HashPolicy {
	switch {
	case h.Header != "":
		return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_Header_{
			Header: &routev3.RouteAction_HashPolicy_Header{HeaderName: h.Header}}}
	case h.Cookie != nil:
		return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_Cookie_{Cookie: hashCookie(*h.Cookie)}}
	case h.Query != "":
		return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_QueryParameter_{
			QueryParameter: &routev3.RouteAction_HashPolicy_QueryParameter{Name: h.Query}}}
	case h.SourceIP:
		return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_ConnectionProperties_{
			ConnectionProperties: &routev3.RouteAction_HashPolicy_ConnectionProperties{SourceIp: true}}}
	}
	return nil
}

func hashCookie(c model.HashCookie) *routev3.RouteAction_HashPolicy_Cookie {
	out := &routev3.RouteAction_HashPolicy_Cookie{Name: c.Name, Path: c.Path, Ttl: optional(c.TTL)}
	for _, a := range c.Attributes {
		out.Attributes = append(out.Attributes, &routev3.RouteAction_HashPolicy_CookieAttribute{Name: a.Name, Value: a.Value})
	}
	return out
}
