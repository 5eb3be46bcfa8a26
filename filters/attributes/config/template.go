package config

import (
	"errors"
	"strings"
)

// Template picks one segment out of a path: "/products/{}/**". Segments are
// those between slashes. "{}" is the one picked, "*" any one, both not empty;
// "**" as the last is any rest, also none; others match themselves, byte for
// byte, as they stand in the request.
type Template struct {
	segments []string
	rest     bool
}

// ParseTemplate reads a template, or says what is wrong with it.
func ParseTemplate(text string) (Template, error) {
	if !strings.HasPrefix(text, "/") {
		return Template{}, errors.New(quote(text) + ` must start with "/"`)
	}
	t := Template{segments: strings.Split(text[1:], "/")}
	if last := len(t.segments) - 1; t.segments[last] == "**" {
		t.segments, t.rest = t.segments[:last], true
	}
	picked := 0
	for _, s := range t.segments {
		switch {
		case s == "{}":
			picked++
		case s == "**":
			return Template{}, errors.New(quote(text) + ` has "**" before its end`)
		case s != "*" && strings.ContainsAny(s, "*{}?#"):
			return Template{}, errors.New(quote(text) + " has segment " + quote(s) +
				`: "{}", "*" and "**" stand alone, and "?" and "#" are not part of a path`)
		}
	}
	if picked != 1 {
		return Template{}, errors.New(quote(text) + ` must have "{}" exactly once`)
	}
	return t, nil
}

// Match gives the picked segment as it stands in the path, which comes
// without its query.
func (t Template) Match(path string) (segment string, ok bool) {
	rest, more := strings.CutPrefix(path, "/")
	for _, want := range t.segments {
		if !more {
			return "", false
		}
		var have string
		have, rest, more = strings.Cut(rest, "/")
		switch want {
		case "{}":
			segment = have
			if have == "" {
				return "", false
			}
		case "*":
			if have == "" {
				return "", false
			}
		default:
			if have != want {
				return "", false
			}
		}
	}
	return segment, t.rest || !more
}
