package translate

import (
	"fmt"
	"regexp"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/krater-mesh/krater/model"
)

// stateCustom is the rule by which a provider is asked, while it is.
const stateCustom = "krater.custom"

// provider is one that CUSTOM policies have asked, as a proxy reaches it.
type provider struct {
	name    string
	asks    *model.ExtAuthz
	cluster string
}

// providersFor are the providers of policies that the proxy reaches.
func (r *round) providersFor(w *model.Workload, policies []*model.AuthorizationPolicy) []provider {
	var out []provider
	for _, a := range policies {
		asks := r.mesh.ExtAuthzOf(a.Provider)
		if a.Action != model.Custom || asks == nil || slices.ContainsFunc(out, func(p provider) bool { return p.name == a.Provider }) {
			continue
		}
		s := r.scope(r.classOf(w)).byHost[asks.Host]
		if s == nil || asks.Namespace != "" && s.Namespace != asks.Namespace ||
			!slices.ContainsFunc(s.Ports, func(p model.Port) bool { return p.Number == asks.Port }) {
			continue
		}
		out = append(out, provider{a.Provider, asks, ClusterName(asks.Port, "", asks.Host)})
	}
	return out
}

func (p *proxy) provider(name string) (provider, bool) {
	i := slices.IndexFunc(p.view.providers, func(x provider) bool { return x.name == name })
	if i < 0 {
		return provider{}, false
	}
	return p.view.providers[i], true
}

// behindAuthn tells whether a CUSTOM policy is asked about once the token is
// verified: it says so, or its rules read what the token says.
func behindAuthn(a *model.AuthorizationPolicy) bool { return a.AfterAuthn || a.ReadsToken() }

// customBefore and customAfter fill the slots of CUSTOM policies, on both sides
// of authentication.
func (p *proxy) customBefore(c chain) filters { return p.custom(c, false) }

func (p *proxy) customAfter(c chain) filters { return p.custom(c, true) }

func (p *proxy) custom(c chain, behind bool) filters {
	r := rulesOf(p.view.authorization, p.rego, p.w)
	names, byProvider := customBy(r.Custom, func(a *model.AuthorizationPolicy) bool { return behindAuthn(a) == behind })
	if !c.served() || len(names) == 0 {
		return nil
	}
	out := filters{policySet(r)}
	for _, name := range names {
		key := providerKey(name) + "_"
		if behind { // one provider may be asked on both sides, each by its own rules
			key += "after_authn_"
		}
		out = append(out, p.customOf(name, key, byProvider[name])...)
	}
	return out
}

// customBy are the policies of each provider, whose names come sorted.
func customBy(policies []model.AuthorizationPolicy, of func(*model.AuthorizationPolicy) bool) (names []string, byProvider map[string][]model.AuthorizationPolicy) {
	byProvider = map[string][]model.AuthorizationPolicy{}
	for _, a := range policies {
		if !of(&a) {
			continue
		}
		if _, known := byProvider[a.Provider]; !known {
			names = append(names, a.Provider)
		}
		byProvider[a.Provider] = append(byProvider[a.Provider], a)
	}
	slices.Sort(names)
	return names, byProvider
}

// customOf has one provider asked: RBAC only finds who is to be asked about, and
// what it found lets the question be. A provider that cannot be reached denies
// those requests, and no others.
func (p *proxy) customOf(name, key string, policies []model.AuthorizationPolicy) filters {
	enforced, dry := apart(policies)
	prefix := enforcedPrefix(model.Custom) + key
	var out filters
	if len(dry) > 0 {
		out = append(filters{extension(filterRBAC, &rbacv3.RBAC{ShadowRulesStatPrefix: dryRunKey(key), ShadowRules: p.rbacRules(dry, model.Custom, false)})},
			p.dryRunQuestion(name, key)...)
	}
	to, reached := p.provider(name)
	if !reached {
		p.unreached(policies)
	}
	switch {
	case len(enforced) == 0:
		return out
	case !reached:
		return append(out, extension(filterRBAC, &rbacv3.RBAC{RulesStatPrefix: prefix, Rules: p.rbacRules(enforced, model.Custom, false)}))
	}
	found := prefix + shadowRule
	return append(out,
		extension(filterRBAC, &rbacv3.RBAC{ShadowRulesStatPrefix: prefix, ShadowRules: p.rbacRules(enforced, model.Custom, false)}),
		customState(filterRBAC+":"+found),
		extension("custom|"+key[:len(key)-1], to.extAuthz(found)),
		customState("krater:nothing"))
}

const shadowRule = "shadow_effective_policy_id"

func customPrefix(provider string) string {
	return enforcedPrefix(model.Custom) + providerKey(provider) + "_"
}

func (to provider) key() string { return providerKey(to.name) + "_" }

