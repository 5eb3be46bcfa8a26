package envoy_test

import (
	"fmt"
	"strings"
)

// What policies and requests are made of: few words, so that they collide.
var (
	policyPaths = []string{"/a", "/a/*", "*/b", "*", "/a*", "/A", "/a/b", "/a/b/", "/", "*.css", "/a//b", "/a/../b", "/%61", "/a%2Fb", "/a%2fb*",
		"/a?x=1", "*?x=1", "/a;x", "/é", "*b", "/b", "/b*", "/.", "/a/%20*", "/~*", "/a.b", "*a/b", "//", "/*",
		"/a/{*}", "/{*}", "/{**}", "/{*}/b", "/{**}/b", "/a/{**}", "/{*}/{*}", "/{*}/{**}/b", "/a/{*}/{**}", "/a.b/{**}"}
	policyHosts = []string{"shop.test", "SHOP.test", "*.test", "shop.*", "*", "shop.test:9080", "*.shop.test", "shop.test:*", "*:9080", "*test",
		"s*", "shop.test.", "*.", "evil.test", "*:80", "shop", "a.shop.test", "*st:80", "[::1]", "shop.test:", "ſhop.test", "shop-test", "shopXtest"}
	policyMethods = []string{"GET", "POST", "get", "HEAD", "G*", "*T", "*", "P*", "DELETE"}
	policyPorts   = []string{"9080", "9081", "80", "8080"}
	headerNames   = []string{"x-a", "x-b", "X-A", "cookie", "x-forwarded-for", ":path", ":method", ":authority", ":scheme", "host", "user-agent",
		"x-forwarded-proto", "accept", "x-envoy-internal", "content-type", "referer"}
	headerPatterns = []string{"admin", "adm*", "*min", "*", "Admin", "admin,guest", "é", "*é", "a*", "guest", "a, b", "http", "GET", "/a*",
		"shop.test*", "192.0.2.7", "*,guest", "admin,", "*:*", "http*", "ftp*", "/p*", "/?*", "*\ufffd", "a b"}
	headerValues = []string{"admin", "Admin", "ADMIN", "adm", "administrator", "", "admin,guest", "guest", "a,b", "a, b", " admin ", "é", "\xe9", "xé",
		"a\tb", "admin\t", "a b", "*", "https", "192.0.2.7", "\xff"}
	forwardedFor = []string{"192.0.2.7", "10.0.0.1, 192.0.2.7", "192.0.2.7, garbage", "192.0.2.7:80", "[2001:db8::1]", "2001:db8::1", "", ",",
		"10.0.0.1,", " 10.0.0.1 ", "10.0.0.1 , 192.0.2.7\t", "127.0.0.1", "::ffff:10.0.0.1", "010.0.0.1", "10.0.0.1,,192.0.2.7", "1.2.3", "fe80::1%lo"}
	requestHosts = []string{"shop.test", "Shop.Test", "shop.test:9080", "SHOP.TEST:80", "shop.test.", "shop.test.:9080", "a.shop.test", "evil.test",
		"shop.test:", "[::1]:9080", "shop.test:99999", "", "shop.test:80:90", "shopXtest", "xshop.test", "shop.test..", "shop.tes", "a.b.test:1", ".test", "SHOP"}
	pathPieces = []string{"/", "/", "/", "a", "b", "A", ".", "..", "%2e", "%2F", "%2f", "%61", "%62", ";x", ".css", "%C3%A9", "\\", "~", "%7E", "%20", "%", "a", "b", "%2e%2e", "/a", "/b"}
	// What is no path: Envoy answers 400.
	badPieces = []string{"é", "\xe9", "%00", "#f"}
	queries   = []string{"", "", "", "?x=1", "?", "?x=/a/b", "?/../b", "?a.css", "?%C3%A9"}
	methods   = []string{"GET", "GET", "GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"}
)

// policies draws declared AuthorizationPolicies.
func (d drawer) policies(network string) []any {
	var out []any
	for i := range 1 + d.IntN(4) {
		spec := map[string]any{"action": d.of("ALLOW", "ALLOW", "ALLOW", "DENY", "DENY", "DENY", "AUDIT")}
		switch n := d.IntN(10); {
		case n == 0: // no rules
		case n == 1:
			spec["rules"] = []any{}
		case n == 2 && d.chance(40):
			spec["rules"] = []any{map[string]any{}}
		default:
			many := 3
			if d.chance(10) {
				many = 12 // rule[10] sorts before rule[2]
			}
			var rules []any
			for range 1 + d.IntN(many) {
				rules = append(rules, d.rule(network))
			}
			spec["rules"] = rules
		}
		metadata := map[string]any{"name": fmt.Sprintf("%s%d", d.of("p", "q", "p-"), i)}
		if d.chance(20) {
			metadata["annotations"] = map[string]any{"istio.io/dry-run": "true"}
		}
		out = append(out, map[string]any{
			"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": metadata, "spec": spec,
		})
	}
	return out
}

