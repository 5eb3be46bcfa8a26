package model

import (
	"regexp"
	"strings"
)

// MatchKind is how a StringMatch compares.
type MatchKind string

const (
	Exact   MatchKind = "exact"
	Prefix  MatchKind = "prefix"
	Suffix  MatchKind = "suffix"
	Regex   MatchKind = "regex" // RE2, against the whole value, as Envoy does
	Present MatchKind = "present"
	// Template is of a path: "{*}" is one segment, "{**}" any number of them.
	Template MatchKind = "template"
)

// StringMatch compares one string.
type StringMatch struct {
	Kind       MatchKind `json:"kind"`
	Value      string    `json:"value,omitempty"`
	IgnoreCase bool      `json:"ignoreCase,omitempty"`
}

// Matches tells whether s matches, as Envoy has it: only ASCII letters have a
// case, and a regex is of bytes, not of UTF-8 ("." is one byte). One that does
// not compile matches nothing: the snapshot never holds it.
func (m StringMatch) Matches(s string) bool {
	v := m.Value
	if m.IgnoreCase && m.Kind != Regex {
		v, s = lowerASCII(v), lowerASCII(s)
	}
	switch m.Kind {
	case Exact:
		return s == v
	case Prefix:
		return strings.HasPrefix(s, v)
	case Suffix:
		return strings.HasSuffix(s, v)
	case Present:
		return true
	case Template:
		return matchTemplate(v, s)
	case Regex:
		if m.IgnoreCase {
			v = "(?i)" + v
		}
		re, err := regexp.Compile("^(?:" + latin1(v) + ")$")
		return err == nil && re.MatchString(latin1(s))
	}
	return false
}

// matchTemplate compares from the left; what "{**}" stands for may be empty.
func matchTemplate(template, s string) bool {
	literal, rest, found := strings.Cut(template, "{*")
	if !found {
		return s == template
	}
	s, begins := strings.CutPrefix(s, literal)
	if !begins {
		return false
	}
	if after, many := strings.CutPrefix(rest, "*}"); many {
		for i := 0; i <= len(s); i++ {
			if matchTemplate(after, s[i:]) {
				return true
			}
		}
		return false
	}
	segment := strings.IndexByte(s+"/", '/')
	return segment > 0 && matchTemplate(strings.TrimPrefix(rest, "}"), s[segment:])
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// latin1 gives each byte a character of its own.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// HeaderMatch compares one request header; Not inverts it.
type HeaderMatch struct {
	Name  string      `json:"name"` // lower case
	Match StringMatch `json:"match"`
	Not   bool        `json:"not,omitempty"`
}

// Selector chooses workloads: all of the labels, in one namespace or, where
// Namespace is empty, in all of them. Istio's rule that only the root
// namespace selects others is applied when the snapshot is built.
type Selector struct {
	Namespace string            `json:"namespace,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// Matches tells whether the selector chooses w.
func (s Selector) Matches(w Workload) bool {
	return (s.Namespace == "" || s.Namespace == w.Namespace) && HasLabels(w.Labels, s.Labels)
}

// HasLabels tells whether all wanted labels are there.
func HasLabels(have, want map[string]string) bool {
	for k, v := range want {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}
