package fuzzlower

import "strings"

// What policies and requests are made of: few words, so that they collide.
var (
	wordsPath = []string{"/", "/a", "/a/b", "/a/b/c", "/A", "/admin", "/admin/", "/api/v1/users", "/api/v1", "/api", "/health", "/a.css", "/a;x", "/a%2Fb", "/%C3%A9",
		"/a?x=1", "/a/b?x=1&y=2", "/users/alice", "/users/bob", "/pub/x.html", "/a//b", "/api/v2/users/7", "/%61", "/a%20b", "/admin?x"}
	wordsPrefix  = []string{"/", "/a", "/a/", "/api/", "/api/v1", "/pub", "/users/", "/admin", "/A", "/a?", "", "/api/v1/users"}
	wordsSuffix  = []string{".css", "/", "b", "/b", "users", "x=1", "", ".html", "e"}
	wordsInside  = []string{"/", "a", "admin", "..", "%2F", "?", "//", "x=", "", ";", "v1"}
	wordsSegment = []string{"", "a", "b", "api", "v1", "users", "alice", "admin", "A", "a.css", "pub", "é", "a b", "7"}
	wordsMethod  = []string{"GET", "POST", "PUT", "DELETE", "HEAD", "get", "PATCH", "OPTIONS"}
	wordsHost    = []string{"shop.test", "SHOP.test", "shop.test:9080", "evil.test", "a.shop.test", "shop.test."}
	wordsHeader  = []string{"admin", "user", "Admin", "adm", "", "a,b", "true", "false", "7", "18", "007", "1e1", "é", "admin ", "a b", "admin,user", "null", "administrator", "a", "10.0.0.1", "x"}
	namesHeader  = []string{"x-role", "x-user", "x-tenant", "x-a", "user-agent", "accept", "x-num", "cookie", "authorization", "content-type", "x-empty"}
	wordsQuery   = []string{"1", "2", "", "a", "x", "admin", "a b", "true"}
	namesQuery   = []string{"x", "y", "q", "debug"}
	wordsPeer    = []string{"127.0.0.1", "127.0.0.7", "127.1.2.3", "10.0.0.1", "127.0.0.0", "127.0.0.10"}
	wordsBlock   = []string{"127.0.0.0/8", "127.0.0.0/29", "127.0.0.1/32", "10.0.0.0/8", "0.0.0.0/0", "127.1.0.0/16", "::/0", "127.0.0.8/29", "192.168.0.0/16", "::1/128"}
	wordsCaller  = []string{"spiffe://cluster.local/ns/default/sa/web", "spiffe://cluster.local/ns/default/sa/batch", "spiffe://cluster.local/ns/ops/sa/web", "spiffe://other.test/ns/default/sa/web"}
	wordsSNI     = []string{"shop.test", "a.shop.test", "evil.test", "SHOP.test"}
	wordsClaim   = []string{"alice", "bob", "admin", "user", "Alice", "", "alice@shop.test", "é", "7", "true", "null", "eu", "us"}
	namesClaim   = []string{"sub", "role", "tenant.region", "email", "iss"}
	wordsRoles   = []string{"admin", "user", "dev", "ops", "", "Admin"}
	wordsNumber  = []string{"0", "1", "7", "18", "-1", "1.5", "100", "9080", "1e1", "9007199254740993"}
	wordsGlob    = []string{"/api/*", "/api/*/users", "/api/**", "*.css", "/a?", "/users/{alice,bob}", "*", "/[a-c]/*", "/pub/**", "a*", "*admin*", "/a/*/c", "[!a]*", "*:*", "admin.**"}
	wordsRegex   = []string{"^/api/.*$", "/api/v[0-9]+", "^/a$", "^/users/[^/]+$", "admin", "^(GET|POST)$", "", "^.$", "[a-z]+", `\.css$`, "(?i)^/admin", "^a", "b$", `^/a\?`, `\d+`, `^\S+$`, "^a.b$",
		"(?s)^a.*b$", "^(?:a|b)*$", "é", `^[^é]+$`, "(?m)^a$", `\bv1\b`, "^/a(/b)?$", `\x2fa`, `^/%C3%A9`, "^.*$", "a{2}", `\pL`, "[[:upper:]]"}
	wordsStatus = []string{"401", "403", "404", "429", "503", "200", "302", "418", "999", `"403"`, "0"}
)

// wordsOf are the constants that an input is compared with.
func wordsOf(input string) []string {
	kind, _, _ := strings.Cut(input, ":")
	switch kind {
	case "method":
		return wordsMethod
	case "path":
		return wordsPath
	case "host":
		return wordsHost
	case "scheme":
		return []string{"http", "https", "HTTP"}
	case "protocol":
		return []string{"HTTP/1.1", "HTTP/2", "http/1.1"}
	case "query":
		return wordsQuery
	case "segment":
		return wordsSegment
	case "peer":
		return wordsPeer
	case "principal":
		return wordsCaller
	case "sni":
		return wordsSNI
	case "claim":
		return wordsClaim
	case "port":
		return []string{"9080", "9081", "80"}
	}
	return wordsHeader
}
