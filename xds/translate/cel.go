package translate

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// celMatch writes a match as an expression over Envoy's attributes. What may
// be absent is asked for first: in CEL an absent header is an error, and an
// error counts nothing.
func celMatch(m model.HTTPMatch) string {
	var all []string
	for _, part := range []struct {
		attribute string
		match     *model.StringMatch
	}{{"request.url_path", m.Path}, {"request.method", m.Method}, {"request.scheme", m.Scheme}, {"request.host", m.Authority}} {
		if part.match != nil {
			all = append(all, celCompare(part.attribute, *part.match))
		}
	}
	for _, h := range m.Headers {
		all = append(all, celHeader(h))
	}
	if len(all) == 0 {
		return "true"
	}
	return "(" + strings.Join(all, " && ") + ")"
}

// celHeader compares a header as headerMatcher does.
func celHeader(h model.HeaderMatch) string {
	there := celString(h.Name) + " in request.headers"
	value := "request.headers[" + celString(h.Name) + "]"
	switch {
	case h.Match.Kind == model.Present && h.Not:
		return "!(" + there + ")"
	case h.Match.Kind == model.Present:
		return there
	case h.Not:
		return "!(" + celCompare("("+celOr("request.headers", h.Name, "")+")", h.Match) + ")"
	}
	return "(" + there + " && " + celCompare(value, h.Match) + ")"
}

func celCompare(value string, m model.StringMatch) string {
	if m.IgnoreCase || m.Kind == model.Regex {
		return value + ".matches(" + celString(fullRegex(m)) + ")"
	}
	switch m.Kind {
	case model.Prefix:
		return value + ".startsWith(" + celString(m.Value) + ")"
	case model.Suffix:
		return value + ".endsWith(" + celString(m.Value) + ")"
	case model.Present:
		return "true"
	}
	return value + " == " + celString(m.Value)
}

// fullRegex matches a whole value as the StringMatch does.
func fullRegex(m model.StringMatch) string {
	re := regexp.QuoteMeta(m.Value)
	switch m.Kind {
	case model.Prefix:
		re += "(?s:.*)"
	case model.Suffix:
		re = "(?s:.*)" + re
	case model.Regex:
		re = m.Value
	case model.Present:
		re = "(?s:.*)"
	}
	return "^" + flags(m) + "(?:" + re + ")$"
}

// celOr reads a map's value, or gives another where it has none.
func celOr(from, name, otherwise string) string {
	return fmt.Sprintf("%s in %s ? %s[%s] : %s", celString(name), from, from, celString(name), celString(otherwise))
}

// celString quotes a string; Go's ASCII escapes are CEL's.
func celString(s string) string { return strconv.QuoteToASCII(s) }
