package crds

import (
	"strings"

	"github.com/krater-mesh/krater/model"
)

const (
	oneSegment   = "{*}"
	manySegments = "{**}"
)

// paths are patterns, or templates.
func (c *conversion) paths(in []string, field string) []model.StringMatch {
	var out []model.StringMatch
	for i, text := range in {
		if strings.ContainsAny(text, "{}") {
			c.template(text, index(field, i))
			out = append(out, model.StringMatch{Kind: model.Template, Value: text})
			continue
		}
		out = append(out, c.pattern(text, index(field, i)))
	}
	return out
}

// template keeps to Istio's form: an operator is a whole segment, and none
// follows "{**}".
func (c *conversion) template(text, field string) {
	segments, found := strings.CutPrefix(text, "/")
	if !found {
		c.bad(field, "a path template begins with a slash")
	}
	many := false
	for _, s := range strings.Split(segments, "/") {
		operator := s == oneSegment || s == manySegments
		switch {
		case operator && many:
			c.bad(field, "no other operator follows {**}")
			return
		case !operator && strings.ContainsAny(s, "{}*"):
			c.add(model.Error, model.CodeInvalidValue, field, "write {*} for one segment, {**} for any number of them", "%q is no segment of a path template", s)
			return
		}
		many = many || s == manySegments
	}
}
