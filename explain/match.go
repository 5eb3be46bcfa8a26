package explain

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// Place is where a route is evaluated: some of a match's conditions are on
// the proxy, not on the request, and are decided when routes are translated.
type Place struct {
	Proxy    model.Workload
	Gateways []string // "namespace/name" of those that open the port, or model.MeshGateway
	Port     uint32   // of the service, or of the Gateways' server
}

// MatchRoute evaluates one match as the proxy at a place does: its conditions
// on the proxy, then those on the request. why is the first that fails.
func MatchRoute(m model.HTTPMatch, at Place, v View) (ok bool, why string) {
	if why := onProxy(m, at); why != "" {
		return false, why
	}
	return MatchHTTP(m, v)
}

// MatchHTTP evaluates a match's conditions on the request: path (without the
// query), method, scheme, authority, headers, query parameters, claims. why is the
// first that fails. Where a header comes several times, Envoy's routes try each
// value: one that matches is enough.
func MatchHTTP(m model.HTTPMatch, v View) (ok bool, why string) { return matchHTTP(m, v, v.Values) }

// matchHTTP is MatchHTTP with the values that a header is taken to have.
func matchHTTP(m model.HTTPMatch, v View, values func(name string) []string) (ok bool, why string) {
	path, query := v.Target()
	for _, part := range []struct {
		name, value string
		match       *model.StringMatch
	}{
		{"path", path, m.Path}, {"method", v.Method, m.Method}, {"scheme", v.Scheme, m.Scheme}, {"authority", v.Authority, m.Authority},
	} {
		if part.match != nil && !part.match.Matches(part.value) {
			return false, fmt.Sprintf("%s %q is not %s", part.name, part.value, Describe(*part.match))
		}
	}
	for _, h := range m.Headers {
		if why := headerFails(h, values(h.Name)); why != "" {
			return false, why
		}
	}
	for _, q := range m.Query {
		value, ok := firstParameter(query, q.Name)
		if !ok {
			return false, fmt.Sprintf("query parameter %s is absent, not %s", q.Name, Describe(q.Match))
		}
		if !q.Match.Matches(value) {
			return false, fmt.Sprintf("query parameter %s is %q, not %s", q.Name, value, Describe(q.Match))
		}
	}
	for _, c := range m.Claims {
		if why := claimFails(c, v.Claims); why != "" {
			return false, why
		}
	}
	return true, ""
}

// describeClaim says which claim a match wants, and what of it.
func describeClaim(c model.ClaimMatch) string {
	not := ""
	if c.Not {
		not = "not "
	}
	return strings.Join(c.Path, ".") + " " + not + Describe(c.Match)
}

// headerFails says why a match on one header does not hold. An absent header
// matches nothing; inverted, it counts as an empty one.
func headerFails(h model.HeaderMatch, have []string) string {
	matches := slices.ContainsFunc(have, h.Match.Matches)
	if h.Not && len(have) == 0 && h.Match.Kind != model.Present {
		matches = h.Match.Matches("")
	}
	switch {
	case matches != h.Not:
		return ""
	case h.Not:
		return fmt.Sprintf("header %s is %s, and must not be %s", h.Name, shownAll(have), Describe(h.Match))
	}
	return fmt.Sprintf("header %s is %s, not %s", h.Name, shownAll(have), Describe(h.Match))
}

// shownAll writes a header's values.
func shownAll(values []string) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprintf("%q", value)
	}
	if len(texts) == 0 {
		return "absent"
	}
	return strings.Join(texts, " and ")
}

// firstParameter finds a query parameter as Envoy's matcher does: the first
// of the name, undecoded.
func firstParameter(query, name string) (string, bool) {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if key, value, _ := strings.Cut(pair, "="); pair != "" && key == name {
			return value, true
		}
	}
	return "", false
}

// onProxy gives the first of a match's conditions on the proxy that fails.
func onProxy(m model.HTTPMatch, at Place) string {
	switch {
	case len(m.Gateways) > 0 && !slices.ContainsFunc(m.Gateways, func(g string) bool { return slices.Contains(at.Gateways, g) }):
		return fmt.Sprintf("for gateways %s, not %s", strings.Join(m.Gateways, ", "), strings.Join(at.Gateways, ", "))
	case m.Port != 0 && m.Port != at.Port:
		return fmt.Sprintf("port is %d, not %d", at.Port, m.Port)
	case m.SourceNamespace != "" && m.SourceNamespace != at.Proxy.Namespace:
		return fmt.Sprintf("source namespace is %s, not %s", at.Proxy.Namespace, m.SourceNamespace)
	case !model.HasLabels(at.Proxy.Labels, m.SourceLabels):
		return fmt.Sprintf("source labels are not %s", labels(m.SourceLabels))
	case slices.Contains(at.Gateways, model.MeshGateway) && slices.ContainsFunc(m.Claims, func(c model.ClaimMatch) bool { return !c.Not }):
		return "claims are matched at gateways only"
	}
	return ""
}

// Describe says what a StringMatch wants, in a few words.
func Describe(m model.StringMatch) string {
	if m.Kind == model.Present {
		return "present"
	}
	text := fmt.Sprintf("%s %q", m.Kind, m.Value)
	if m.IgnoreCase {
		text += " in any case"
	}
	return text
}

// labels writes a set of labels as "k=v, k=v", sorted.
func labels(set map[string]string) string {
	texts := make([]string, 0, len(set))
	for k, v := range set {
		texts = append(texts, k+"="+v)
	}
	sort.Strings(texts)
	return strings.Join(texts, ", ")
}
