package explain

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// rewritten is a request as a route sends it on to a destination: headers
// changed, authority and path rewritten.
func rewritten(r model.HTTPRoute, d model.Destination, shared bool, match *model.HTTPMatch, v View) View {
	v = v.clone()
	if shared { // Envoy applies a share's changes first, so that the route's win
		changeHeaders(&v, d.Headers.Request)
		changeHeaders(&v, r.Headers.Request)
	} else {
		changeHeaders(&v, r.Headers.Request, d.Headers.Request)
	}
	if r.Rewrite == nil {
		return v
	}
	if r.Rewrite.Authority != "" {
		v.Authority = r.Rewrite.Authority
	}
	path, query, asked := strings.Cut(v.Path, "?")
	path = rewritePath(*r.Rewrite, match, path)
	if asked {
		path += "?" + query
	}
	v.Path = path
	return v
}

// changeHeaders applies sets of changes as one: all removals, then all that
// overwrite, then all that add. Of the pseudo headers only the authority
// changes.
func changeHeaders(v *View, sets ...model.HeaderOps) {
	each := func(of func(model.HeaderOps) map[string]string, do func(name, value string)) {
		for _, ops := range sets {
			for _, name := range sortedKeys(of(ops)) {
				if low := strings.ToLower(name); !strings.HasPrefix(low, ":") && low != "host" {
					do(low, of(ops)[name])
				}
			}
		}
	}
	for _, ops := range sets {
		for _, name := range ops.Remove {
			delete(v.Headers, strings.ToLower(name))
		}
		for _, name := range sortedKeys(ops.Set) {
			if low := strings.ToLower(name); low == "host" || low == ":authority" {
				v.Authority = ops.Set[name]
			}
		}
	}
	each(func(o model.HeaderOps) map[string]string { return o.Set }, func(name, value string) {
		v.Headers[name] = []string{value}
	})
	each(func(o model.HeaderOps) map[string]string { return o.Add }, func(name, value string) {
		v.Headers[name] = append(slices.Clone(v.Headers[name]), value)
	})
}

// rewritePath replaces what the match matched: a prefix, or the whole path
// where it was compared exactly or by a regex.
func rewritePath(r model.Rewrite, match *model.HTTPMatch, path string) string {
	if r.Regex != nil {
		re, err := regexp.Compile(r.Regex.Match)
		if err != nil {
			return path // the snapshot never holds one
		}
		return re.ReplaceAllString(path, goReplacement(r.Regex.Rewrite))
	}
	if r.URI == "" {
		return path
	}
	prefix := "/"
	if match != nil && match.Path != nil && match.Path.Kind != model.Present {
		if match.Path.Kind != model.Prefix {
			return r.URI
		}
		prefix = match.Path.Value
	}
	return r.URI + path[min(len(prefix), len(path)):]
}

// goReplacement turns RE2's \1 into Go's ${1}.
func goReplacement(re2 string) string {
	var b strings.Builder
	for i := 0; i < len(re2); i++ {
		switch c := re2[i]; {
		case c == '$':
			b.WriteString("$$")
		case c == '\\' && i+1 < len(re2) && re2[i+1] >= '0' && re2[i+1] <= '9':
			i++
			b.WriteString("${" + re2[i:i+1] + "}")
		case c == '\\' && i+1 < len(re2):
			i++
			b.WriteByte(re2[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// location is a redirect's answer.
func location(r model.Redirect, match *model.HTTPMatch, v View) string {
	scheme, authority := v.Scheme, v.Authority
	if r.Authority != "" {
		authority = r.Authority
	}
	host, port := SplitAuthority(authority)
	if r.Scheme != "" {
		scheme = r.Scheme
		if port == 80 || port == 443 {
			authority = host // Envoy drops a port that was the old scheme's
		}
	}
	if r.Port != 0 {
		authority = net.JoinHostPort(host, strconv.Itoa(int(r.Port)))
	}
	path, query, asked := strings.Cut(v.Path, "?")
	switch {
	case r.URI != "":
		path = r.URI
	case r.PrefixRewrite != "":
		path = rewritePath(model.Rewrite{URI: r.PrefixRewrite}, match, path)
	}
	if asked && !strings.Contains(path, "?") {
		path += "?" + query
	}
	return scheme + "://" + authority + path
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
