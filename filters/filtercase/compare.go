package filtercase

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Differences says in what a result is not what was wanted; nothing: it is.
func (c Case) Differences(g Got) []string {
	var out []string
	differ := func(what string, want, have any) {
		out = append(out, fmt.Sprintf("%s is %v, want %v", what, have, want))
	}
	if c.Want.Status != 0 && c.Want.Status != g.Status {
		differ("the status", c.Want.Status, g.Status)
	}
	out = append(out, headers("the answer's header", c.Want.Headers, g.Headers)...)
	if c.Want.Body != nil && *c.Want.Body != g.Body {
		differ("the body", quoted(*c.Want.Body), quoted(g.Body))
	}
	want := c.Want.Upstream
	switch {
	case want == nil:
		return out
	case want.Never:
		if g.Upstream != nil {
			out = append(out, "the upstream was asked, and never should be")
		}
		return out
	case g.Upstream == nil:
		return append(out, "the upstream was not asked")
	}
	if want.Method != "" && want.Method != g.Upstream.Method {
		differ("the upstream's method", want.Method, g.Upstream.Method)
	}
	if want.Path != "" && want.Path != g.Upstream.Path {
		differ("the upstream's path", want.Path, g.Upstream.Path)
	}
	if want.Body != nil && *want.Body != g.Upstream.Body {
		differ("the upstream's body", quoted(*want.Body), quoted(g.Upstream.Body))
	}
	return append(out, headers("the upstream's header", want.Headers, g.Upstream.Headers)...)
}

func headers(what string, want map[string]*string, have map[string][]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		values, there := have[strings.ToLower(name)]
		value := strings.Join(values, ",")
		switch w := want[name]; {
		case w == nil && there:
			out = append(out, fmt.Sprintf("%s %s is %q, want none", what, name, value))
		case w != nil && !there:
			out = append(out, fmt.Sprintf("%s %s is absent, want %q", what, name, *w))
		case w != nil && value != *w:
			out = append(out, fmt.Sprintf("%s %s is %q, want %q", what, name, value, *w))
		}
	}
	return out
}

// quoted shortens a body for a message.
func quoted(s string) string {
	if len(s) > 300 {
		s = s[:300] + "…"
	}
	return fmt.Sprintf("%q", s)
}
