package filtercase

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/sandbox"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "requests.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const good = `
config: {text: hi}
services:
  keys:
  - {path: /check, when: {x-key: good}, status: 200, headers: {x-user: ann}}
  - {status: 401}
requests:
- name: greets
  path: /a
  headers: {end-user: ann}
  upstream: {status: 201, body: made}
  want: {status: 201, headers: {x-greeting: "hi, ann", server: null}, body: made, upstream: {path: /a, headers: {end-user: ann, x-gone: null}}}
- {name: refused, want: {status: 403, upstream: {never: true}}}
`

func TestReadAndCompare(t *testing.T) {
	f, err := Read(write(t, good))
	if err != nil {
		t.Fatal(err)
	}
	if f.ConfigText() != `{"text":"hi"}` {
		t.Errorf("config is %s", f.ConfigText())
	}
	keys := f.Answers()["keys"]
	if a := keys(sandbox.Seen{Path: "/check", Headers: map[string][]string{"x-key": {"good"}}}); a.Status != 200 || a.Headers["x-user"] != "ann" {
		t.Errorf("the good key: %+v", a)
	}
	if a := keys(sandbox.Seen{Path: "/check"}); a.Status != 401 {
		t.Errorf("no key: %+v", a)
	}
	ok := Got{Status: 201, Body: "made", Headers: map[string][]string{"x-greeting": {"hi, ann"}},
		Upstream: &sandbox.Seen{Path: "/a", Headers: map[string][]string{"end-user": {"ann"}}}}
	if d := f.Requests[0].Differences(ok); d != nil {
		t.Errorf("differs: %v", d)
	}
	bad := Got{Status: 200, Body: "x", Headers: map[string][]string{"server": {"envoy"}},
		Upstream: &sandbox.Seen{Path: "/b", Headers: map[string][]string{"x-gone": {"1"}}}}
	want := []string{
		"the status is 200, want 201", `the answer's header server is "envoy", want none`,
		`the answer's header x-greeting is absent, want "hi, ann"`, `the body is "x", want "made"`,
		"the upstream's path is /b, want /a", `the upstream's header end-user is absent, want "ann"`,
		`the upstream's header x-gone is "1", want none`,
	}
	if d := f.Requests[0].Differences(bad); !reflect.DeepEqual(d, want) {
		t.Errorf("differs in\n%s", strings.Join(d, "\n"))
	}
	if d := f.Requests[1].Differences(bad); len(d) != 2 {
		t.Errorf("differs in %v", d)
	}
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"requests: [{name: a, wants: {}}]":     `unknown field "wants"`,
		"requests: [{want: {status: 200}}]":    "requests[0].name: give it a name",
		"requests: [{name: a}, {name: a}]":     `requests[1].name: "a" is there twice`,
		"requests: [{name: a, method: [GET]}]": "requests",
	} {
		if _, err := Read(write(t, text)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "requests.yaml") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
