package attributes

import (
	"testing"

	"github.com/krater-mesh/krater/filters/attributes/config"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/sdktest"
)

// TestConvert: what a type's values are, and how each is written. The same
// cases hold in explain.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		kind, text, want string // "": does not convert
	}{
		{"", "a b", "a b"}, {"string", "", ""}, {"string", "a\nb", ""}, {"string", "é", "é"},
		{"int", "7", "7"}, {"int", "-07", "-7"}, {"int", "+7", ""}, {"int", "7.0", ""}, {"int", "", ""}, {"int", "9223372036854775808", ""}, {"int", "-0", "0"}, {"int", " 7", ""},
		{"double", "1.50", "1.5"}, {"double", "7", "7"}, {"double", "1e3", "1000"}, {"double", "NaN", ""}, {"double", "1e999", ""}, {"double", "0x1p4", ""}, {"double", ".5", ""}, {"double", "1_0", ""},
		{"bool", "true", "true"}, {"bool", "True", ""}, {"bool", "1", ""},
		{"duration", "90s", "90s"}, {"duration", "1m30s", "90s"}, {"duration", "250ms", "0.25s"}, {"duration", "-1.5s", "-1.5s"}, {"duration", "90", ""}, {"duration", "0", ""}, {"duration", "9999999h", ""},
		{"timestamp", "2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"}, {"timestamp", "2026-01-02T03:04:05.120+02:00", "2026-01-02T01:04:05.12Z"}, {"timestamp", "2026-01-02", ""}, {"timestamp", "2026-02-30T00:00:00Z", ""},
		{"ip", "10.0.0.1", "10.0.0.1"}, {"ip", "2001:DB8:0::1", "2001:db8::1"}, {"ip", "::ffff:10.0.0.1", "10.0.0.1"}, {"ip", "fe80::1%eth0", ""}, {"ip", "10.0.0.1:80", ""}, {"ip", "010.0.0.1", ""},
		{"list", "a, b,,c", "a,b,c"}, {"list", "a b", "a b"}, {"list", `["a","b c"]`, "a,b c"}, {"list", `["a,b"]`, ""}, {"list", `[1]`, ""}, {"list", `[]`, ""}, {"list", ",", ""},
	} {
		got, ok := Convert(c.kind, c.text, false)
		if !ok {
			got = ""
		}
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s %q: %q, %t; want %q", c.kind, c.text, got, ok, c.want)
		}
	}
	if got, _ := Convert("list", "read write", true); got != "read,write" {
		t.Errorf("words: %q", got)
	}
}

const jsonBody = `{"user":{"id":"u1","n":7,"a/b":true,"none":null,"o":{}},"tags":["x","y"]}`

const grpcBody = "\x00\x00\x00\x00\x19" +
	"\x0a\x04old1" + "\x0a\x02u1" + // 1: "old1", then "u1"
	"\x12\x05\x0a\x03abc" + // 2: {1: "abc"}
	"\x18\x07" + // 3: 7
	"\x22\x04\x08\x05\x10\x01" // 4: {1: 5, 2: 1}

// TestDrawFromBodies: the same cases hold in explain.
func TestDrawFromBodies(t *testing.T) {
	for name, c := range map[string]struct {
		from        config.From
		kind        string
		body        string
		want        string
		unconverted uint64
	}{
		"text":           {config.From{JSON: "/user/id"}, "", jsonBody, "u1", 0},
		"number":         {config.From{JSON: "/user/n"}, "int", jsonBody, "7", 0},
		"escaped":        {config.From{JSON: "/user/a~1b"}, "bool", jsonBody, "true", 0},
		"item":           {config.From{JSON: "/tags/1"}, "", jsonBody, "y", 0},
		"list":           {config.From{JSON: "/tags"}, "list", jsonBody, "x,y", 0},
		"null":           {config.From{JSON: "/user/none"}, "", jsonBody, "", 0},
		"object":         {config.From{JSON: "/user/o"}, "", jsonBody, "", 1},
		"list as text":   {config.From{JSON: "/tags"}, "", jsonBody, "", 1},
		"absent":         {config.From{JSON: "/user/x/y"}, "", jsonBody, "", 0},
		"twice":          {config.From{JSON: "/a"}, "", `{"a":1,"a":2}`, "", 1},
		"not converted":  {config.From{JSON: "/user/id"}, "int", jsonBody, "", 1},
		"last of many":   {config.From{GRPC: []int{1}}, "", grpcBody, "u1", 0},
		"all of many":    {config.From{GRPC: []int{1}}, "list", grpcBody, "old1,u1", 0},
		"inner":          {config.From{GRPC: []int{2, 1}}, "", grpcBody, "abc", 0},
		"varint":         {config.From{GRPC: []int{3}}, "int", grpcBody, "7", 0},
		"varint as bool": {config.From{GRPC: []int{3}}, "bool", grpcBody, "true", 0},
		"duration":       {config.From{GRPC: []int{4}}, "duration", grpcBody, "5.000000001s", 0},
		"timestamp":      {config.From{GRPC: []int{4}}, "timestamp", grpcBody, "1970-01-01T00:00:05.000000001Z", 0},
		"absent field":   {config.From{GRPC: []int{9}}, "", grpcBody, "", 0},
		"not a message":  {config.From{GRPC: []int{3, 1}}, "", grpcBody, "", 0},
		"compressed":     {config.From{GRPC: []int{1}}, "", "\x01" + grpcBody[1:], "", 1},
		"shorter":        {config.From{GRPC: []int{1}}, "", grpcBody[:20], "", 1},
	} {
		h := sdktest.NewHost()
		f, err := FromConfig(h, config.Config{Attributes: []config.Attribute{{Name: "a", Type: c.kind, From: c.from}}})
		if err != nil {
			t.Fatal(err)
		}
		content := "application/grpc"
		if c.from.JSON != "" {
			content = "application/json; charset=utf-8"
		}
		s := h.NewStream([2]string{"content-type", content})
		s.Ends = false
		if f.OnRequest(s) != sdk.AwaitBody || len(s.Written) > 0 {
			t.Errorf("%s: went on without its body", name)
		}
		s.RequestData.Append([]byte(c.body))
		if v := f.OnRequestBody(s, true); v != sdk.Continue || s.Written["a"] != c.want {
			t.Errorf("%s: %v, %q; want %q", name, v, s.Written["a"], c.want)
		}
		if n := h.Counters["attributes.a.unconverted"]; n != c.unconverted {
			t.Errorf("%s: counted %d, want %d", name, n, c.unconverted)
		}
	}
}

