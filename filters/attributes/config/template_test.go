package config

import (
	"strings"
	"testing"
)

func TestTemplateMatch(t *testing.T) {
	for _, c := range []struct{ template, path, want string }{
		{"/products/{}", "/products/7", "7"},
		{"/products/{}", "/products/7/", "-"},
		{"/products/{}", "/products/7/reviews", "-"},
		{"/products/{}", "/products/", "-"},
		{"/products/{}", "/products", "-"},
		{"/products/{}", "/productsx/7", "-"},
		{"/products/{}", "products/7", "-"},
		{"/products/{}", "", "-"},
		{"/products/{}", "/Products/7", "-"},
		{"/products/{}/", "/products/7/", "7"},
		{"/products/{}/", "/products/7", "-"},
		{"/products/{}/**", "/products/7", "7"},
		{"/products/{}/**", "/products/7/", "7"},
		{"/products/{}/**", "/products/7/reviews/1", "7"},
		{"/products/{}/**", "/products//reviews", "-"},
		{"/*/{}", "/a/b", "b"},
		{"/*/{}", "//b", "-"},
		{"/*/{}/x", "/a/b/x", "b"},
		{"/{}", "/a", "a"},
		{"/{}", "/", "-"},
		{"/{}/**", "/a/b/c", "a"},
		{"/{}", "/a%2Fb", "a%2Fb"},
		{"/a/{}", "/%61/b", "-"},
	} {
		tpl, err := ParseTemplate(c.template)
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		have, ok := tpl.Match(c.path)
		if !ok {
			have = "-"
		}
		if have != c.want {
			t.Errorf("%s on %s gives %s, want %s", c.template, c.path, have, c.want)
		}
	}
}

func TestTemplateRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"products/{}": `must start with "/"`,
		"":            `must start with "/"`,
		"/products":   `must have "{}" exactly once`,
		"/{}/{}":      `must have "{}" exactly once`,
		"/**/{}":      `has "**" before its end`,
		"/{}/a*":      `has segment "a*"`,
		"/{name}":     `has segment "{name}"`,
		"/{}?x=1":     `has segment "{}?x=1"`,
		"/{}/***":     `has segment "***"`,
		"/**":         `must have "{}" exactly once`,
	} {
		if _, err := ParseTemplate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q says %v, want %s", text, err, want)
		}
	}
}

// FuzzTemplate: what a template picks is one whole segment of the path, and
// every other segment of the template stands for the one at its place.
func FuzzTemplate(f *testing.F) {
	f.Add("/products/{}/**", "/products/7/reviews")
	f.Add("/*/{}/", "/a/b/")
	f.Add("/{}", "//")
	f.Fuzz(func(t *testing.T, text, path string) {
		tpl, err := ParseTemplate(text)
		if err != nil {
			return
		}
		segment, ok := tpl.Match(path)
		if !ok {
			return
		}
		if segment == "" || strings.Contains(segment, "/") {
			t.Fatalf("%q on %q gives %q", text, path, segment)
		}
		have, want := strings.Split(path, "/"), strings.Split(text, "/")
		for i, w := range want {
			switch {
			case w == "**":
			case w == "{}" && have[i] != segment, w == "*" && have[i] == "", w != "{}" && w != "*" && have[i] != w:
				t.Fatalf("%q matches %q at segment %d", text, path, i)
			}
		}
	})
}
