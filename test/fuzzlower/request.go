package fuzzlower

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Request is one as its client writes it.
type Request struct {
	Method, Target, Host string
	Headers              [][2]string
	Trailers             [][2]string
	H2                   bool
	Body                 string
	Peer                 string // the client's address
	Principal            string // the URI of the client's certificate; "": none
	SNI                  string
	Claims               map[string]any // of the verified token; nil: there is none
}

// Request draws one for a policy: as anybody's, then drawn toward what the
// policy asks for, then disturbed.
func (d *Drawer) Request(atoms []Atom) Request {
	r := Request{Method: d.of("GET", "GET", "GET", "POST", "PUT", "DELETE"), Target: d.of(wordsPath...), Host: d.of(wordsHost...), Peer: "127.0.0.1"}
	for range d.IntN(3) {
		r.set(d.of(namesHeader...), d.of(wordsHeader...))
	}
	r.H2 = d.chance(30)
	if d.chance(12) { // over mutual TLS
		r.Principal, r.SNI = d.of(wordsCaller...), d.of(wordsSNI...)
	}
	if d.chance(50) {
		r.Claims = map[string]any{"iss": "fuzz", "sub": d.of(wordsClaim...)}
	}
	exact := d.chance(45) // hits all that is asked for, as far as it can
	for _, i := range d.Perm(len(atoms)) {
		a := atoms[i]
		switch {
		case len(atoms) > 12 && d.chance(70):
		case exact || d.chance(45):
			d.approach(&r, a, a.Text)
		case d.chance(60):
			d.approach(&r, a, d.near(a.Text))
		}
	}
	if !exact || d.chance(30) {
		for range d.IntN(3) {
			d.disturb(&r)
		}
	}
	if !strings.HasPrefix(r.Target, "/") && !strings.HasPrefix(r.Target, "http://") && d.chance(90) {
		r.Target = "/" + r.Target
	}
	if d.chance(80) { // what is no target at all teaches little
		r.Target = escaped(r.Target)
	}
	r.mend()
	return r
}

// near is a text that is nearly the given one.
func (d *Drawer) near(s string) string {
	if s == "" {
		return d.of("", " ", "a", "\xe9")
	}
	i := d.IntN(len(s))
	return choose(d, []choice[string]{
		{4, func() string { return s }},
		{3, func() string { return strings.ToUpper(s) }},
		{2, func() string { return strings.ToLower(s) }},
		{2, func() string { return s[:i] }},
		{2, func() string {
			return s + d.of("x", "/", "?", "", ",", ",x", ";x", "#", "\xc3\xa9", "\xe9", ".", "%00", "/..", "?x=1")
		}},
		{2, func() string { return d.of("x", "/", "", ",", "a,", "\xff", "/x/..", "//", "/%2e") + s }},
		{1, func() string { return s[:i] + d.of("\xe9", "é", "\x80", "ſ", "K") + s[i+1:] }},
		{1, func() string { return s[:i] + "%" + strings.ToUpper(strconv.FormatInt(int64(s[i]), 16)) + s[i+1:] }},
		{1, func() string { return s[:i] + d.of("%2F", "%2f", "..", "/./", "%5C", "\\") + s[i:] }},
		{1, func() string { return "" }},
	})
}

// approach sets what an atom speaks of.
func (d *Drawer) approach(r *Request, a Atom, text string) {
	kind, name, _ := strings.Cut(a.Input, ":")
	switch kind {
	case "method":
		r.Method = text
	case "path":
		r.Target = text
		if d.chance(15) {
			r.Target += d.of("/x", "x", "?x=1", "?", "/", ".css", "/b")
		}
	case "host":
		r.Host = text
	case "peer":
		r.Peer = text
	case "principal":
		r.Principal = text
	case "sni":
		r.SNI = text
		if r.Principal == "" {
			r.Principal = d.of(wordsCaller...)
		}
	case "protocol":
		r.H2 = text == "HTTP/2"
	case "header":
		if !strings.HasPrefix(name, ":") {
			r.set(name, text)
		}
	case "query":
		r.Target = strings.SplitN(r.Target, "?", 2)[0] + "?" + name + "=" + strings.ReplaceAll(text, " ", "%20")
	case "segment":
		i, _ := strconv.Atoi(name)
		r.Target = withSegment(r.Target, i, text)
	case "claim", "claimnumber", "claimvalue", "claimlist":
		d.claimed(r, kind, name, text)
	}
}