func (d drawer) rule(network string) map[string]any {
	rule := map[string]any{}
	list := func(key string, percent int, item func() any) {
		if d.chance(percent) {
			var items []any
			for range d.of("1", "1", "22") {
				items = append(items, item())
			}
			rule[key] = items
		} else if d.chance(10) {
			rule[key] = []any{}
		}
	}
	list("from", 30, func() any { return map[string]any{"source": d.source(network)} })
	list("to", 60, func() any { return map[string]any{"operation": d.operation()} })
	list("when", 45, func() any { return d.condition(network) })
	return rule
}

func (d drawer) source(network string) map[string]any {
	blocks := blocksOf(network)
	lists := map[string][]string{"ipBlocks": blocks, "notIpBlocks": blocks, "remoteIpBlocks": blocks, "notRemoteIpBlocks": blocks}
	if d.chance(65) {
		d.callers(lists)
	}
	return d.fields(1, lists)
}

func blocksOf(network string) []string {
	return []string{"127.0.0.1", "127.0.0.0/8", network + "0.0/24", network + "1.0/24", network + "1.20", "10.0.0.0/8", "192.0.2.7", "::/0", "0.0.0.0/0",
		"192.0.2.128/25", "2001:db8::/32", "::1", network + "1.77/16", "::ffff:10.0.0.1"}
}

func (d drawer) operation() map[string]any {
	return d.fields(2, map[string][]string{"paths": policyPaths, "notPaths": policyPaths, "hosts": policyHosts, "notHosts": policyHosts,
		"methods": policyMethods, "notMethods": policyMethods, "ports": policyPorts, "notPorts": policyPorts})
}

func (d drawer) condition(network string) map[string]any {
	if d.chance(20) {
		keys := map[string][]string{"source.ip": blocksOf(network), "remote.ip": blocksOf(network), "destination.ip": append(blocksOf(network), network+"0.2"),
			"destination.port": policyPorts, "connection.sni": {"*", "shop.test", "*.test", "shop*", "shop"}}
		names := sortedNames(keys)
		key := names[d.IntN(len(names))]
		out := d.fields(1, map[string][]string{"values": keys[key], "notValues": keys[key]})
		out["key"] = key
		return out
	}
	if d.chance(25) {
		return d.callerCondition()
	}
	out := d.fields(1, map[string][]string{"values": headerPatterns, "notValues": headerPatterns})
	name := d.of(append(headerNames, "referer")...)
	if d.chance(60) {
		name = d.of("x-a", "x-b", "X-A")
	}
	out["key"] = "request.headers[" + name + "]"
	return out
}

// fields fills one to n+1 of the lists.
func (d drawer) fields(n int, lists map[string][]string) map[string]any {
	keys := sortedNames(lists)
	out := map[string]any{}
	for range 1 + d.IntN(n+1) {
		key := keys[d.IntN(len(keys))]
		out[key] = d.some(3, lists[key]...)
	}
	return out
}

// request draws one that nearly matches, or matches, or neither.
func (d drawer) request(network string) rawRequest {
	r := rawRequest{Method: d.of(methods...), Host: d.of("shop.test", "shop.test", d.of(requestHosts...)), Peer: "127.0.0.1", Port: 9080}
	if d.chance(40) {
		r.Peer = network + d.of("1.20", "0.10", "1.77")
	}
	if d.chance(25) {
		r.Port = 9081
	}
	if d.chance(55) {
		r.URI = d.of(callerURIs...)
	}
	r.Target = d.target()
	switch {
	case d.chance(8):
		r.Target = d.of("http", "HTTP", "https") + "://" + d.of("shop.test", "SHOP.test:9080", "shop.test.", "a.shop.test", "evil.test:80") + d.of(r.Target, r.Target, "", "?x=1")
	case d.chance(1):
		r.Method, r.Target = "OPTIONS", "*"
	}
	for range d.IntN(4) {
		r.Headers = append(r.Headers, [2]string{d.of("x-a", "x-a", "X-A", "x-b", "X-b", "cookie", "accept", "user-agent", "x-envoy-internal", "referer", "end-user"), d.of(headerValues...)})
	}
	if d.chance(5) {
		r.Headers = append(r.Headers, [2]string{"Referer", d.of("http://x/y", "http://u@x/", "/p#f", "a:b", "a/b:c", "https://x", "http://x/#", "ftp://x/", "a\"b", "a[b", "http://", "/?q=@", "http://x/@")})
	}
	if d.chance(5) {
		r.Headers = append(r.Headers, [2]string{"X-Forwarded-Proto", d.of("http", "https")})
	}
	for range d.of("", "", "1", "22") {
		r.Headers = append(r.Headers, [2]string{d.of("x-forwarded-for", "X-Forwarded-For"), d.of(forwardedFor...)})
	}
	return r
}

// target draws a path out of a policy's, changed a little, or out of pieces.
func (d drawer) target() string {
	path := "/"
	if d.chance(60) {
		path = strings.ReplaceAll(d.of(policyPaths...), "*", d.of("", "a", "b", "x/", "/b", "a.css"))
		if !strings.HasPrefix(path, "/") {
			path = "/" + path
		}
		for d.chance(35) {
			i := d.IntN(len(path)) + 1
			path = path[:i] + d.of(pathPieces...) + path[i:]
		}
	} else {
		for range d.IntN(7) {
			path += d.of(pathPieces...)
		}
	}
	if d.chance(4) {
		path += d.of(badPieces...)
	}
	return path + d.of(queries...)
}
