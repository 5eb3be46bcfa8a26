package snapshot

import (
	"strings"
	"testing"

	"github.com/krater-mesh/krater/model"
)

func TestExpressions(t *testing.T) {
	x := newExpressions([]*model.AttributeSet{{Attributes: []model.Attribute{{Name: "user"}, {Name: "team.name"}, {Name: "secret", Redact: true}}}})
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
		{x.value, `request.path`, ""},
		{x.value, `request.headers`, "it is a map"},
		{x.value, `request.path + secret`, "the attribute secret is redacted"},
		{x.value, `request.path + "secret"`, ""},
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
