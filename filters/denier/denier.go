// Package denier is the filter that answers matching requests itself, with a
// configured status, headers and body. It names the rule that answered in
// filter state, for logs. It never sees what it does not match.
package denier

import (
	"strings"

	"github.com/krater-mesh/krater/filters/denier/config"
	"github.com/krater-mesh/krater/filters/sdk"
)

// Decision is the property that names the rule that answered: "denier/NAME",
// in filter state "wasm.krater.filter_decision". The response code details say
// the same.
const Decision = "krater.filter_decision"

// Filter answers by the rules of one configuration.
type Filter struct {
	sdk.Base
	rules []rule
}

var _ sdk.Filter = (*Filter)(nil)

type rule struct {
	decision string
	match    config.Match
	reply    sdk.Reply
	answered sdk.Counter
}

// New reads a configuration: config.Config's JSON.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := config.ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	f := &Filter{}
	for _, r := range c.Rules {
		f.rules = append(f.rules, ruleOf(h, r))
	}
	return f, nil
}

func ruleOf(h sdk.Host, r config.Rule) rule {
	decision := "denier/" + r.Name
	return rule{decision, r.Match, sdk.Reply{
		Status: r.Status, Headers: sdk.Pairs(r.Headers), Body: r.Body, Details: decision,
	}, h.Counter("denier." + r.Name + ".answered")}
}

// OnRequest implements sdk.Filter.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	for i := range f.rules {
		if r := &f.rules[i]; matches(&r.match, s.Request()) {
			r.answered.Add(1)
			s.SetProperty(Decision, r.decision)
			return s.Reply(r.reply)
		}
	}
	return sdk.Continue
}

func matches(m *config.Match, h sdk.Headers) bool {
	if m.PathPrefix != "" {
		path, _ := h.Get(":path")
		if end := strings.IndexAny(path, "?#"); end >= 0 {
			path = path[:end]
		}
		if !strings.HasPrefix(path, m.PathPrefix) {
			return false
		}
	}
	for name, want := range m.Headers {
		if have, ok := h.Get(name); !ok || have != want {
			return false
		}
	}
	return len(m.Methods) == 0 || hasMethod(m.Methods, h)
}

func hasMethod(methods []string, h sdk.Headers) bool {
	have, _ := h.Get(":method")
	for _, m := range methods {
		if m == have {
			return true
		}
	}
	return false
}
