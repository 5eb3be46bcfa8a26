package explain

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

// normalized holds what Envoy 1.40 itself made of each path; "" is a 400.
var normalized = [][2]string{
	{"/", "/"}, {"/a/b", "/a/b"}, {"//", "//"}, {"///", "//"}, {"////a//b//", "/a/b/"},
	{"/a/./b", "/a/b"}, {"/a/../b", "/b"}, {"/../a", "/a"}, {"/a/..", "/"}, {"/a/.", "/a/"},
	{"/a/%2e%2e/b", "/b"}, {"/a/%2E/b", "/a/b"}, {"/a/.%2e/b", "/b"}, {"/a/...", "/a/..."}, {"/a/..b", "/a/..b"},
	{"/.a", "/.a"}, {"/%61%41%7e%2d%5f%2e%30", "/aA~-_.0"}, {"/%2f/%2F", "/%2f/%2F"}, {"/%5c", "/%5c"},
	{`/a\b`, "/a/b"}, {`/a\..\b`, "/b"}, {"/%20%21%2a", "/%20%21%2a"}, {"/a%", "/a%"}, {"/a%2", "/a%2"}, {"/a%zz", "/a%zz"},
	{"/a?x=/../y//z", "/a?x=/../y//z"}, {"/a?x=%61", "/a?x=%61"}, {"/a#frag", ""}, {"/a%23b", "/a%23b"},
	{`/a"b`, "/a%22b"}, {"/a<b>", "/a%3Cb%3E"}, {"/a`b", "/a%60b"}, {"/a{b}", "/a%7Bb%7D"}, {"/a|b", "/a%7Cb"}, {"/a^b", "/a%5Eb"},
	{"/a[b]'", "/a[b]'"}, {"/\xc3\xa9", ""}, {"/%c3%A9", "/%c3%A9"}, {"/%00", ""}, {"/a//../b", "/a/b"},
	{"/a/b/../../../c", "/c"}, {"/a/b/..//c", "/a/c"}, {"/a//./b", "/a/b"}, {"/a:b@c!$&'()*+=;,", "/a:b@c!$&'()*+=;,"},
	{"/\x7f", ""}, {"/%7f", "/%7f"}, {"/a/..%2fb", "/a/..%2fb"}, {"/a/..?q", "/?q"}, {"/..", "/"},
	{"a", ""}, {"*", ""}, {"?a", ""}, {"/?", "/?"}, {"//?a", "//?a"}, {"/a?b#c", ""},
	{"/..;/a", "/a"}, {"/a/..;x=1/b", "/b"}, {"/a/.;/b", "/a/b"}, {"/a;b/../c", "/c"}, {"/a/%2e%2e;/b", "/a/..;/b"},
	{"/a/...;/b", "/a/...;/b"}, {"/a/b..;/c", "/a/b..;/c"}, {"/a/..;?x", "/?x"}, {"/a/..%3b/b", "/a/..%3b/b"},
	{"/a/.%2E;p=%61/c", "/a/..;p=a/c"}, {`/x\..;/b`, "/x/..;/b"}, {`/a/..;\b`, "/"}, {"/a/..;%2f..", "/"}, {"/a;b?c;..;/d", "/a;b?c;..;/d"},
	{"/%25%32%65", "/%252e"}, {"/%2%65", "/%252e"}, {"/%%32%65", "/%252e"}, {"/%2%66", "/%252f"}, {"/%%61", "/%a"}, {"/%%", "/%%"},
	{"/%%41%42", "/%25AB"}, {"/%25%61", "/%25a"}, {"/%4%31", "/%2541"}, {"/%%34%31", "/%2541"}, {"/%%34%%31", "/%4%1"},
	{"/%g%61", "/%ga"}, {"/%256%31", "/%2561"}, {"/%2%6%35", "/%2%2565"}, {"/%a%62", "/%25ab"}, {"/%a%67", "/%ag"},
	{"/%%61%zz", "/%a%zz"}, {"/%1%41/..", "/"}, {"/%2%2e/", "/%2./"}, {"/%%2e%2e/a", "/%../a"}, {"/%41%25%34%31", "/A%2541"},
	{"/%%61b", "/%25ab"}, {"/%%2fb", "/%%2fb"}, {"/%2e%%61b/../c", "/c"}, {"/%a/%62", "/%a/b"}, {"/%/../%31", "/1"}, {"/%a/../%31b", "/1b"},
	{"//..//a//..//b", "/a/b"}, {"///..", "//"}, {"//..", "/"}, {"//.", "//"}, {"/a//..", "/a/"}, {"/a%2e%2e/b", "/a../b"},
}

func TestNormalizePath(t *testing.T) {
	for _, c := range normalized {
		got, ok := NormalizePath(model.Mesh{}, c[0])
		if got != c[1] || ok != (c[1] != "") {
			t.Errorf("NormalizePath(%q) = %q, %t; Envoy: %q", c[0], got, ok, c[1])
		}
	}
}

// settles tells whether a second proxy would leave the first one's result be.
// Envoy's normalization is not idempotent for parameters of dot segments.
func settles(path string) bool { return !strings.Contains(path, ".;") }

func FuzzNormalizePath(f *testing.F) {
	for _, c := range normalized {
		f.Add(c[0])
	}
	f.Fuzz(func(t *testing.T, path string) {
		once, ok := NormalizePath(model.Mesh{}, path)
		if !ok {
			return
		}
		plain, query, _ := strings.Cut(once, "?")
		if _, sent, _ := strings.Cut(path, "?"); query != sent {
			t.Errorf("%q: the query became %q", path, query)
		}
		if strings.Contains(plain, "/../") || strings.Contains(plain, "/./") || strings.Contains(strings.TrimPrefix(plain, "/"), "//") {
			t.Errorf("%q became %q", path, once)
		}
		twice, ok := NormalizePath(model.Mesh{}, once)
		if settles(once) && (!ok || twice != once) {
			t.Errorf("%q became %q, and then %q", path, once, twice)
		}
	})
}
