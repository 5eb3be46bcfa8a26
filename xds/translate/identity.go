package translate

import (
	"regexp"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	mtlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/rbac/principals/mtls_authenticated/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/krater-mesh/krater/model"
)

const spiffe = "spiffe://"

// certified matches the URI in a client certificate that was verified. RBAC's
// own "authenticated" would take a DNS name or the subject, too, and of a
// certificate that nobody verified. Without a certificate it never matches.
func certified(m model.StringMatch) *rbacconfigv3.Principal {
	return &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_Custom{Custom: &corev3.TypedExtensionConfig{
		Name: "envoy.rbac.principals.mtls_authenticated",
		TypedConfig: pack(&mtlsv3.Config{SanMatcher: &tlsv3.SubjectAltNameMatcher{
			SanType: tlsv3.SubjectAltNameMatcher_URI, Matcher: stringMatcher(m),
		}}),
	}}}
}

func certifiedRegex(expression string) *rbacconfigv3.Principal {
	return certified(model.StringMatch{Kind: model.Regex, Value: expression})
}

// wholePrincipal, and those after it, match as Istio's policies do.
func wholePrincipal(m model.StringMatch) *rbacconfigv3.Principal { return certified(principalMatch(m)) }

func principalMatch(m model.StringMatch) model.StringMatch {
	switch m.Kind {
	case model.Present:
		return model.StringMatch{Kind: model.Regex, Value: ".+"}
	case model.Suffix:
		return model.StringMatch{Kind: model.Regex, Value: spiffe + ".*" + regexp.QuoteMeta(m.Value)}
	}
	m.Value = spiffe + m.Value
	return m
}

func namespacePrincipal(m model.StringMatch) *rbacconfigv3.Principal {
	return certifiedRegex(namespaceRegex(m))
}

func namespaceRegex(m model.StringMatch) string { return ".*/ns/" + inside(m, ".*") + "/.*" }

func accountPrincipal(account string) *rbacconfigv3.Principal {
	return certifiedRegex(accountRegex(account))
}

func accountRegex(account string) string {
	namespace, name := model.ParseKey(account, "")
	return spiffe + ".+/ns/" + regexp.QuoteMeta(namespace) + "/(.+/|)sa/" + regexp.QuoteMeta(name) + "(/.+)?"
}

func trustDomainPrincipal(m model.StringMatch) *rbacconfigv3.Principal {
	return certified(trustDomainMatch(m))
}

func trustDomainMatch(m model.StringMatch) model.StringMatch {
	if m.Kind == model.Exact {
		return model.StringMatch{Kind: model.Prefix, Value: spiffe + m.Value + "/"}
	}
	return model.StringMatch{Kind: model.Regex, Value: spiffe + inside(m, "[^/]*") + "/.*"}
}

// inside writes a match as a part of an expression, with what a star stands for.
func inside(m model.StringMatch, star string) string {
	switch m.Kind {
	case model.Prefix:
		return regexp.QuoteMeta(m.Value) + star
	case model.Suffix:
		return star + regexp.QuoteMeta(m.Value)
	case model.Present:
		return star
	case model.Regex:
		return m.Value
	}
	return regexp.QuoteMeta(m.Value)
}