// providerKey is a provider's name where colons and brackets have a meaning.
func providerKey(name string) string {
	return oddInKey.ReplaceAllStringFunc(name, func(odd string) string { return fmt.Sprintf("=%X", odd) })
}

var oddInKey = regexp.MustCompile(`[^a-zA-Z0-9._-]`)

// customState says by which rule a provider is being asked; what is not there
// makes it none.
func customState(metadata string) *corev3.TypedExtensionConfig {
	value := stateValue(stateCustom, "%DYNAMIC_METADATA("+metadata+")%")
	value.GetFormatString().OmitEmptyValues = true
	return extension("krater.custom", &setstatev3.Config{OnRequestHeaders: []*statev3.FilterStateValue{value}})
}

// unreached tells that nobody can be asked.
func (p *proxy) unreached(policies []model.AuthorizationPolicy) {
	for _, a := range policies {
		why := "no extensionProvider of the Mesh that can be asked has this name"
		if asks := p.mesh.ExtAuthzOf(a.Provider); asks != nil {
			why = "the proxy of " + p.w.ID() + " knows no such port of the service " + asks.Host
		}
		becomes := ": what its rules match is refused"
		if a.DryRun {
			becomes = ": what its rules match would be refused"
		}
		p.problem(model.Error, model.CodeUnresolvedHost, a.Object, "spec.provider.name", why+becomes,
			"name one of spec.meshConfig.extensionProviders, and declare its service")
	}
}

// extAuthz is the question, asked where the metadata key holds a rule.
func (to provider) extAuthz(key string) *extauthzv3.ExtAuthz {
	a := to.asks
	out := &extauthzv3.ExtAuthz{
		TransportApiVersion: corev3.ApiVersion_V3, FailureModeAllow: a.FailOpen, ClearRouteCache: a.ClearRouteCache,
		FilterEnabledMetadata: ruleFound(filterRBAC, key), StatPrefix: customPrefix(to.name), ValidateMutations: true,
	}
	if a.StatusOnError != 0 {
		out.StatusOnError = &typev3.HttpStatus{Code: typev3.StatusCode(a.StatusOnError)}
	}
	if b := a.Body; b != nil {
		out.WithRequestBody = &extauthzv3.BufferSettings{MaxRequestBytes: b.MaxBytes, AllowPartialMessage: b.Partial, PackAsBytes: b.AsBytes}
	}
	if !a.HTTP {
		out.Services, out.IncludePeerCertificate = &extauthzv3.ExtAuthz_GrpcService{GrpcService: to.grpc()}, true
		return out
	}
	service := &extauthzv3.HttpService{
		PathPrefix: a.PathPrefix,
		ServerUri: &corev3.HttpUri{Uri: "http://" + a.Host, Timeout: duration(a.Timeout),
			HttpUpstreamType: &corev3.HttpUri_Cluster{Cluster: to.cluster}},
	}
	for _, h := range a.Added {
		if service.AuthorizationRequest == nil {
			service.AuthorizationRequest = &extauthzv3.AuthorizationRequest{}
		}
		service.AuthorizationRequest.HeadersToAdd = append(service.AuthorizationRequest.HeadersToAdd, &corev3.HeaderValue{Key: h.Name, Value: h.Value})
	}
	if len(a.ToUpstream)+len(a.ToClientOnDeny)+len(a.ToClientOnAllow) > 0 {
		service.AuthorizationResponse = &extauthzv3.AuthorizationResponse{AllowedUpstreamHeaders: headerNames(a.ToUpstream),
			AllowedClientHeaders: headerNames(a.ToClientOnDeny), AllowedClientHeadersOnSuccess: headerNames(a.ToClientOnAllow)}
	}
	out.AllowedHeaders = headerNames(a.Headers)
	out.Services = &extauthzv3.ExtAuthz_HttpService{HttpService: service}
	return out
}

// grpc names the service in the call's authority: a cluster's name is none.
func (to provider) grpc() *corev3.GrpcService {
	out := grpcTo(to.cluster)
	out.GetEnvoyGrpc().Authority = to.asks.Host
	out.Timeout = duration(to.asks.Timeout)
	return out
}

// ruleFound holds where RBAC left the name of a rule.
func ruleFound(filter, key string) *matcherv3.MetadataMatcher {
	return metadataMatcher(filter, []string{key}, textValue(model.StringMatch{Kind: model.Prefix, Value: "AuthorizationPolicy/"}))
}

// headerNames are names of headers in any case; nil where there are none.
func headerNames(names []model.StringMatch) *matcherv3.ListStringMatcher {
	if len(names) == 0 {
		return nil
	}
	return &matcherv3.ListStringMatcher{Patterns: each(names, func(m model.StringMatch) *matcherv3.StringMatcher {
		m.IgnoreCase = true
		return stringMatcher(m)
	})}
}
