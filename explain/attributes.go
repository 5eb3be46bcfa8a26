package explain

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/krater-mesh/krater/model"
)

// AttributeValue is one declared attribute, as it is drawn from a request.
type AttributeValue struct {
	Name     string `json:"name"`
	Value    string `json:"value,omitempty"`
	Present  bool   `json:"present"`
	Redacted bool   `json:"redacted,omitempty"` // present, and Value is withheld
	// Unknown tells that only a running proxy has the value: a verified token's,
	// or what a filter sets. The explanation takes it for absent.
	Unknown bool   `json:"unknown,omitempty"`
	Header  string `json:"header,omitempty"` // written, or removed where the attribute is absent
}

// Attributes are those that a request has, by their names. Absent ones are not
// in it.
type Attributes map[string]Drawn

// Drawn is the value of one attribute.
type Drawn struct {
	Value  string
	Type   model.AttributeType
	Redact bool
}

// Shown is the value as it may be told.
func (d Drawn) Shown() string {
	if d.Redact {
		return redacted
	}
	return d.Value
}

const redacted = "(redacted)"

// Draw gives an attribute's value, as a proxy draws it. What is empty, and
// what does not convert, is absent. unknown: only a running proxy has it.
func Draw(a model.Attribute, v View, maxBody uint32) (value string, ok, unknown bool) {
	if given, is := v.Given[a.Name]; is {
		value, ok = Convert(a.Type, given, len(a.Claim) > 0)
		return value, ok, false
	}
	path, query := v.Target()
	switch {
	case a.Header != "":
		value, ok = v.Header(a.Header)
	case a.Cookie != "":
		value, ok = cookie(v, a.Cookie)
	case a.Query != "":
		value, ok = drawQuery(query, a.Query)
	case a.Path != "":
		value, ok = MatchTemplate(a.Path, path)
		value = decoded(value, false)
	case a.CEL != "":
		value, ok, unknown = evaluate(a.CEL, v)
	case len(a.Claim) > 0:
		value, ok = claimValue(a.Claim, v.Claims)
		if value, ok = Convert(a.Type, value, ok); !ok || value == "" {
			return "", false, false
		}
		return value, true, false
	case a.JSON != "":
		value, ok = drawJSON(a, v, maxBody)
	case len(a.GRPC) > 0:
		value, ok = drawGRPC(a, v, maxBody)
	default:
		return "", false, true
	}
	if !ok || value == "" {
		return "", false, unknown
	}
	value, ok = Convert(a.Type, value, false)
	return value, ok, false
}

// cookie finds the first of the name; quotes around its value go.
func cookie(v View, name string) (string, bool) {
	all, _ := v.Header("cookie")
	for _, pair := range strings.FieldsFunc(all, func(r rune) bool { return r == ';' || r == ',' }) {
		key, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if ok && key == name {
			if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
				value = value[1 : n-1]
			}
			return value, true
		}
	}
	return "", false
}

func drawQuery(query, name string) (string, bool) {
	for _, pair := range strings.Split(query, "&") {
		if key, value, _ := strings.Cut(pair, "="); pair != "" && decoded(key, true) == name {
			return decoded(value, true), true
		}
	}
	return "", false
}

// MatchTemplate picks the segment "{}" out of a path without its query, by a
// template of model.Attribute.Path.
func MatchTemplate(template, path string) (segment string, ok bool) {
	have, want := strings.Split(path, "/"), strings.Split(template, "/")
	last := len(want) - 1
	if want[last] == "**" {
		if want = want[:last]; len(have) < len(want) {
			return "", false
		}
		have = have[:len(want)]
	}
	if len(have) != len(want) {
		return "", false
	}
	for i, w := range want {
		switch {
		case w == "{}" && have[i] != "":
			segment = have[i]
		case w == "*" && have[i] != "", w == have[i]:
		default:
			return "", false
		}
	}
	return segment, true
}

// decoded undoes percent escapes (and "+", in a query) unless that gives what
// could not stand in a header: then the text stays as it is.
func decoded(text string, plus bool) string {
	unescape := url.PathUnescape
	if plus {
		unescape = url.QueryUnescape
	}
	out, err := unescape(text)
	if err != nil || !utf8.ValidString(out) || strings.ContainsFunc(out, func(r rune) bool { return r < 0x80 && unicode.IsControl(r) }) {
		return text
	}
	return out
}
