package explain

import (
	"testing"

	"github.com/krater-mesh/krater/model"
)

// TestConvert: what a type's values are, and how each is written. The same
// cases hold in filters/attributes.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		kind       model.AttributeType
		text, want string // "": does not convert
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
	if got, _ := Convert(model.AttributeList, "read write", true); got != "read,write" {
		t.Errorf("words: %q", got)
	}
}

// TestDrawFromBodies: the same cases hold in filters/attributes.
func TestDrawFromBodies(t *testing.T) {
	json := View{Headers: Headers{"content-type": {"application/json; charset=utf-8"}}, Body: `{"user":{"id":"u1","n":7,"a/b":true,"none":null,"o":{}},"tags":["x","y"]}`}
	grpc := View{Headers: Headers{"content-type": {"application/grpc"}}, Body: "\x00\x00\x00\x00\x19" +
		"\x0a\x04old1" + "\x0a\x02u1" + // 1: "old1", then "u1"
		"\x12\x05\x0a\x03abc" + // 2: {1: "abc"}
		"\x18\x07" + // 3: 7
		"\x22\x04\x08\x05\x10\x01"} // 4: {1: 5, 2: 1}
	for name, c := range map[string]struct {
		a    model.Attribute
		v    View
		want string
	}{
		"text":           {model.Attribute{JSON: "/user/id"}, json, "u1"},
		"number":         {model.Attribute{JSON: "/user/n", Type: "int"}, json, "7"},
		"escaped":        {model.Attribute{JSON: "/user/a~1b", Type: "bool"}, json, "true"},
		"item":           {model.Attribute{JSON: "/tags/1"}, json, "y"},
		"list":           {model.Attribute{JSON: "/tags", Type: "list"}, json, "x,y"},
		"null":           {model.Attribute{JSON: "/user/none"}, json, ""},
		"object":         {model.Attribute{JSON: "/user/o"}, json, ""},
		"absent":         {model.Attribute{JSON: "/user/x/y"}, json, ""},
		"twice":          {model.Attribute{JSON: "/a"}, View{Headers: json.Headers, Body: `{"a":1,"a":2}`}, ""},
		"other content":  {model.Attribute{JSON: "/user/id"}, View{Body: json.Body}, ""},
		"half character": {model.Attribute{JSON: "/a"}, View{Headers: json.Headers, Body: `{"a":1,"b":"\ud800"}`}, ""},
		"not JSON":       {model.Attribute{JSON: "/a"}, View{Headers: json.Headers, Body: `{"a":1}}`}, ""},
		"last of many":   {model.Attribute{GRPC: []uint32{1}}, grpc, "u1"},
		"all of many":    {model.Attribute{GRPC: []uint32{1}, Type: "list"}, grpc, "old1,u1"},
		"inner":          {model.Attribute{GRPC: []uint32{2, 1}}, grpc, "abc"},
		"varint":         {model.Attribute{GRPC: []uint32{3}, Type: "int"}, grpc, "7"},
		"varint as bool": {model.Attribute{GRPC: []uint32{3}, Type: "bool"}, grpc, "true"},
		"duration":       {model.Attribute{GRPC: []uint32{4}, Type: "duration"}, grpc, "5.000000001s"},
		"timestamp":      {model.Attribute{GRPC: []uint32{4}, Type: "timestamp"}, grpc, "1970-01-01T00:00:05.000000001Z"},
		"absent field":   {model.Attribute{GRPC: []uint32{9}}, grpc, ""},
		"not a message":  {model.Attribute{GRPC: []uint32{3, 1}}, grpc, ""},
		"shorter":        {model.Attribute{GRPC: []uint32{1}}, View{Headers: grpc.Headers, Body: grpc.Body[:20]}, ""},
		"compressed":     {model.Attribute{GRPC: []uint32{1}}, View{Headers: grpc.Headers, Body: "\x01" + grpc.Body[1:]}, ""},
	} {
		got, ok, _ := Draw(c.a, c.v, model.DefaultMaxBody)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %t; want %q", name, got, ok, c.want)
		}
	}
	if _, ok, _ := Draw(model.Attribute{JSON: "/user/id"}, json, 10); ok {
		t.Error("a body over the limit was read")
	}
}
