package explain

import (
	"testing"

	"github.com/krater-mesh/krater/model"
)

func TestDraw(t *testing.T) {
	v := View{Path: "/api/v1/products/a%20b/reviews?lang=d%65&flag&bad=%zz&plus=a+b",
		Headers: Headers{"two": {"a", "b"}, "cookie": {`x=1; session="s"`, "late=2"}}}
	for name, c := range map[string]struct {
		attribute model.Attribute
		want      string
		absent    bool
	}{
		"header":                {model.Attribute{Header: "two"}, "a,b", false},
		"no header":             {model.Attribute{Header: "none"}, "", true},
		"cookie without quotes": {model.Attribute{Cookie: "session"}, "s", false},
		"second cookie header":  {model.Attribute{Cookie: "late"}, "2", false},
		"no cookie":             {model.Attribute{Cookie: "sess"}, "", true},
		"query, decoded":        {model.Attribute{Query: "lang"}, "de", false},
		"query, plus":           {model.Attribute{Query: "plus"}, "a b", false},
		"query without value":   {model.Attribute{Query: "flag"}, "", true},
		"query, malformed":      {model.Attribute{Query: "bad"}, "%zz", false},
		"path":                  {model.Attribute{Path: "/api/v1/products/{}/**"}, "a b", false},
		"path, any segment":     {model.Attribute{Path: "/api/*/{}/*/reviews"}, "products", false},
		"path, shorter":         {model.Attribute{Path: "/api/v1/{}"}, "", true},
		"path, longer":          {model.Attribute{Path: "/api/v1/products/{}/reviews/more"}, "", true},
	} {
		if got, ok, _ := Draw(c.attribute, v, model.DefaultMaxBody); got != c.want || ok == c.absent {
			t.Errorf("%s: %q, %t; want %q", name, got, ok, c.want)
		}
	}
}

func TestCharge(t *testing.T) {
	limit := model.Limit{
		Object: model.Ref{Namespace: "default", Name: "r"}, Name: "l", Requests: 5,
		Matches: []model.HTTPMatch{{Path: pointer(model.StringMatch{Kind: model.Prefix, Value: "/a"})}},
		Key:     []string{"request.headers['Who']", "source.address"},
	}
	v := View{Path: "/a", Peer: "127.80.0.2", Remote: "10.0.0.1", Headers: Headers{"who": {"me"}}}
	if c := Charge(limit, v); !c.Charged || c.Key[0].Value != "me" || c.Limit != "default/r/l" {
		t.Errorf("a request that is counted: %+v", c)
	}
	v.Path = "/b"
	if c := Charge(limit, v); c.Charged || c.Why != `match[0]: path "/b" is not prefix "/a"` {
		t.Errorf("one that does not match: %+v", c)
	}
	v.Path, v.Headers = "/a", nil
	if c := Charge(limit, v); !c.Charged || c.Key[0].Value != "-" {
		t.Errorf("one without the key shares a bucket: %+v", c)
	}
}
