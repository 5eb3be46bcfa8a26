package config

import "testing"

func TestValidate(t *testing.T) {
	good := Config{Attributes: []Attribute{
		{Name: "user", From: From{Header: "end-user"}, ToHeader: "x-user"},
		{Name: "a.b-c_D9", From: From{Header: ":path"}},
		{Name: "session", From: From{Cookie: "SID"}},
		{Name: "lang", From: From{Query: "the lang&"}},
		{Name: "product", From: From{Path: "/{}"}},
	}}
	if err := good.Validate(); err != nil {
		t.Errorf("good: %v", err)
	}
	for want, a := range map[string][]Attribute{
		`attributes[0].name: is missing`:                                                         {{From: From{Header: "a"}}},
		`attributes[0].name: "a b" may hold letters, digits, "_", "-" and "." only`:              {{Name: "a b", From: From{Header: "a"}}},
		`attributes[0].name: names that start with "krater." are taken`:                          {{Name: "krater.x", From: From{Header: "a"}}},
		`attributes[1].name: "a" is declared twice`:                                              {{Name: "a", From: From{Header: "a"}}, {Name: "a", From: From{Query: "a"}}},
		"attributes[0].from: give exactly one of header, cookie, query, path, json, grpc, state": {{Name: "a", From: From{Header: "a", Query: "b"}}},
		`attributes[0].from.header: "End-User" is no header name in lower case`:                  {{Name: "a", From: From{Header: "End-User"}}},
		`attributes[0].from.cookie: "a=b" is no cookie name`:                                     {{Name: "a", From: From{Cookie: "a=b"}}},
		`attributes[0].from.path: "/a" must have "{}" exactly once`:                              {{Name: "a", From: From{Path: "/a"}}},
		`attributes[0].toHeader: ":path" is no header name in lower case, or one of routing`: {
			{Name: "a", From: From{Header: "a"}, ToHeader: ":path"}},
		`attributes[1].toHeader: "x" is written twice`: {
			{Name: "a", From: From{Header: "a"}, ToHeader: "x"}, {Name: "b", From: From{Header: "a"}, ToHeader: "x"}},
	} {
		if err := (Config{Attributes: a}).Validate(); err == nil || err.Error() != want {
			t.Errorf("%+v\nsays %v\nwant %s", a, err, want)
		}
	}
}

func TestJSON(t *testing.T) {
	have := Config{Attributes: []Attribute{{Name: "user", From: From{Header: "end-user"}, ToHeader: "x"}, {Name: "q", From: From{Query: `a"<`}}}}.JSON()
	want := `{"attributes":[{"name":"user","from":{"header":"end-user"},"toHeader":"x"},{"name":"q","from":{"query":"a\"\u003c"}}]}`
	if have != want {
		t.Errorf("JSON is %s", have)
	}
	if have := (Config{}).JSON(); have != `{"attributes":[]}` {
		t.Errorf("empty JSON is %s", have)
	}
}
