package crds

import (
	"regexp"
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/model/attribute"
)

// AttributeSetSpec declares attributes to draw from requests.
type AttributeSetSpec struct {
	Selector   Selector            `json:"selector"`
	Attributes []AttributeSetEntry `json:"attributes"`
}

// AttributeSetEntry is one attribute.
type AttributeSetEntry struct {
	Name     string          `json:"name"`
	From     AttributeSource `json:"from"`
	Redact   bool            `json:"redact"`   // the value never leaves the proxy
	ToHeader string          `json:"toHeader"` // a request header that gets the value
}

// AttributeSource is where the value is; one field is given.
type AttributeSource struct {
	Header string `json:"header"`
	Cookie string `json:"cookie"`
	Query  string `json:"query"`
	Path   string `json:"path"` // a template: see model.Attribute.Path
}

var attributeName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*$`)

// Validate reports what is wrong; fields start at spec.
func (s *AttributeSetSpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	if len(s.Attributes) == 0 {
		r.missing("spec.attributes", "there is no attribute")
	}
	seen := map[string]bool{}
	for i, a := range s.Attributes {
		at := index("spec.attributes", i)
		_, known := attribute.Lookup(a.Name)
		switch {
		case a.Name == "":
			r.missing(at+".name", "an attribute has a name")
		case !attributeName.MatchString(a.Name):
			r.bad(at+".name", "a name is words of letters, digits and _, joined by dots")
		case known:
			r.bad(at+".name", "%s is an attribute of every request already", a.Name)
		case seen[a.Name]:
			r.bad(at+".name", "the attribute %s is declared twice", a.Name)
		}
		seen[a.Name] = true
		if a.ToHeader != "" && (!headerName(strings.ToLower(a.ToHeader)) || strings.HasPrefix(a.ToHeader, ":")) {
			r.bad(at+".toHeader", "%q is no header name", a.ToHeader)
		}
		a.From.validate(r, at+".from")
	}
	return r.problems
}

func (s AttributeSource) validate(r *report, field string) {
	given := 0
	for _, v := range []string{s.Header, s.Cookie, s.Query, s.Path} {
		if v != "" {
			given++
		}
	}
	if given != 1 {
		r.missing(field, "exactly one of header, cookie, query and path is needed")
	}
	if s.Header != "" && !headerName(strings.ToLower(s.Header)) {
		r.bad(field+".header", "%q is no header name", s.Header)
	}
	if strings.EqualFold(s.Header, peerHeader) {
		r.unverified(field+".header", s.Header)
	}
	if s.Path == "" {
		return
	}
	segments := strings.Split(s.Path, "/")
	if segments[0] != "" || strings.Count(s.Path, "{}") != 1 {
		r.bad(field+".path", `a template starts with "/" and has "{}" once`)
	}
	for i, seg := range segments {
		if strings.Contains(seg, "{}") && seg != "{}" || seg != "*" && seg != "**" && strings.Contains(seg, "*") ||
			seg == "**" && i != len(segments)-1 {
			r.bad(field+".path", `"{}" and "*" are whole segments, and "**" is the last`)
		}
	}
}

func convertAttributeSet(c *conversion) Content {
	in := &AttributeSetSpec{}
	if !c.read(in) {
		return Content{}
	}
	c.include(in.Validate())
	out := &model.AttributeSet{Object: c.object.Ref, Selector: c.selector(in.Selector.MatchLabels, "spec.selector.matchLabels")}
	for _, a := range in.Attributes {
		out.Attributes = append(out.Attributes, model.Attribute{Name: a.Name, Type: "string", Header: strings.ToLower(a.From.Header),
			Cookie: a.From.Cookie, Query: a.From.Query, Path: a.From.Path, Redact: a.Redact, ToHeader: strings.ToLower(a.ToHeader)})
	}
	return Content{Attributes: out}
}