// TestBodiesAreBounded: what is too long, or goes on for ever, holds nothing up.
func TestBodiesAreBounded(t *testing.T) {
	h := sdktest.NewHost()
	f, err := FromConfig(h, config.Config{MaxBody: 40, Attributes: []config.Attribute{
		{Name: "id", From: config.From{JSON: "/id"}}, {Name: "first", From: config.From{GRPC: []int{1}}}, {Name: "who", From: config.From{Header: "who"}, ToHeader: "x-who"}}})
	if err != nil {
		t.Fatal(err)
	}
	begin := func(content string) *sdktest.Stream {
		s := h.NewStream([2]string{"content-type", content}, [2]string{"who", "me"})
		s.Ends = false
		if f.OnRequest(s) != sdk.AwaitBody {
			t.Fatal("went on")
		}
		return s
	}
	s := begin("application/vnd.a+json")
	part := func(text string, end bool) sdk.Verdict {
		s.RequestData.Append([]byte(text))
		return f.OnRequestBody(s, end)
	}
	if part(`{"id":"a","more":"`, false) != sdk.Pause || part("01234567890123456789012345", false) != sdk.Continue || h.Counters["attributes.body_too_long"] != 1 {
		t.Error("a long body was waited for")
	}
	if s.Written["who"] != "me" || s.Written["id"] != "" || part(`"}`, true) != sdk.Continue {
		t.Errorf("a long body wrote %v", s.Written)
	}
	if v, _ := s.RequestHeaders.Get("x-who"); v != "me" {
		t.Errorf("x-who is %q", v)
	}
	s = begin("application/grpc")
	if part(grpcBody[:3], false) != sdk.Pause || part(grpcBody[3:], false) != sdk.Continue || s.Written["first"] != "u1" {
		t.Errorf("the first of a stream's messages wrote %v", s.Written)
	}
	if s = begin("application/grpc+proto"); part("\x00\x00\x00\xff\xff", false) != sdk.Continue {
		t.Error("a long message was waited for")
	}
	s = begin("application/json") // trailers follow
	if part(`{"id":"t"}`, false) != sdk.Pause || f.OnRequestTrailers(s) != sdk.Continue || s.Written["id"] != "t" {
		t.Errorf("a body before trailers wrote %v", s.Written)
	}
	for _, headers := range [][][2]string{{{"content-type", "text/plain"}}, {{"content-type", "application/json"}, {"content-encoding", "gzip"}}} {
		s := h.NewStream(headers...)
		s.Ends = false
		if f.OnRequest(s) != sdk.Continue {
			t.Errorf("%v was held up", headers)
		}
	}
	if f.OnRequest(h.NewStream([2]string{"content-type", "application/json"})) != sdk.Continue {
		t.Error("a request without a body was held up")
	}
}

// TestState: what the proxy drew is converted, and a claim found in a payload.
func TestState(t *testing.T) {
	h := sdktest.NewHost()
	f, err := FromConfig(h, config.Config{Attributes: []config.Attribute{
		{Name: "n", Type: "int", From: config.From{State: "krater.raw.n"}},
		{Name: "groups", Type: "list", From: config.From{State: "krater.raw.groups", JSON: "/https:~1~1x~1groups", Words: true}},
		{Name: "scope", Type: "list", From: config.From{State: "krater.raw.scope", Words: true}},
		{Name: "none", From: config.From{State: "krater.raw.none"}}}})
	if err != nil {
		t.Fatal(err)
	}
	s := h.NewStream()
	s.Properties = map[string]string{"filter_state.krater.raw.n": "07", "filter_state.krater.raw.groups": `{"https://x/groups":["a","b"]}`, "filter_state.krater.raw.scope": "read write"}
	f.OnRequest(s)
	if s.Written["n"] != "7" || s.Written["groups"] != "a,b" || s.Written["scope"] != "read,write" || len(s.Written) != 3 {
		t.Errorf("wrote %v", s.Written)
	}
}

// FuzzGRPC: whatever is sent as a message, drawing ends.
func FuzzGRPC(f *testing.F) {
	f.Add([]byte(grpcBody), "int")
	f.Add([]byte("\x00\x00\x00\x00\x04\x22\x02\x08\xff"), "timestamp")
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		for _, path := range [][]int{{1}, {2, 1}, {4}} {
			r := request{headers: sdk.NewHeaderList([2]string{"content-type", "application/grpc"}), body: body, kind: kind}
			if text, ok := grpcSource(path).draw(&r); ok {
				Convert(kind, text, false)
			}
		}
	})
}
