package translate

import (
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/krater-mesh/krater/model"
)

const (
	filterExtAuthz = "envoy.filters.http.ext_authz"

	// defaultAskTimeout bounds a policy that does not say how long it may take.
	defaultAskTimeout = model.Duration(200_000_000)

	// askMargin is what a question takes beside the policies' own time: policyd
	// shall be the one that says which policy was too slow.
	askMargin = model.Duration(50_000_000)
)

// extAuthz asks policyd once about all of a workload's RegoPolicies.
//
// Where policyd cannot be asked, the request is refused with 403, the status
// that ext_authz and Istio's CUSTOM have, unless it is open: every policy that
// asks would rather let it through; the response code details (ext_authz_error) tell it from a
// denial. cache is the model.DecisionKey's ID of one that would keep the answer. Headers go as a map of strings, which is the input document that
// policies written for OPA know, so Envoy joins duplicates by a comma.
func (p *proxy) extAuthz(policies []model.RegoPolicy, open bool, policySet, cache string) *extauthzv3.ExtAuthz {
	var keys []string
	var timeout model.Duration
	var body uint32
	raw := false
	for _, r := range policies {
		keys = append(keys, r.Object.Key())
		timeout += ask(r) // policyd evaluates one after the other
		body = max(body, r.MaxBody)
		raw = raw || r.RawBody
	}
	policyd := grpcTo(clusterPolicyd)
	policyd.Timeout = duration(timeout + askMargin)
	policyd.InitialMetadata = []*corev3.HeaderValue{
		{Key: "krater-policies", Value: strings.Join(keys, ",")},
		{Key: "krater-policy-set", Value: policySet},
		{Key: "krater-workload", Value: p.w.ID()},
	}
	if cache != "" {
		policyd.InitialMetadata = append(policyd.InitialMetadata, &corev3.HeaderValue{Key: "krater-cache", Value: cache})
	}
	policyd.InitialMetadata = append(policyd.InitialMetadata, p.decisionMetadata()...)
	policyd.InitialMetadata = append(policyd.InitialMetadata, p.attributeMetadata()...)
	out := &extauthzv3.ExtAuthz{
		Services:            &extauthzv3.ExtAuthz_GrpcService{GrpcService: policyd},
		TransportApiVersion: corev3.ApiVersion_V3,
		FailureModeAllow:    open,
		StatusOnError:       &typev3.HttpStatus{Code: typev3.StatusCode_Forbidden},
		StatPrefix:          "krater",
		ValidateMutations:   true,
		// As OPA's users know it: input.attributes.source has the principal of
		// itself, and the certificate by this.
		IncludePeerCertificate: true,
		IncludeTlsSession:      true,
		// What jwt_authn verified: input.attributes.metadataContext.
		MetadataContextNamespaces: []string{metadataJWT},
	}
	if body > 0 {
		out.WithRequestBody = &extauthzv3.BufferSettings{MaxRequestBytes: body, AllowPartialMessage: true, PackAsBytes: raw}
	}
	return out
}

// ask is how long a policy's evaluation may take.
func ask(r model.RegoPolicy) model.Duration {
	if r.Timeout == 0 {
		return defaultAskTimeout
	}
	return r.Timeout
}

// attributeMetadata hands policyd the declared attributes, each as
// "NAME=TYPE:VALUE" under a key of its own: of one key Envoy sends the last. A
// redacted one stays in the proxy. Nobody but the proxy writes these, so what
// they say was drawn.
func (p *proxy) attributeMetadata() []*corev3.HeaderValue {
	var out []*corev3.HeaderValue
	for _, a := range p.declared() {
		if a.Redact {
			continue
		}
		kind := a.Type
		if kind == "" {
			kind = model.AttributeString
		}
		out = append(out, &corev3.HeaderValue{Key: "krater-attribute-" + strconv.Itoa(len(out)), Value: a.Name + "=" + string(kind) + ":" + state(attributeState(a))})
	}
	return out
}
