package main

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

// answer gives the body as it leaves, sent in two parts.
func answer(t *testing.T, kind, body string) string {
	t.Helper()
	h := sdktest.NewHost()
	f, err := New(h, []byte(`{"fields":["email"],"cards":true,"maxBytes":200}`))
	if err != nil {
		t.Fatal(err)
	}
	s := h.NewStream()
	s.Response().Set("content-type", kind)
	f.OnRequest(s)
	f.OnResponse(s)
	half := len(body) / 2
	s.ResponseData = sdk.NewBuffer(body[:half])
	out := ""
	b := f.(sdk.ResponseBody)
	if b.OnResponseBody(s, false) == sdk.Continue {
		out, s.ResponseData = s.ResponseData.String(), sdk.NewBuffer("")
	}
	s.ResponseData.Append([]byte(body[half:]))
	if v := b.OnResponseBody(s, true); v != sdk.Continue {
		t.Fatalf("the end of the body: %v", v)
	}
	return out + s.ResponseData.String()
}

func TestPersonalDataIsMasked(t *testing.T) {
	for body, want := range map[string]string{
		`{"name":"ann","email":"a@b.c"}`:                      `{"name":"ann","email":"***"}`,
		`[{"a":{"email":{"work":"x"}}},1.50,true,null,"\n"]`:  `[{"a":{"email":"***"}},1.50,true,null,"\n"]`,
		`{"note":"4111 1111 1111 1111","n":4111111111111111}`: `{"note":"***","n":"***"}`,
		`{"note":"4111 1111 1111 1112"}`:                      `{"note":"4111 1111 1111 1112"}`,
		`{"a\"b":1}`:                                          `{"a\"b":1}`,
		`{"email":`:                                           `{"error":"this answer cannot be shown"}`,
	} {
		if got := answer(t, "application/json; charset=utf-8", body); got != want {
			t.Errorf("%s\nleaves as %s\nwant      %s", body, got, want)
		}
	}
	if got := answer(t, "text/plain", `{"email":"a"}`); got != `{"email":"a"}` {
		t.Errorf("text leaves as %s", got)
	}
}

func TestALargeBodyDoesNotPass(t *testing.T) {
	got := answer(t, "application/json", `{"email":"`+strings.Repeat("a", 500)+`"}`)
	if strings.Contains(got, "aaaa") {
		t.Errorf("leaves as %s", got)
	}
}
