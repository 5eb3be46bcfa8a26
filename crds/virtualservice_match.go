package crds

import (
	"slices"
	"sort"
	"strings"

	networking "istio.io/api/networking/v1alpha3"

	"github.com/krater-mesh/krater/model"
)

// httpMatches reads conditions; noClaims says why none can be on claims, or
// is empty.
func (c *conversion) httpMatches(in []*networking.HTTPMatchRequest, noClaims, field string) []model.HTTPMatch {
	var out []model.HTTPMatch
	for i, m := range in {
		at := index(field, i)
		match := c.httpMatch(m, at)
		c.headerMatches(&match, m.GetHeaders(), false, noClaims, at+".headers")
		c.headerMatches(&match, m.GetWithoutHeaders(), true, noClaims, at+".withoutHeaders")
		out = append(out, match)
	}
	return out
}

func (c *conversion) httpMatch(m *networking.HTTPMatchRequest, field string) model.HTTPMatch {
	out := model.HTTPMatch{
		Name: m.GetName(), Port: c.optionalPort(m.GetPort(), field+".port"), StatPrefix: m.GetStatPrefix(),
		Path:            c.path(m, field+".uri"),
		Scheme:          c.optionalMatch(m.GetScheme(), field+".scheme"),
		Method:          c.optionalMatch(m.GetMethod(), field+".method"),
		Authority:       c.optionalMatch(m.GetAuthority(), field+".authority"),
		SourceLabels:    c.labels(m.GetSourceLabels(), field+".sourceLabels"),
		SourceNamespace: c.namespace(m.GetSourceNamespace(), field+".sourceNamespace"), Gateways: m.GetGateways(),
	}
	c.gatewayNames(m.GetGateways(), field+".gateways")
	for name, q := range m.GetQueryParams() {
		if name == "" || len(name) > 1024 {
			c.bad(join(field+".queryParams", name), "a parameter has a name of at most 1024 letters")
		}
		out.Query = append(out.Query, model.QueryMatch{Name: name, Match: c.stringMatch(q, join(field+".queryParams", name))})
	}
	sort.Slice(out.Query, func(i, j int) bool { return out.Query[i].Name < out.Query[j].Name })
	return out
}

// path is the URI's match: of it alone, an empty prefix is one, and letters'
// case may not count.
func (c *conversion) path(m *networking.HTTPMatchRequest, field string) *model.StringMatch {
	if p, ok := m.GetUri().GetMatchType().(*networking.StringMatch_Prefix); ok && p.Prefix == "" {
		return &model.StringMatch{Kind: model.Prefix}
	}
	out := c.optionalMatch(m.GetUri(), field)
	if out != nil && m.GetIgnoreUriCase() {
		if out.Kind == model.Regex {
			c.add(model.Warning, model.CodeInvalidValue, field, `begin the expression with "(?i)"`, "ignoreUriCase has no effect on a regular expression")
		} else {
			out.IgnoreCase = true
		}
	}
	return out
}

func (c *conversion) headerMatches(out *model.HTTPMatch, in map[string]*networking.StringMatch, not bool, noClaims, field string) {
	var headers []model.HeaderMatch
	for name, m := range in {
		at, lower := join(field, name), strings.ToLower(name)
		match := c.headerMatch(m, not, at)
		if strings.HasPrefix(name, "@") {
			if noClaims != "" {
				c.bad(at, "claims cannot be matched here: %s", noClaims)
			}
			if path := c.claim(name, at); path != nil {
				out.Claims = append(out.Claims, model.ClaimMatch{Path: path, Match: match, Not: not})
			}
			continue
		}
		switch {
		case !headerName(lower):
			c.bad(at, "%q is no header name", name)
		case slices.ContainsFunc(headers, func(h model.HeaderMatch) bool { return h.Name == lower }):
			c.bad(at, "the header is given twice")
		}
		headers = append(headers, model.HeaderMatch{Name: lower, Match: match, Not: not})
	}
	sort.Slice(headers, func(i, j int) bool { return headers[i].Name < headers[j].Name })
	sort.Slice(out.Claims, func(i, j int) bool {
		a, b := out.Claims[i], out.Claims[j]
		return a.Not != b.Not && b.Not || a.Not == b.Not && slices.Compare(a.Path, b.Path) < 0
	})
	out.Headers = append(out.Headers, headers...)
}

// headerMatch reads "*" among withoutHeaders, where Istio takes it for "any
// value" although it is no regular expression.
func (c *conversion) headerMatch(m *networking.StringMatch, not bool, field string) model.StringMatch {
	if not && m.GetRegex() == "*" {
		return model.StringMatch{Kind: model.Present}
	}
	return c.stringMatch(m, field)
}

const claims = "@request.auth.claims"

// claim reads "@request.auth.claims.a.b" and "@request.auth.claims[a][b]",
// where names may have dots, as a path.
func (c *conversion) claim(name, field string) []string {
	var path []string
	if strings.HasPrefix(strings.ToLower(name), claims) {
		rest := name[len(claims):]
		if inner, ok := strings.CutPrefix(rest, "["); ok && strings.HasSuffix(inner, "]") {
			path = strings.Split(strings.TrimSuffix(inner, "]"), "][")
		} else if dotted, ok := strings.CutPrefix(rest, "."); ok {
			path = strings.Split(dotted, ".")
		}
	}
	if len(path) == 0 || slices.Contains(path, "") {
		c.bad(field, "%q names no claim: want %s.NAME or %s[NAME]", name, claims, claims)
		return nil
	}
	return path
}

// pseudoHeaders are those of requests that routes may look at.
var pseudoHeaders = []string{":authority", ":method", ":path", ":scheme"}

// headerName tells whether a lower case name may be a header's (RFC 9110's
// token, or a pseudo header).
func headerName(name string) bool {
	if strings.HasPrefix(name, ":") {
		return slices.Contains(pseudoHeaders, name)
	}
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}
