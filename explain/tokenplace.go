package explain

import (
	"net/url"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// found is what may be a token, where a rule looks for one.
type found struct {
	text  string
	where string // "header authorization"
	// remove takes it out of a request that goes on.
	remove func(*View)
}

// tokenLetters are what a token consists of: behind a prefix, it begins with the
// first of them.
const tokenLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

// tokens are those at a rule's places, in the order in which Envoy collects
// them; it verifies the last of them first.
func tokens(r model.JWTRule, v View) []found {
	headers, params, cookies := r.Locations()
	headers = slices.Clone(headers)
	slices.SortFunc(headers, func(a, b model.TokenHeader) int { return strings.Compare(a.Name+a.Prefix, b.Name+b.Prefix) })
	var out []found
	for _, h := range headers {
		value, ok := v.Headers.Get(h.Name)
		value = strings.Trim(value, " \t")
		if !ok {
			continue
		}
		if h.Prefix != "" {
			at := strings.Index(value, h.Prefix)
			if at < 0 {
				continue
			}
			value = bareToken(value, at+len(h.Prefix))
		}
		out = append(out, found{value, "header " + h.Name, func(v *View) { delete(v.Headers, h.Name) }})
	}
	_, query := v.Target()
	for _, name := range slices.Sorted(slices.Values(params)) {
		if value, ok := parameter(query, name); ok {
			out = append(out, found{value, "parameter " + name, func(v *View) { v.Path = withoutParameter(v.Path, name) }})
		}
	}
	for _, name := range slices.Sorted(slices.Values(cookies)) {
		if value, ok := cookie(v, name); ok {
			out = append(out, found{value, "cookie " + name, func(*View) {}}) // Envoy leaves cookies
		}
	}
	return out
}

func bareToken(value string, after int) string {
	start := strings.IndexAny(value[after:], tokenLetters)
	if start < 0 {
		return value
	}
	return value[after+start:]
}

func parameter(query, name string) (string, bool) {
	for _, pair := range strings.Split(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if pair != "" && percentDecoded(key) == name {
			return percentDecoded(value), true
		}
	}
	return "", false
}

// percentDecoded decodes what is an escape, and leaves the rest as it is.
func percentDecoded(text string) string {
	if out, err := url.PathUnescape(text); err == nil {
		return out
	}
	return text
}

// withoutParameter is the path without one parameter of its query. Envoy writes
// the others anew: by their names, and as if nothing in them had been escaped.
func withoutParameter(path, name string) string {
	plain, query, _ := strings.Cut(path, "?")
	var kept []string
	for _, pair := range strings.Split(query, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key = percentDecoded(key); pair != "" && key != name {
			kept = append(kept, key+"="+percentDecoded(value))
		}
	}
	slices.SortStableFunc(kept, func(a, b string) int {
		before, _, _ := strings.Cut(a, "=")
		after, _, _ := strings.Cut(b, "=")
		return strings.Compare(before, after)
	})
	if len(kept) == 0 {
		return plain
	}
	return plain + "?" + strings.Join(kept, "&")
}
