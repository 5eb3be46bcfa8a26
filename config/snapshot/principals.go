package snapshot

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// localTrustDomain stands in policies for the mesh's own, however it is named.
const localTrustDomain = "cluster.local"

// trustDomains are the names of a mesh's trust domain, its own first. A
// certificate may carry any of them.
type trustDomains []string

func trustDomainsOf(m model.Mesh) trustDomains {
	return append(trustDomains{m.TrustDomain}, m.TrustDomainAliases...)
}

// rules gives an AuthorizationPolicy's rules with the trust domain's names
// written out.
func (t trustDomains) rules(in []model.AuthorizationRule) []model.AuthorizationRule {
	out := slices.Clone(in)
	for i := range out {
		out[i].From = slices.Clone(out[i].From)
		for k := range out[i].From {
			out[i].From[k] = t.source(out[i].From[k])
		}
		out[i].When = slices.Clone(out[i].When)
		for k, c := range out[i].When {
			if c.Source != nil {
				s := t.source(*c.Source)
				out[i].When[k].Source = &s
			}
		}
	}
	return out
}

func (t trustDomains) source(s model.Source) model.Source {
	s.Principals, s.NotPrincipals = t.principals(s.Principals), t.principals(s.NotPrincipals)
	s.TrustDomains, s.NotTrustDomains = t.names(s.TrustDomains), t.names(s.NotTrustDomains)
	return s
}

// principals writes out those of the mesh: a whole one whose trust domain is a
// name of the mesh's, or ends like one ("*-td/ns/…"). "*/ns/…" is anybody's.
func (t trustDomains) principals(in []model.StringMatch) []model.StringMatch {
	var out []model.StringMatch
	for _, m := range in {
		domain, rest, whole := wholePrincipal(m)
		if !whole || domain == "*" || domain != localTrustDomain && !slices.ContainsFunc(t, func(name string) bool { return endsLike(name, domain) }) {
			out = appendNew(out, m)
			continue
		}
		for _, name := range t {
			if endsLike(name, domain) {
				out = appendNew(out, m)
				continue
			}
			expanded := model.StringMatch{Kind: model.Exact, Value: name + rest}
			if m.Kind == model.Prefix {
				expanded.Kind = model.Prefix
			}
			out = appendNew(out, expanded)
		}
	}
	return out
}

// names writes out the trust domain where it is named exactly.
func (t trustDomains) names(in []model.StringMatch) []model.StringMatch {
	var out []model.StringMatch
	for _, m := range in {
		if m.Kind != model.Exact || !slices.Contains(t, m.Value) {
			out = appendNew(out, m)
			continue
		}
		for _, name := range t {
			out = appendNew(out, model.StringMatch{Kind: model.Exact, Value: name})
		}
	}
	return out
}

// wholePrincipal parts the trust domain, with its star, off a pattern that has
// all five parts of a principal.
func wholePrincipal(m model.StringMatch) (domain, rest string, ok bool) {
	text := m.Value
	if m.Kind == model.Suffix {
		text = "*" + text
	}
	domain, rest, _ = strings.Cut(text, "/")
	return domain, "/" + rest, strings.Count(text, "/") == 4
}

// endsLike tells whether a trust domain is the one named, or ends in what
// follows its star.
func endsLike(name, pattern string) bool {
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(name, suffix)
	}
	return name == pattern
}

func appendNew(to []model.StringMatch, m model.StringMatch) []model.StringMatch {
	if slices.Contains(to, m) {
		return to
	}
	return append(to, m)
}
