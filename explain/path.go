package explain

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

// NormalizePath is what Envoy 1.40 makes of a request's path (query and all)
// with normalize_path, and merge_slashes unless the mesh keeps them; !ok is a
// path that it answers with 400. Only the part before "?" changes. In this
// order: escaped slashes are decoded where the mesh says so, parameters of dot segments go ("/a/..;x/b"), "\" becomes "/", dot segments
// ("%2e" is a dot) are resolved, escapes of letters, digits and "-._~" are
// decoded, characters that do not belong in a path are escaped, runs of
// slashes become one.
//
// It is not idempotent, as Envoy's is not: "/x\..;/b" becomes "/x/..;/b",
// which the next proxy makes "/b". Each proxy's policies see its own result.
func NormalizePath(mesh model.Mesh, path string) (normal string, ok bool) {
	if !validTarget(path) {
		return "", false
	}
	plain, query, asked := strings.Cut(path, "?")
	if mesh.DecodeSlashes {
		plain = escapedSlashes.Replace(plain)
	}
	n := normalizer{in: dropDotParameters(plain), percent: -1}
	if !n.run() {
		return "", false
	}
	normal = string(n.out)
	if !mesh.KeepSlashes {
		normal = mergeSlashes(normal)
	}
	if asked {
		normal += "?" + query
	}
	return normal, true
}

var escapedSlashes = strings.NewReplacer("%2f", "/", "%2F", "/", "%5c", `\`, "%5C", `\`)

// validTarget tells whether Envoy takes a path at all.
func validTarget(path string) bool {
	if !strings.HasPrefix(path, "/") {
		return false
	}
	for i := 0; i < len(path); i++ {
		if c := path[i]; c <= ' ' || c >= 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// dropDotParameters makes segments "..;x" and ".;x" plain dot segments.
func dropDotParameters(path string) string {
	if !strings.Contains(path, ".;") {
		return path
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if dots, _, found := strings.Cut(s, ";"); found && (dots == "." || dots == "..") {
			segments[i] = dots
		}
	}
	return strings.Join(segments, "/")
}

// mergeSlashes is Envoy's: a path of slashes alone becomes "//".
func mergeSlashes(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	merged := "/" + strings.Join(parts, "/")
	if strings.HasSuffix(path, "/") {
		merged += "/"
	}
	return merged
}

// normalizer walks a path once, from in to out.
type normalizer struct {
	in      string
	at      int
	out     []byte
	percent int // where out has the last "%" that begins no escape; or -1
}

func (n *normalizer) run() bool {
	for n.at < len(n.in) {
		c := n.in[n.at]
		switch dot := n.dot(n.at); {
		case dot > 0:
			n.segment(dot)
		case c == '\\':
			n.put('/', 1)
		case c == '%':
			if !n.escape() {
				return false
			}
		case strings.IndexByte("\"<>^`{|}", c) >= 0:
			n.out = append(n.out, '%', upperHex[c>>4], upperHex[c&15])
			n.at++
		default:
			n.put(c, 1)
		}
	}
	return true
}

const upperHex = "0123456789ABCDEF"

// put writes one byte for so many of the input.
func (n *normalizer) put(c byte, consumed int) {
	n.out = append(n.out, c)
	n.at += consumed
}

// dot gives the length of a dot, plain or escaped; 0 where there is none.
func (n *normalizer) dot(i int) int {
	switch rest := n.in[min(i, len(n.in)):]; {
	case strings.HasPrefix(rest, "."):
		return 1
	case strings.HasPrefix(rest, "%2e"), strings.HasPrefix(rest, "%2E"):
		return 3
	}
	return 0
}

// segment handles a dot: alone, or with a second one, between slashes it is
// a dot segment.
func (n *normalizer) segment(dot int) {
	if len(n.out) == 0 || n.out[len(n.out)-1] != '/' {
		n.put('.', dot)
		return
	}
	after := n.at + dot
	if end, ok := n.separator(after); ok {
		n.at = end
		return
	}
	if second := n.dot(after); second > 0 {
		if end, ok := n.separator(after + second); ok {
			n.up()
			n.at = end
			return
		}
	}
	n.put('.', dot)
}

// separator tells whether a segment ends at i, and where the next begins.
func (n *normalizer) separator(i int) (next int, ok bool) {
	if i >= len(n.in) {
		return i, true
	}
	return i + 1, n.in[i] == '/' || n.in[i] == '\\'
}

// up takes the last segment off, and keeps the slash before it.
func (n *normalizer) up() {
	i := len(n.out) - 1
	for i > 0 {
		if i--; n.out[i] == '/' {
			break
		}
	}
	n.out = n.out[:i+1]
	if n.percent > i {
		n.percent = -1
	}
}

// escape handles a "%". It is false for one of a NUL.
func (n *normalizer) escape() bool {
	if n.at+2 >= len(n.in) || !isHex(n.in[n.at+1]) || !isHex(n.in[n.at+2]) {
		n.percent = len(n.out)
		n.put('%', 1)
		return true
	}
	c := unhex(n.in[n.at+1])<<4 | unhex(n.in[n.at+2])
	switch {
	case c == 0:
		return false
	case !unreserved(c):
		n.out = append(n.out, n.in[n.at:n.at+3]...)
		n.at += 3
	default:
		n.put(c, 3)
		n.guard(c)
	}
	return true
}

// guard keeps a decoded character from making an escape out of a "%" that
// was none: the "%" is escaped then.
func (n *normalizer) guard(c byte) {
	switch p := n.percent; {
	case p < 0 || !isHex(c):
	case p == len(n.out)-2 && n.at < len(n.in) && isHex(n.in[n.at]):
		n.out = append(n.out[:p+1], '2', '5', c)
	case p == len(n.out)-3 && isHex(n.out[p+1]):
		n.out = append(n.out[:p+1], '2', '5', n.out[p+1], c)
	}
}

func unreserved(c byte) bool {
	return isHex(c) || c >= 'g' && c <= 'z' || c >= 'G' && c <= 'Z' || strings.IndexByte("-._~", c) >= 0
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
