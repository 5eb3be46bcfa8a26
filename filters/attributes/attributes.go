// Package attributes is the filter that draws declared attributes from a
// request's header, cookie, query or path, writes each to filter state
// "wasm.NAME" and, where asked, to a header. It never decides about a request.
package attributes

import (
	"github.com/krater-mesh/krater/filters/attributes/config"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/model/attribute"
)

// Filter draws the attributes of one configuration.
type Filter struct {
	sdk.Base
	rules []rule
	bag   attribute.Bag // of the request at hand
}

var _ sdk.Filter = (*Filter)(nil)

type rule struct {
	name     string
	toHeader string
	from     source
}

// source finds an attribute's value in a request; absent differs from empty.
type source interface {
	draw(*request) (value string, ok bool)
}

// New reads a configuration: config.Config's JSON.
func New(_ sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := Decode(raw)
	if err != nil {
		return nil, err
	}
	f, err := FromConfig(c)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// FromConfig builds the filter, or gives what config.Config.Validate gives.
func FromConfig(c config.Config) (*Filter, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	f := &Filter{}
	for _, a := range c.Attributes {
		from, err := sourceOf(a.From)
		if err != nil {
			return nil, err
		}
		f.rules = append(f.rules, rule{a.Name, a.ToHeader, from})
	}
	return f, nil
}

func sourceOf(from config.From) (source, error) {
	switch {
	case from.Header != "":
		return headerSource(from.Header), nil
	case from.Cookie != "":
		return cookieSource(from.Cookie), nil
	case from.Query != "":
		return querySource(from.Query), nil
	}
	t, err := config.ParseTemplate(from.Path)
	return pathSource{t}, err
}

// Draw fills the bag with the attributes that a request's headers carry.
func (f *Filter) Draw(h sdk.Headers, bag *attribute.Bag) {
	r := request{headers: h}
	for _, rule := range f.rules {
		if value, ok := rule.from.draw(&r); ok {
			bag.Set(rule.name, value)
		}
	}
}

// OnRequest implements sdk.Filter. All is drawn before anything is written:
// one attribute's header may be another's source.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	f.bag.Reset()
	f.Draw(s.Request(), &f.bag)
	for _, rule := range f.rules {
		value, ok := f.bag.Get(rule.name)
		if ok {
			s.SetProperty(rule.name, value)
		}
		switch {
		case rule.toHeader == "":
		case ok:
			s.Request().Set(rule.toHeader, value)
		default:
			s.Request().Remove(rule.toHeader) // else the client could forge it
		}
	}
	return sdk.Continue
}
