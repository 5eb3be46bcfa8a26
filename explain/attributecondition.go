package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/krater-mesh/krater/model"
)

// attributeFails says why a condition on a declared attribute does not hold.
// Of a list one element is enough. An absent attribute matches no value.
func attributeFails(c model.Condition, v View) string {
	var have []string
	drawn, ok := v.Attributes[c.Attribute]
	shown := "absent"
	if ok {
		shown = fmt.Sprintf("%q", drawn.Value)
		if have = []string{drawn.Value}; drawn.Type == model.AttributeList {
			have = strings.Split(drawn.Value, ",")
		}
	}
	if drawn.Redact {
		shown = redacted
	}
	matches := func(m model.StringMatch) bool { return slices.ContainsFunc(have, m.Matches) }
	if len(c.Values) > 0 && !slices.ContainsFunc(c.Values, matches) {
		return fmt.Sprintf("when: attribute %s is %s, not %s", c.Attribute, shown, describeAny(c.Values))
	}
	if i := slices.IndexFunc(c.NotValues, matches); i >= 0 {
		if drawn.Redact { // which of the values it is would tell it
			return fmt.Sprintf("when: attribute %s is %s, and must not be %s", c.Attribute, shown, describeAny(c.NotValues))
		}
		return fmt.Sprintf("when: attribute %s is %s, and must not be %s", c.Attribute, shown, Describe(c.NotValues[i]))
	}
	return ""
}

// limitConditionFails is the same for a limit, which sees the values of a
// header as one, joined.
func limitConditionFails(c model.Condition, v View) string {
	if c.Attribute == "" {
		if value, ok := v.Header(c.Header); ok {
			v = v.clone()
			v.Headers[c.Header] = []string{value}
		}
	}
	return conditionFails(c, v)
}

// withhold takes the values of redacted attributes out of an explanation: the
// request that was asked about, and what the proxies received, carry the
// headers that they were drawn from.
func (e *explainer) withhold(x *Explanation) {
	if len(e.secret) == 0 {
		return
	}
	x.Request.Headers = e.without(x.Request.Headers)
	x.Request.Attributes = maps.Clone(x.Request.Attributes)
	for _, a := range e.secret {
		if _, ok := x.Request.Attributes[a.Name]; ok {
			x.Request.Attributes[a.Name] = redacted
		}
		if a.Body() {
			x.Request.Body = redacted
		}
	}
	x.First.Received.Headers = e.without(x.First.Received.Headers)
	for i := range x.Outcomes {
		if s := x.Outcomes[i].Server; s != nil {
			s.Received.Headers = e.without(s.Received.Headers)
		}
	}
}

// without is a copy of headers that tells no redacted value.
func (e *explainer) without(h Headers) Headers {
	out := maps.Clone(h)
	for name := range out {
		for _, a := range e.secret {
			if strings.EqualFold(name, a.Header) || a.Cookie != "" && strings.EqualFold(name, "cookie") ||
				a.CEL != "" && strings.Contains(strings.ToLower(a.CEL), strings.ToLower(name)) {
				out[name] = []string{redacted}
			}
		}
	}
	return out
}
