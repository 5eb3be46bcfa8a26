// Package headers is the filter that sets, adds and removes headers of
// requests and answers. It never reads what they carry.
package headers

import (
	"github.com/krater-mesh/krater/filters/headers/config"
	"github.com/krater-mesh/krater/filters/sdk"
)

// Filter makes the changes of one configuration.
type Filter struct {
	sdk.Base
	request, response changes
}

var _ sdk.Filter = (*Filter)(nil)

// New reads a configuration: config.Config's JSON.
func New(_ sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := config.ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	return &Filter{request: changesOf(c.Request), response: changesOf(c.Response)}, nil
}

// changes are config.Changes in a fixed order.
type changes struct {
	remove   []string
	set, add [][2]string
}

func changesOf(c config.Changes) changes {
	return changes{c.Remove, sdk.Pairs(c.Set), sdk.Pairs(c.Add)}
}

func (c *changes) apply(h sdk.Headers) {
	for _, name := range c.remove {
		h.Remove(name)
	}
	for _, p := range c.set {
		h.Set(p[0], p[1])
	}
	for _, p := range c.add {
		h.Add(p[0], p[1])
	}
}

// OnRequest implements sdk.Filter.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	f.request.apply(s.Request())
	return sdk.Continue
}

// OnResponse implements sdk.Filter.
func (f *Filter) OnResponse(s sdk.Stream) sdk.Verdict {
	f.response.apply(s.Response())
	return sdk.Continue
}
