package main_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/filtertest"
)

// TestTheReadmesAreTrue: each filter's page names every field of its
// configuration, and its example does what the page says: lines with > are what
// a client sends, @ the proxy's attributes, ^ headers that go upstream, < the
// answer, = properties that the filter writes, + metrics that count it.
func TestTheReadmesAreTrue(t *testing.T) {
	for _, root := range []string{"accesslist", "attributes", "decisioncache", "denier", "headers"} {
		t.Run(root, func(t *testing.T) {
			page, err := os.ReadFile("../" + root + "/README.md")
			if err != nil {
				t.Fatal(err)
			}
			schema, err := os.ReadFile("../" + root + "/config/config.schema.json")
			if err != nil {
				t.Fatal(err)
			}
			var s schemaPart
			if err := json.Unmarshal(schema, &s); err != nil {
				t.Fatal(err)
			}
			for _, field := range s.leaves("") {
				if !strings.Contains(string(page), "`"+field+"`") {
					t.Errorf("the page says nothing of %s", field)
				}
			}
			example(t, root, block(t, page, "json"), block(t, page, "http"))
		})
	}
}

type schemaPart struct {
	Properties map[string]schemaPart
	Items      *schemaPart
}

// leaves are the fields that hold values.
func (s schemaPart) leaves(at string) []string {
	var out []string
	for name, p := range s.Properties {
		field := strings.TrimPrefix(at+"."+name, ".")
		if p.Items != nil && len(p.Items.Properties) > 0 {
			out = append(out, p.Items.leaves(field+"[]")...)
		} else if len(p.Properties) > 0 {
			out = append(out, p.leaves(field)...)
		} else {
			out = append(out, field)
		}
	}
	return out
}

func block(t *testing.T, page []byte, language string) string {
	t.Helper()
	m := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$").FindSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no example in %s", language)
	}
	return string(m[1])
}

func example(t *testing.T, root, config, requests string) {
	t.Helper()
	p := configure(t, root, config)
	p.BodiesCome = true
	for _, text := range strings.Split(strings.TrimSpace(requests), "\n\n") {
		r := filtertest.Request{Properties: map[string]string{}}
		lines := strings.Split(text, "\n")
		for i, line := range lines {
			sign, rest := line[0], line[2:]
			name, value, _ := strings.Cut(rest, ": ")
			switch {
			case sign == '>' && i == 0:
				r.Method, r.Path, _ = strings.Cut(rest, " ")
			case sign == '>' && rest[0] == '{':
				r.Body = rest
			case sign == '>':
				r.Headers = append(r.Headers, [2]string{name, value})
			case sign == '@':
				r.Properties[strings.ReplaceAll(name, "|", "\x00")] = value
			}
		}
		before := map[string]uint64{}
		for _, line := range lines {
			if line[0] == '+' {
				before[line[2:]], _ = module.Metric(line[2:])
			}
		}
		res := send(t, p, r)
		for _, line := range lines {
			sign, rest := line[0], line[2:]
			name, want, given := strings.Cut(rest, ": ")
			have, ok := "", false
			switch {
			case sign == '^':
				have, ok = res.Request.Get(name)
			case sign == '<' && !given:
				have, _ = res.Response.Get(":status")
				want, ok = name, true
			case sign == '<':
				have, ok = res.Response.Get(name)
			case sign == '=':
				have, ok = res.Properties[name], true
			case sign == '+':
				if now, _ := module.Metric(rest); now <= before[rest] {
					t.Errorf("%s: %s did not count", lines[0], rest)
				}
				continue
			default:
				continue
			}
			if have != want || ok != (given || sign == '<') {
				t.Errorf("%s: %s is %q, %t", lines[0], line, have, ok)
			}
		}
	}
}
