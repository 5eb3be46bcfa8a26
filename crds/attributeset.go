package crds

import (
	"regexp"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/model/attribute"
)

// AttributeSetSpec declares attributes to draw from requests.
type AttributeSetSpec struct {
	Selector   Selector            `json:"selector"`
	Attributes []AttributeSetEntry `json:"attributes"`
	MaxBody    uint32              `json:"maxBody"` // bytes of a body that are read; 64 KiB where 0
}

// AttributeSetEntry is one attribute.
type AttributeSetEntry struct {
	Name     string          `json:"name"`
	Type     string          `json:"type"` // model.AttributeType; string where empty
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
	CEL    string `json:"cel"`  // over the request's attributes
	Claim  string `json:"claim"`
	JSON   string `json:"json"` // a JSON pointer into the body
	GRPC   string `json:"grpc"` // field numbers into the first message: "1.3"
	Wasm   string `json:"wasm"` // a property that a Filter sets
}

// largestBody keeps what an attribute holds up below Envoy's own buffers.
const largestBody = 1 << 20

var (
	attributeName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*(\.[a-zA-Z_][a-zA-Z0-9_]*)*$`)
	attributeTypes = []string{"string", "int", "double", "bool", "duration", "timestamp", "ip", "list"}
)

// Validate reports what is wrong; fields start at spec.
func (s *AttributeSetSpec) Validate() model.Problems {
	r := &report{object: &Object{}}
	if len(s.Attributes) == 0 {
		r.missing("spec.attributes", "there is no attribute")
	}
	if s.MaxBody > largestBody {
		r.bad("spec.maxBody", "at most %d bytes of a body can be read", largestBody)
	}
	seen := map[string]bool{}
	for i, a := range s.Attributes {
		at := index("spec.attributes", i)
		switch {
		case a.Name == "":
			r.missing(at+".name", "an attribute has a name")
		case !attributeName.MatchString(a.Name):
			r.bad(at+".name", "a name is words of letters, digits and _, joined by dots")
		case taken(a.Name):
			r.bad(at+".name", "%s is an attribute of every request already", a.Name)
		case seen[a.Name]:
			r.bad(at+".name", "the attribute %s is declared twice", a.Name)
		}
		seen[a.Name] = true
		if a.Type != "" {
			r.oneOf(a.Type, at+".type", attributeTypes...)
		}
		a.exits(r, at)
		a.From.validate(r, at+".from")
	}
	return r.problems
}

// taken tells names that mean something else already: those of every request,
// and the first words by which expressions, policies and the proxy find things.
func taken(name string) bool {
	_, known := attribute.Lookup(name)
	first, _, _ := strings.Cut(name, ".")
	return known || first == "attribute" || first == "krater"
}

// declaredName reads "attribute.NAME", as policies and limits name what an
// AttributeSet declares.
func declaredName(key string) (string, bool) {
	name, ok := strings.CutPrefix(key, "attribute.")
	return name, ok && attributeName.MatchString(name)
}

// exits checks where the value goes, and that a redacted one goes nowhere.
func (a *AttributeSetEntry) exits(r *report, at string) {
	if a.ToHeader != "" && (!headerName(strings.ToLower(a.ToHeader)) || strings.HasPrefix(a.ToHeader, ":") || strings.EqualFold(a.ToHeader, "host")) {
		r.bad(at+".toHeader", "%q is no header name", a.ToHeader)
	}
	if !a.Redact {
		return
	}
	if a.ToHeader != "" {
		r.add(model.Error, model.CodeNotAllowed, at+".toHeader", "leave out one of redact, toHeader", "a redacted value never leaves the proxy: no header can carry it")
	}
	if a.From.Query != "" || a.From.Path != "" || Recorded(a.From.Header) {
		r.add(model.Error, model.CodeNotAllowed, at+".redact", "take it from another header, or a cookie",
			"every record and span carries the path with its query, and what the commonest headers say: it cannot be kept in the proxy")
	}
}

// recordedHeaders stand in every record or span, whatever a rule says.
var recordedHeaders = []string{":path", ":authority", "host", ":method", ":scheme", "user-agent", "referer", "x-request-id", "x-forwarded-for", "x-forwarded-proto"}

// given lists the sources that are set.
func (s AttributeSource) given() int {
	n := 0
	for _, v := range []string{s.Header, s.Cookie, s.Query, s.Path, s.CEL, s.Claim, s.JSON, s.GRPC, s.Wasm} {
		if v != "" {
			n++
		}
	}
	return n
}

// Recorded tells whether a header stands in every record or span.
func Recorded(header string) bool {
	return slices.Contains(recordedHeaders, strings.ToLower(header))
}

func convertAttributeSet(c *conversion) Content {
	in := &AttributeSetSpec{}
	if !c.read(in) {
		return Content{}
	}
	c.include(in.Validate())
	out := &model.AttributeSet{Object: c.object.Ref, Selector: c.selector(in.Selector.MatchLabels, "spec.selector.matchLabels"), MaxBody: in.MaxBody}
	for _, a := range in.Attributes {
		kind := model.AttributeType(a.Type)
		if kind == "" {
			kind = model.AttributeString
		}
		claim, _ := claimPath(a.From.Claim)
		grpc, _ := fieldNumbers(a.From.GRPC)
		out.Attributes = append(out.Attributes, model.Attribute{Name: a.Name, Type: kind, Header: strings.ToLower(a.From.Header),
			Cookie: a.From.Cookie, Query: a.From.Query, Path: a.From.Path, CEL: strings.TrimSpace(a.From.CEL), Claim: claim,
			JSON: a.From.JSON, GRPC: grpc, Wasm: a.From.Wasm, Redact: a.Redact, ToHeader: strings.ToLower(a.ToHeader)})
	}
	return Content{Attributes: out}
}
