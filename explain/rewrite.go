package explain

import (
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
	for _, host := range []string{hostOf(d.Headers.Request), hostOf(r.Headers.Request)} {
		if host != "" {
			v.Authority = host
		}
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

// hostOf is what the authority is set to; "" leaves it. Adding one is setting
// it: there is one only.
func hostOf(ops model.HeaderOps) string {
	for _, values := range []map[string]string{ops.Set, ops.Add} {
		for _, name := range sortedKeys(values) {
			if low := strings.ToLower(name); low == "host" || low == ":authority" {
				return values[name]
			}
		}
	}
	return ""
}

// changeHeaders applies sets of changes as one: all removals, then all that
// overwrite, then all that add. Pseudo headers are no headers to it.
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
	}
	before := v.clone() // commands read it as it is without what is removed
	each(func(o model.HeaderOps) map[string]string { return o.Set }, func(name, value string) {
		v.Headers[name] = []string{formatted(value, before)}
	})
	each(func(o model.HeaderOps) map[string]string { return o.Add }, func(name, value string) {
		v.Headers[name] = append(slices.Clone(v.Headers[name]), formatted(value, before))
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
func location(r model.Redirect, match *model.HTTPMatch, at Place, v View) string {
	scheme, authority := v.Scheme, r.Authority
	if r.Scheme != "" {
		scheme = r.Scheme
	}
	port := redirectPort(r, at, v)
	if authority == "" {
		authority = keptAuthority(v, scheme, port)
	}
	if port != 0 {
		authority += ":" + strconv.Itoa(int(port))
	}
	path, query, asked := strings.Cut(v.Path, "?")
	switch {
	case r.PrefixRewrite != "":
		path = rewritePath(model.Rewrite{URI: r.PrefixRewrite}, match, path)
	case r.URI != "":
		path = r.URI
	}
	if asked && !strings.Contains(path, "?") {
		path += "?" + query
	}
	return scheme + "://" + authority + path
}

// redirectPort is the port that is named: given, or derived, but never the
// scheme's own unless that was asked for. 0: none is.
func redirectPort(r model.Redirect, at Place, v View) uint32 {
	port, scheme := r.Port, r.Scheme
	switch {
	case scheme != "":
	case slices.Contains(at.Gateways, model.MeshGateway):
		scheme = "http" // it reaches a sidecar in the clear, whatever its headers say
	default:
		scheme = v.Scheme
	}
	switch r.DerivePort {
	case "FROM_REQUEST_PORT":
		port = at.Port
	case "FROM_PROTOCOL_DEFAULT":
		return map[string]uint32{"http": 80, "https": 443}[scheme]
	}
	if port == 80 && scheme == "http" || port == 443 && scheme == "https" {
		return 0
	}
	return port
}

// keptAuthority is the request's own, without its port where another one is
// named, or where it is the default of a scheme that changes.
func keptAuthority(v View, scheme string, port uint32) string {
	i := strings.LastIndexByte(v.Authority, ':')
	if strings.HasPrefix(v.Authority, "[") {
		i = strings.LastIndex(v.Authority, "]:") + 1
	}
	if i <= 0 {
		return v.Authority
	}
	was, _ := v.Header("x-forwarded-proto")
	own := was == "http" && v.Authority[i:] == ":80" || was == "https" && v.Authority[i:] == ":443"
	if port != 0 || scheme != was && own {
		return v.Authority[:i]
	}
	return v.Authority
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