// withSegment replaces one segment of a path.
func withSegment(target string, i int, text string) string {
	path, query, asked := strings.Cut(target, "?")
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for len(parts) <= i {
		parts = append(parts, "a")
	}
	parts[i] = text
	if path = "/" + strings.Join(parts, "/"); asked {
		path += "?" + query
	}
	return path
}

// claimed gives the token a claim of the type that is asked for, mostly.
func (d *Drawer) claimed(r *Request, kind, name, text string) {
	text = strings.ToValidUTF8(text, "?") // as JSON is
	var value any = text
	switch {
	case d.chance(10):
		value = choose(d, []choice[any]{{1, func() any { return nil }}, {1, func() any { return false }}, {1, func() any { return true }}, {1, func() any { return 7.0 }},
			{1, func() any { return []any{text} }}, {1, func() any { return map[string]any{"a": "b"} }}, {1, func() any { return text + "x" }}})
	case kind == "claimvalue":
		value = choose(d, []choice[any]{{4, func() any { return true }}, {3, func() any { return false }}, {2, func() any { return nil }}, {1, func() any { return "true" }}, {1, func() any { return 0.0 }}})
	case kind == "claimlist":
		value = []any{d.of(wordsRoles...), text}
	case kind == "claimnumber":
		n, err := strconv.ParseFloat(text, 64)
		if err == nil {
			value = n + []float64{0, 0, 1, -1, 0.5}[d.IntN(5)]
		}
	}
	if r.Claims == nil {
		r.Claims = map[string]any{"iss": "fuzz"}
	}
	at, parts := r.Claims, strings.Split(name, ".")
	for _, p := range parts[:len(parts)-1] {
		next, ok := at[p].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[p] = next
		}
		at = next
	}
	at[parts[len(parts)-1]] = value
}

// disturb makes something odd of a request.
func (d *Drawer) disturb(r *Request) {
	for range 1 {
		switch d.IntN(17) {
		case 0: // a duplicate
			if len(r.Headers) > 0 {
				h := r.Headers[d.IntN(len(r.Headers))]
				r.Headers = append(r.Headers, [2]string{h[0], d.of(h[1], "", "x", "admin")})
			}
		case 1:
			r.Headers = append(r.Headers, [2]string{d.of(namesHeader...), d.of("", " ", "\xe9", "\xc3\xa9", "a\xff", "admin\xe9", "\u2028")})
		case 2: // huge
			r.Headers = append(r.Headers, [2]string{d.of(namesHeader...), strings.Repeat(d.of("a", "admin,", "é"), 500+d.IntN(1500))})
		case 3: // the name's case
			if len(r.Headers) > 0 {
				h := &r.Headers[d.IntN(len(r.Headers))]
				h[0] = strings.ToUpper(h[0])
			}
		case 4:
			if len(r.Headers) > 0 {
				r.Headers = slices.Delete(r.Headers, 0, 1)
			}
		case 5:
			r.Target += d.of("?", "?a=b", "?x=1&x=2", "?%zz", "?x=%ff", "?x;y=1", "?../..", "?x=admin#f")
		case 6:
			r.Target = d.of("/x/..", "/.", "//", "/%2e%2e", "/a/%2e", "/;x") + r.Target
		case 7:
			r.Target = strings.Replace(r.Target, "/", d.of("//", "%2F", "%2f", "\\", "/./", "/;a=b/", "/x/../"), 1+d.IntN(2))
		case 8:
			r.Target += d.of("%", "%2", "%zz", "%00", "\xe9", "é", "%E9", "%C3%A9", ";x=y", "/..", "/../", "/.")
		case 9:
			r.Target = strings.ToUpper(r.Target)
		case 10:
			r.Claims = nil
		case 11:
			for k := range r.Claims {
				if k != "iss" && d.chance(50) {
					delete(r.Claims, k)
				}
			}
		case 12:
			r.Trailers = append(r.Trailers, [2]string{d.of("x-role", "x-a", "x-user"), d.of(wordsHeader...)})
		case 13:
			r.Headers = append(r.Headers, [2]string{d.of("x-forwarded-for", "x-forwarded-proto", "x-envoy-internal", "x-real-ip", "x-forwarded-host", "x-original-path"), d.of("10.0.0.1", "https", "true", "127.0.0.1, 10.0.0.1", "evil.test")})
		case 14:
			r.Host = d.of("shop.test:80", "Shop.Test", "shop.test.", "", "a@shop.test", "shop.test:9080")
		case 15:
			r.Body = d.of("a=b", `{"a": "b"}`, "\xff\xfe", strings.Repeat("x", 2000))
		case 16:
			if !r.H2 && strings.HasPrefix(r.Target, "/") { // absolute form
				r.Target = "http://" + d.of("shop.test", "evil.test") + r.Target
			}
		}
	}
}

