package attributes

import (
	"strings"

	"github.com/krater-mesh/krater/filters/attributes/config"
	"github.com/krater-mesh/krater/filters/sdk"
)

type (
	headerSource string // its name
	cookieSource string
	querySource  string
	pathSource   struct{ template config.Template }

	// stateSource is filter state, or what a JSON pointer finds in it.
	stateSource struct {
		property []string
		json     jsonSource // nil: all of it
	}
)

func newState(from config.From) stateSource {
	s := stateSource{property: []string{"filter_state", from.State}}
	if from.JSON != "" {
		s.json = pointer(from.JSON)
	}
	return s
}

func (s stateSource) draw(r *request) (string, bool) {
	if r.stream == nil {
		return "", false
	}
	text, ok := r.stream.Property(s.property...)
	if !ok || s.json == nil {
		return text, ok
	}
	document, err := sdk.ParseJSON([]byte(text))
	if err != nil {
		r.unfit = true
		return "", false
	}
	return s.json.find(document, r, true)
}

func (name headerSource) draw(r *request) (string, bool) { return r.headers.Get(string(name)) }

// draw finds the first cookie of the name. Quotes around a value are not part
// of it. Cookie headers that came apart are joined by "; " or ",".
func (name cookieSource) draw(r *request) (string, bool) {
	rest, more := r.cookie(), true
	for more {
		var pair string
		end := strings.IndexAny(rest, ";,")
		if more = end >= 0; more {
			pair, rest = rest[:end], rest[end+1:]
		} else {
			pair = rest
		}
		key, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if ok && key == string(name) {
			if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			return value, true
		}
	}
	return "", false
}

// draw finds the first parameter of the name, decoded; one without "=" is
// empty.
func (name querySource) draw(r *request) (string, bool) {
	_, rest := r.target()
	for rest != "" {
		var pair string
		pair, rest, _ = strings.Cut(rest, "&")
		key, value, _ := strings.Cut(pair, "=")
		if pair != "" && unescape(key, true) == string(name) {
			return unescape(value, true), true
		}
	}
	return "", false
}

func (s pathSource) draw(r *request) (string, bool) {
	path, _ := r.target()
	segment, ok := s.template.Match(path)
	if !ok {
		return "", false
	}
	return unescape(segment, false), true
}
