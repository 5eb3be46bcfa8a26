package main

import (
	"testing"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

const order = `{"schema":{"type":"object","required":["id"],"additionalProperties":false,"properties":{
	"id":{"type":"string","minLength":2},"count":{"type":"integer","minimum":1,"maximum":9},
	"state":{"enum":["new","paid"]},"lines":{"type":"array","maxItems":2,"items":{"type":["number","null"]}}}},"maxBytes":100}`

func TestBodies(t *testing.T) {
	f, err := New(sdktest.NewHost(), []byte(order))
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"id":"ab","count":9,"state":"new","lines":[1.5,null]}`: "",
		`{"id":"äö"}`:                 "",
		`[]`:                          "/ is array, want object\n",
		`{"count":1}`:                 "/id is missing\n",
		`{"id":"a"}`:                  "/id is below minLength 2\n",
		`{"id":"ab","count":1.5}`:     "/count is number, want integer\n",
		`{"id":"ab","count":10}`:      "/count is above maximum 9\n",
		`{"id":"ab","state":"old"}`:   "/state is none of \"new\", \"paid\"\n",
		`{"id":"ab","lines":[1,"x"]}`: "/lines/1 is string, want number or null\n",
		`{"id":"ab","lines":[1,2,3]}`: "/lines is above maxItems 2\n",
		`{"id":"ab","x":1}`:           "/x is not known\n",
	} {
		s := sdktest.NewStream()
		s.RequestData = sdk.NewBuffer(body)
		v := f.(sdk.RequestBody).OnRequestBody(s, true)
		got := ""
		if s.Answer != nil {
			got = s.Answer.Body
		}
		if got != want || (v == sdk.Continue) != (want == "") {
			t.Errorf("%s: %v, answered %q, want %q", body, v, got, want)
		}
	}
}

func TestABodyIsNotHeldForever(t *testing.T) {
	f, err := New(sdktest.NewHost(), []byte(order))
	if err != nil {
		t.Fatal(err)
	}
	s := sdktest.NewStream()
	s.RequestData = sdk.NewBuffer(`{"id":`)
	if v := f.(sdk.RequestBody).OnRequestBody(s, false); v != sdk.Pause {
		t.Errorf("half a body: %v", v)
	}
	s.RequestData.Append(make([]byte, 200))
	if v := f.(sdk.RequestBody).OnRequestBody(s, false); v != sdk.Stop || s.Answer.Status != 413 {
		t.Errorf("a large body: %v, %+v", v, s.Answer)
	}
}

func TestASchemaThatChecksNothingIsRefused(t *testing.T) {
	for config, want := range map[string]string{
		`{"schema":{"properties":{"a":{"format":"email"}}}}`: "schema.properties.a.format: this word is not known here",
		`{"schema":true}`: "schema: want an object",
		`{}`:              "schema: is missing",
	} {
		if _, err := New(sdktest.NewHost(), []byte(config)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", config, err, want)
		}
	}
}