func (r *Request) set(name, value string) {
	for i := range r.Headers {
		if strings.EqualFold(r.Headers[i][0], name) {
			r.Headers[i][1] = value
			return
		}
	}
	r.Headers = append(r.Headers, [2]string{name, value})
}

// mend takes out what cannot be written: line ends, and what would make
// another message of it.
func (r *Request) mend() {
	r.Method = strings.Map(func(c rune) rune {
		if c > ' ' && c < 0x7f && !strings.ContainsRune("\"(),/:;<=>?@[\\]{}", c) {
			return c
		}
		return -1
	}, r.Method)
	if !slices.Contains(wordsMethod[:5], r.Method) { // Envoy takes methods of its own over HTTP/2 only
		r.H2 = r.H2 || !slices.Contains(wordsMethod, r.Method) || r.Method == "get"
	}
	if r.Method == "" || strings.EqualFold(r.Method, "CONNECT") || strings.EqualFold(r.Method, "PRI") {
		r.Method = "GET"
	}
	r.Target = withoutBreaks(strings.ReplaceAll(r.Target, " ", "%20"))
	if r.Target == "" {
		r.Target = "/"
	}
	r.Host = withoutBreaks(strings.ReplaceAll(r.Host, " ", ""))
	for i := range r.Headers {
		r.Headers[i][1] = withoutBreaks(r.Headers[i][1])
	}
	if r.H2 { // a malformed one ends the connection: little is learnt from it
		if !strings.HasPrefix(r.Target, "/") {
			r.Target = "/" + r.Target
		}
		if name, _, _ := strings.Cut(r.Host, ":"); !plainName(strings.TrimSuffix(name, ".")) || name == "" {
			r.Host = "shop.test"
		}
	}
	if ip := net.ParseIP(r.Peer); ip == nil || !ip.IsLoopback() || ip.To4() == nil {
		r.Peer = "127.0.0.1"
	}
	if strings.HasPrefix(r.Principal, "spiffe://") {
		if !slices.Contains(wordsCaller, r.Principal) {
			r.Principal = wordsCaller[len(r.Principal)%len(wordsCaller)]
		}
	} else {
		r.Principal = ""
	}
	if r.Principal == "" || !utf8.ValidString(r.SNI) || !plainName(r.SNI) {
		r.SNI = ""
	}
	if r.Body != "" && len(r.Trailers) > 0 && !r.H2 {
		r.Trailers = nil
	}
}

// escaped writes as an escape what Envoy takes in no target.
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '#' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func plainName(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == "" && !strings.Contains(s, "..") && !strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".")
}

func withoutBreaks(s string) string {
	return strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(s)
}
