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
	request, response   changes
	requests, responses sdk.Counter
}

var _ sdk.Filter = (*Filter)(nil)

// New reads a configuration: config.Config's JSON.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := config.ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	return &Filter{
		request: changesOf(c.Request), response: changesOf(c.Response),
		requests: h.Counter("headers.requests"), responses: h.Counter("headers.responses"),
	}, nil
}

// changes are config.Changes in a fixed order.
type changes struct {
	remove   []string
	set, add [][2]string
}

func changesOf(c config.Changes) changes {
	return changes{c.Remove, sdk.Pairs(c.Set), sdk.Pairs(c.Add)}
}

// apply makes the changes, if there are any.
func (c *changes) apply(h sdk.Headers, made sdk.Counter) {
	if len(c.remove)+len(c.set)+len(c.add) == 0 {
		return
	}
	made.Add(1)
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
	f.request.apply(s.Request(), f.requests)
	return sdk.Continue
}

// OnResponse implements sdk.Filter.
func (f *Filter) OnResponse(s sdk.Stream) sdk.Verdict {
	f.response.apply(s.Response(), f.responses)
	return sdk.Continue
}
