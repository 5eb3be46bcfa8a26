package denier

import (
	"reflect"
	"testing"

	"github.com/krater-mesh/krater/filters/denier/config"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

func TestTheFirstRuleThatMatchesAnswers(t *testing.T) {
	f, err := New(sdktest.NewHost(), []byte(`{"rules":[
		{"name":"write","match":{"pathPrefix":"/admin","methods":["POST","PUT"]},"status":405,"headers":{"b":"2","allow":"GET"}},
		{"name":"bot","match":{"headers":{"agent":"bot","x":""}},"body":"go away"},
		{"name":"admin","match":{"pathPrefix":"/admin"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		headers      [][2]string
		want         *sdk.Reply
	}{
		{"GET", "/", nil, nil},
		{"POST", "/", nil, nil},
		{"GET", "/x?/admin", nil, nil},
		{"GET", "/adm", nil, nil},
		{"GET", "/admin?x", nil, &sdk.Reply{Status: 403, Details: "denier/admin"}},
		{"GET", "/admin/x", nil, &sdk.Reply{Status: 403, Details: "denier/admin"}},
		{"PUT", "/admin", nil, &sdk.Reply{Status: 405, Headers: [][2]string{{"allow", "GET"}, {"b", "2"}}, Details: "denier/write"}},
		{"GET", "/", [][2]string{{"agent", "bot"}}, nil},
		{"GET", "/", [][2]string{{"agent", "bot"}, {"x", "1"}}, nil},
		{"GET", "/", [][2]string{{"agent", "bot"}, {"x", ""}}, &sdk.Reply{Status: 403, Body: "go away", Details: "denier/bot"}},
	} {
		s := sdktest.NewStream(append([][2]string{{":method", c.method}, {":path", c.path}}, c.headers...)...)
		verdict := f.OnRequest(s)
		if !reflect.DeepEqual(s.Answer, c.want) {
			t.Errorf("%s %s %v: answers %+v, want %+v", c.method, c.path, c.headers, s.Answer, c.want)
		}
		if c.want == nil && (verdict != sdk.Continue || len(s.Written) > 0) {
			t.Errorf("%s %s: passed with %v, %v", c.method, c.path, verdict, s.Written)
		}
		if c.want != nil && (verdict != sdk.Stop || s.Written[Decision] != c.want.Details) {
			t.Errorf("%s %s: denied with %v, %v", c.method, c.path, verdict, s.Written)
		}
	}
}

func TestDecodeReadsWhatJSONWrites(t *testing.T) {
	want := config.Config{Rules: []config.Rule{{
		Name: "a", Status: 418, Body: "no\n", Headers: map[string]string{"x": "y"},
		Match: config.Match{PathPrefix: "/a", Methods: []string{"GET"}, Headers: map[string]string{"h": "v"}},
	}}}
	have, err := config.ReadConfig([]byte(want.JSON()))
	if err != nil || !reflect.DeepEqual(have, want) {
		t.Errorf("read %+v, %v", have, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		`{"rules":[{"name":"a","match":{"path":"/"}}]}`: "rules[0].match.path: unknown field",
		`{"rules":[{"name":"a","status":"403"}]}`:       "rules[0].status: is a string, want a number",
		`{"rules":[{"name":"a","status":99}]}`:          "rules[0].status: is 99, want at least 200",
	} {
		if _, err := New(sdktest.NewHost(), []byte(raw)); err == nil || err.Error() != want {
			t.Errorf("%s says %v, want %s", raw, err, want)
		}
	}
}
