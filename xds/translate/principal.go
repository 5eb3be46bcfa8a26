package translate

import (
	"net/netip"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// principals are a rule's sources, each with all of its conditions; no source
// is any.
func (p *proxy) principals(from []model.Source, when []model.Condition) []*rbacconfigv3.Principal {
	var conditions []*rbacconfigv3.Principal
	for _, w := range when {
		if w.Source != nil {
			conditions = append(conditions, sourcePrincipals(*w.Source)...)
			continue
		}
		switch {
		case w.Operation != nil, w.Metadata != nil: // what is called
			continue
		case w.Attribute != "":
			conditions = p.attributeConditions(conditions, w)
			continue
		case len(w.Claim) > 0:
			is := func(m model.StringMatch) *rbacconfigv3.Principal { return claimPrincipal(w.Claim, claimValue(m)) }
			conditions = appendList(conditions, each(w.Values, is), false)
			conditions = appendList(conditions, each(w.NotValues, is), true)
			continue
		}
		values := func(m model.StringMatch) *rbacconfigv3.Principal {
			return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_Header{
				Header: headerMatcher(model.HeaderMatch{Name: w.Header, Match: m}),
			}}
		}
		conditions = appendList(conditions, each(w.Values, values), false)
		// An absent header has none of the values: it passes.
		conditions = appendList(conditions, each(w.NotValues, values), true)
	}
	if len(from) == 0 {
		return []*rbacconfigv3.Principal{allOf(conditions)}
	}
	var out []*rbacconfigv3.Principal
	for _, s := range from {
		all := sourcePrincipals(s)
		out = append(out, allOf(append(all, conditions...)))
	}
	return out
}

// sourcePrincipals are a source's conditions: each of them holds.
func sourcePrincipals(s model.Source) []*rbacconfigv3.Principal {
	var all []*rbacconfigv3.Principal
	for _, l := range []struct {
		yes, no []string
		of      func(string) *rbacconfigv3.Principal
	}{{s.IPBlocks, s.NotIPBlocks, directIP}, {s.RemoteIPBlocks, s.NotRemoteIPBlocks, remoteIP}, {s.ServiceAccounts, s.NotServiceAccounts, accountPrincipal}} {
		all = appendList(all, each(l.yes, l.of), false)
		all = appendList(all, each(l.no, l.of), true)
	}
	for _, l := range []struct {
		yes, no []model.StringMatch
		of      func(model.StringMatch) *rbacconfigv3.Principal
	}{{s.Principals, s.NotPrincipals, wholePrincipal}, {s.Namespaces, s.NotNamespaces, namespacePrincipal}, {s.TrustDomains, s.NotTrustDomains, trustDomainPrincipal}} {
		all = appendList(all, each(l.yes, l.of), false)
		all = appendList(all, each(l.no, l.of), true)
	}
	all = appendList(all, each(s.RequestPrincipals, requestPrincipal), false)
	return appendList(all, each(s.NotRequestPrincipals, requestPrincipal), true)
}

// claimPrincipal compares a claim of the token that was verified. Without a
// token it never matches.
func claimPrincipal(path []string, value *matcherv3.ValueMatcher) *rbacconfigv3.Principal {
	return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_SourcedMetadata{SourcedMetadata: &rbacconfigv3.SourcedMetadata{
		MetadataMatcher: metadataMatcher(metadataJWT, append([]string{"payload"}, path...), value),
	}}}
}

func requestPrincipal(r model.RequestPrincipal) *rbacconfigv3.Principal {
	return allOf([]*rbacconfigv3.Principal{claimPrincipal([]string{"iss"}, textValue(r.Issuer)), claimPrincipal([]string{"sub"}, textValue(r.Subject))})
}

// appendList adds "one of the values", or "none of them"; no values say nothing.
func appendList(to, values []*rbacconfigv3.Principal, not bool) []*rbacconfigv3.Principal {
	if len(values) == 0 {
		return to
	}
	one := &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_OrIds{OrIds: &rbacconfigv3.Principal_Set{Ids: values}}}
	if not {
		one = &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_NotId{NotId: one}}
	}
	return append(to, one)
}

func allOf(all []*rbacconfigv3.Principal) *rbacconfigv3.Principal {
	if len(all) == 0 {
		return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_Any{Any: true}}
	}
	return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_AndIds{AndIds: &rbacconfigv3.Principal_Set{Ids: all}}}
}

// directIP is the connection's peer.
func directIP(block string) *rbacconfigv3.Principal {
	return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_DirectRemoteIp{DirectRemoteIp: cidr(block)}}
}

// remoteIP is the client that X-Forwarded-For tells of, where it is trusted.
func remoteIP(block string) *rbacconfigv3.Principal {
	return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_RemoteIp{RemoteIp: cidr(block)}}
}

// cidr reads an address or a block. The snapshot holds no others; one that
// were none would match nothing but itself.
func cidr(block string) *corev3.CidrRange {
	if prefix, err := netip.ParsePrefix(block); err == nil {
		return &corev3.CidrRange{AddressPrefix: prefix.Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(prefix.Bits()))}
	}
	bits := uint32(32)
	if a, err := netip.ParseAddr(block); err == nil {
		bits = uint32(a.BitLen())
	}
	return &corev3.CidrRange{AddressPrefix: block, PrefixLen: wrapperspb.UInt32(bits)}
}
