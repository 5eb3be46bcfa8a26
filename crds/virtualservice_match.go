package crds

import (
	"slices"
	"sort"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

func (c *conversion) httpMatches(in []*networking.HTTPMatchRequest, field string) []model.HTTPMatch {
	var out []model.HTTPMatch
	for i, m := range in {
		out = append(out, c.httpMatch(m, index(field, i)))
	}
	return out
}

func (c *conversion) httpMatch(m *networking.HTTPMatchRequest, field string) model.HTTPMatch {
	out := model.HTTPMatch{
		Name: m.GetName(), Port: m.GetPort(),
		Path:         c.optionalMatch(m.GetUri(), field+".uri"),
		Scheme:       c.optionalMatch(m.GetScheme(), field+".scheme"),
		Method:       c.optionalMatch(m.GetMethod(), field+".method"),
		Authority:    c.optionalMatch(m.GetAuthority(), field+".authority"),
		SourceLabels: m.GetSourceLabels(), SourceNamespace: m.GetSourceNamespace(), Gateways: m.GetGateways(),
	}
	if m.GetIgnoreUriCase() && out.Path != nil {
		out.Path.IgnoreCase = true
	}
	if m.GetPort() != 0 {
		c.port(m.GetPort(), field+".port")
	}
	out.Headers = c.headerMatches(m.GetHeaders(), false, field+".headers")
	out.Headers = append(out.Headers, c.headerMatches(m.GetWithoutHeaders(), true, field+".withoutHeaders")...)
	for name, q := range m.GetQueryParams() {
		out.Query = append(out.Query, model.QueryMatch{Name: name, Match: c.stringMatch(q, join(field+".queryParams", name))})
	}
	sort.Slice(out.Query, func(i, j int) bool { return out.Query[i].Name < out.Query[j].Name })
	return out
}

func (c *conversion) headerMatches(in map[string]*networking.StringMatch, not bool, field string) []model.HeaderMatch {
	var out []model.HeaderMatch
	for name, m := range in {
		at := join(field, name)
		lower := strings.ToLower(name)
		switch {
		case strings.HasPrefix(name, "@"):
			c.refuse(at, "matching on claims is not translated yet")
		case !headerName(lower):
			c.bad(at, "%q is no header name", name)
		case slices.ContainsFunc(out, func(h model.HeaderMatch) bool { return h.Name == lower }):
			c.bad(at, "the header is given twice")
		}
		out = append(out, model.HeaderMatch{Name: lower, Match: c.stringMatch(m, at), Not: not})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// headerName tells whether a lower case name may be a header's (RFC 9110's
// token, or a pseudo header).
func headerName(name string) bool {
	rest := strings.TrimPrefix(name, ":")
	return rest != "" && strings.IndexFunc(rest, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}
