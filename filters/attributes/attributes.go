// Package attributes is the filter that draws declared attributes from a
// request, those that the proxy cannot draw by itself, converts them to their
// types, writes each to filter state "wasm.NAME" and, where asked, to a
// header. It never decides about a request.
package attributes

import (
	"github.com/krater-mesh/krater/filters/attributes/config"
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/model/attribute"
)

// Filter draws the attributes of one configuration.
type Filter struct {
	sdk.Base
	rules   []rule
	json    bool // some rule reads a JSON body
	grpc    bool // some rule reads a gRPC message
	maxBody int
	bag     attribute.Bag // of the request at hand
	tooLong sdk.Counter
}

var (
	_ sdk.Filter          = (*Filter)(nil)
	_ sdk.RequestBody     = (*Filter)(nil)
	_ sdk.RequestTrailers = (*Filter)(nil)
)

type rule struct {
	name, kind, toHeader string
	words                bool
	from                 source
	unconverted          sdk.Counter
}

// source finds an attribute's text in a request; no text is none.
type source interface {
	draw(*request) (value string, ok bool)
}

// New reads a configuration: config.Config's JSON.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := config.ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	f, err := FromConfig(h, c)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// FromConfig builds the filter of a configuration that was validated.
func FromConfig(h sdk.Host, c config.Config) (*Filter, error) {
	f := &Filter{maxBody: c.MaxBody, tooLong: h.Counter("attributes.body_too_long")}
	if f.maxBody == 0 {
		f.maxBody = 64 << 10
	}
	for _, a := range c.Attributes {
		from, err := sourceOf(a.From)
		if err != nil {
			return nil, err
		}
		f.json = f.json || a.From.JSON != "" && a.From.State == ""
		f.grpc = f.grpc || len(a.From.GRPC) > 0
		f.rules = append(f.rules, rule{a.Name, a.Type, a.ToHeader, a.From.Words, from, h.Counter("attributes." + a.Name + ".unconverted")})
	}
	return f, nil
}

func sourceOf(from config.From) (source, error) {
	switch {
	case from.State != "":
		return newState(from), nil
	case from.Header != "":
		return headerSource(from.Header), nil
	case from.Cookie != "":
		return cookieSource(from.Cookie), nil
	case from.Query != "":
		return querySource(from.Query), nil
	case from.JSON != "":
		return jsonSource(pointer(from.JSON)), nil
	case len(from.GRPC) > 0:
		return grpcSource(from.GRPC), nil
	}
	t, err := config.ParseTemplate(from.Path)
	return pathSource{t}, err
}

// draw fills the bag with the attributes that a request has.
func (f *Filter) draw(r *request, bag *attribute.Bag) {
	for i := range f.rules {
		rule := &f.rules[i]
		r.kind = rule.kind
		text, ok := rule.from.draw(r)
		if r.unfit {
			r.unfit = false
			rule.unconverted.Add(1)
		}
		if !ok || text == "" {
			continue
		}
		value, ok := Convert(rule.kind, text, rule.words)
		if !ok {
			rule.unconverted.Add(1)
			continue
		}
		bag.Set(rule.name, value)
	}
}

// write hands on what was drawn. All was drawn before: one attribute's header
// may be another's source.
func (f *Filter) write(s sdk.Stream, body []byte) {
	f.bag.Reset()
	f.draw(&request{stream: s, headers: s.Request(), body: body}, &f.bag)
	for i := range f.rules {
		rule := &f.rules[i]
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
}

// OnRequest implements sdk.Filter. A request whose body is to be read waits
// for it.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	if f.expectsBody(s) {
		s.SetLocal(waiting{})
		return sdk.AwaitBody
	}
	f.write(s, nil)
	return sdk.Continue
}
