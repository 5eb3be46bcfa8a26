package snapshot

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

func TestExpressions(t *testing.T) {
	x := newExpressions([]*model.AttributeSet{{Attributes: []model.Attribute{{Name: "user"}, {Name: "team.name"}, {Name: "secret", Redact: true}, {Name: "n", Type: "int"}}}}, nil)
	for _, c := range []struct {
		check func(string) error
		text  string
		want  string // of the error; "" is good
	}{
		{x.condition, `request.headers['a'] == "b" && source.port > 1000`, ""},
		{x.condition, `request.time < timestamp("2030-01-01T00:00:00Z")`, ""},
		{x.condition, `user == "jason" || team.name.matches("a.*")`, ""},
		{x.condition, `secret == "x"`, ""},
		{x.condition, `response.code`, "it is no condition"},
		{x.condition, `response.code == "200"`, "line 1, column 15: found no matching overload"},
		{x.condition, `nobody == "x"`, "unknown attribute nobody"},
		{x.condition, `request.user.name == "x"`, "unknown attribute request.user.name"},
		{x.condition, `true &&`, "line 1, column 8: Syntax error"},
		{x.condition, strings.Repeat("a", 5000), "longer than 4096"},
		{x.condition, `attribute.user == "jason" && attribute.n > 5 && has(attribute.team)`, "unknown attribute attribute.team"},
		{x.condition, `has(attribute.user) && attribute.n > 5`, ""},
		{x.condition, `attribute.usr == "jason"`, "unknown attribute attribute.usr"},
		{x.condition, `n == "x"`, "found no matching overload"},
		{x.condition, `request.path + "x" == "y"`, "proxies cannot join texts"},
		{x.condition, `string(request.size) == "1"`, "proxies cannot make texts"},
		{x.condition, `[1, 2].exists(i, i > 1)`, "proxies cannot walk"},
		{x.value, `attribute.secret`, "the attribute attribute.secret is redacted"},
		{x.value, `request.path`, ""},
		{x.value, `request.headers`, "it is a map"},
		{x.value, `request.path == "a" ? secret : "b"`, "the attribute secret is redacted"},
		{x.value, `request.path == "a" ? "secret" : "b"`, ""},
		{x.number, "request.duration", ""},
		{x.number, "response.size", ""},
		{x.number, "request.path", "want an attribute that is a number"},
		{x.number, "1 + 1", "unknown attribute 1 + 1"},
	} {
		err := c.check(c.text)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.60s: got %v, want %q", c.text, err, c.want)
		}
	}
}
