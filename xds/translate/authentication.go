package translate

import (
	"fmt"
	"slices"

	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	jwtv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/krater-mesh/krater/model"
)

// noKeys is a key set by which no token holds: Envoy refuses a set without
// keys, and this key is for an algorithm that no token may have.
const noKeys = `{"keys":[{"kty":"RSA","kid":"none","alg":"RS0","e":"AQAB","n":"qxeCCO8k4SKf2Qf5luduAPr46sQxt-idcdmWOOSbr-2krBcrUv3ucnFtEEkjG39lJ06q-1OK4_wQlxTqpiESG7Ei4ka6oqoHlEoq4ODXOCiXPx1pZirtccX1vRKA9Q5XbbSbtlw1p1j-uMRQeLgBq8AdwZErBax8DjwcVOdHCtzcAiFp-F7-_cJBt5N5OO4rgXbreC97vlZiUMtveqadlljRwy2q2rWEL-3kg5rKGTJwdEzE_hnuhVc0Y2fzjzBXOogyvvj0K_F9k9b8mOKxz2oP2ZvbF44XcBXMy82zGP46UX0cJIfA6R5PdvgjDJAmaDViZXFSKwwZ2xZhlwIzVw"}]}`

// jwtProvider is a rule, and the name that Envoy knows it by.
type jwtProvider struct {
	name string
	rule model.JWTRule
}

// authentication fills the slot in which tokens are verified. Headers that are
// to say what a token says are a token's or nobody's: a client's own go first,
// also where no token comes, and where Envoy looks at one rule's only.
func (p *proxy) authentication(c chain) filters {
	if !c.served() || len(p.view.authentication) == 0 {
		return nil
	}
	var providers []jwtProvider
	var outputs []string
	refuseAll := false
	for _, a := range p.view.authentication {
		refuseAll = refuseAll || a.RefuseAll
		for i, r := range a.Rules {
			providers = append(providers, jwtProvider{fmt.Sprintf("%s/%s/jwtRules[%d]", a.Object.Namespace, a.Object.Name, i), r})
			outputs = append(outputs, r.Outputs()...)
		}
	}
	var out filters
	if slices.Sort(outputs); len(outputs) > 0 {
		out = append(out, extension("krater.authentication_headers", removed(slices.Compact(outputs))))
	}
	if len(providers) == 0 && !refuseAll {
		return out
	}
	return append(out, extension(metadataJWT, jwtAuthn(providers, refuseAll, c.direction == gateway)))
}

// removed takes headers out of requests.
func removed(headers []string) *headermutationv3.HeaderMutation {
	out := &headermutationv3.Mutations{}
	for _, name := range headers {
		out.RequestMutations = append(out.RequestMutations, &mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_Remove{Remove: name}})
	}
	return &headermutationv3.HeaderMutation{Mutations: out}
}

func jwtAuthn(providers []jwtProvider, refuseAll, routes bool) *jwtv3.JwtAuthentication {
	out := &jwtv3.JwtAuthentication{Providers: map[string]*jwtv3.JwtProvider{}, BypassCorsPreflight: true}
	var all []*jwtv3.JwtRequirement
	for _, group := range grouped(providers) {
		any := &jwtv3.JwtRequirementOrList{}
		for _, p := range group {
			out.Providers[p.name] = p.provider(routes)
			any.Requirements = append(any.Requirements, requires(p.name))
		}
		any.Requirements = append(any.Requirements, &jwtv3.JwtRequirement{RequiresType: &jwtv3.JwtRequirement_AllowMissing{AllowMissing: &emptypb.Empty{}}})
		all = append(all, &jwtv3.JwtRequirement{RequiresType: &jwtv3.JwtRequirement_RequiresAny{RequiresAny: any}})
	}
	if refuseAll {
		const name = "krater.refused"
		out.Providers[name] = jwtProvider{name, model.JWTRule{}}.provider(false)
		all = append(all, requires(name))
	}
	requirement := all[0]
	if len(all) > 1 {
		requirement = &jwtv3.JwtRequirement{RequiresType: &jwtv3.JwtRequirement_RequiresAll{RequiresAll: &jwtv3.JwtRequirementAndList{Requirements: all}}}
	}
	out.Rules = []*jwtv3.RequirementRule{{ // "*" and the path of CONNECT do not begin with a slash
		Match:           &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: ""}},
		RequirementType: &jwtv3.RequirementRule_Requires{Requires: requirement},
	}}
	return out
}

func requires(provider string) *jwtv3.JwtRequirement {
	return &jwtv3.JwtRequirement{RequiresType: &jwtv3.JwtRequirement_ProviderName{ProviderName: provider}}
}

// provider is a rule as Envoy has it. Routes are chosen anew where they may
// match claims.
func (p jwtProvider) provider(routes bool) *jwtv3.JwtProvider {
	r := p.rule
	keys := r.Keys
	if keys == "" {
		keys = noKeys
	}
	out := &jwtv3.JwtProvider{
		Issuer: r.Issuer, Audiences: r.Audiences, Forward: r.Forward, ForwardPayloadHeader: r.PayloadHeader,
		FromParams: r.Params, FromCookies: r.Cookies, PayloadInMetadata: "payload", ClearRouteCache: routes,
		NormalizePayloadInMetadata: &jwtv3.JwtProvider_NormalizePayload{SpaceDelimitedClaims: r.SplitClaims()},
		JwksSourceSpecifier:        &jwtv3.JwtProvider_LocalJwks{LocalJwks: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: keys}}},
	}
	for _, h := range r.Headers {
		out.FromHeaders = append(out.FromHeaders, &jwtv3.JwtHeader{Name: h.Name, ValuePrefix: h.Prefix})
	}
	for _, c := range r.ClaimHeaders {
		out.ClaimToHeaders = append(out.ClaimToHeaders, &jwtv3.JwtClaimToHeader{HeaderName: c.Header, ClaimName: c.Claim})
	}
	return out
}

// grouped puts rules together that look at the same place of a request: a token
// there has to hold by one of them. Every place is asked, so a token that holds
// covers for none elsewhere. Rules that write the same header stay together, too:
// before it looks, Envoy's filter removes the headers of each rule, also what
// another one wrote.
func grouped(providers []jwtProvider) [][]jwtProvider {
	at := map[string]int{} // the group of a place or header
	var groups [][]jwtProvider
	for _, p := range providers {
		mine := len(groups)
		groups = append(groups, []jwtProvider{p})
		for _, place := range places(p.rule) {
			other, taken := at[place]
			if taken && other != mine {
				groups[other] = append(groups[other], groups[mine]...)
				groups[mine] = nil
				for k, g := range at {
					if g == mine {
						at[k] = other
					}
				}
				mine = other
			}
			at[place] = mine
		}
	}
	return slices.DeleteFunc(groups, func(g []jwtProvider) bool { return len(g) == 0 })
}

// places names where a rule looks and writes.
func places(r model.JWTRule) []string {
	headers, params, cookies := r.Locations()
	var out []string
	for _, h := range headers {
		out = append(out, "header "+h.Name)
	}
	for _, name := range params {
		out = append(out, "parameter "+name)
	}
	for _, name := range cookies {
		out = append(out, "cookie "+name)
	}
	for _, name := range r.Outputs() {
		out = append(out, "writes "+name)
	}
	return out
}
