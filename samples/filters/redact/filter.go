package main

import (
	"slices"
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Filter masks personal data in JSON answers. What it cannot read does not
// pass.
type Filter struct {
	sdk.Base
	config  Config
	masked  sdk.Counter
	refused sdk.Counter
}

var _ sdk.ResponseBody = (*Filter)(nil)

// state of an answer that is JSON.
type state int

const (
	reading state = iota
	refused       // nothing more of it passes
)

// New reads the configuration.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	return &Filter{config: c, masked: h.Counter("redact_masked"), refused: h.Counter("redact_refused")}, nil
}

// OnRequest asks for an answer that can be read: not a compressed one.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	s.Request().Remove("accept-encoding")
	return sdk.Continue
}

// OnResponse remembers which answers are JSON.
func (f *Filter) OnResponse(s sdk.Stream) sdk.Verdict {
	kind, _ := s.Response().Get("content-type")
	kind, _, _ = strings.Cut(kind, ";")
	if kind = strings.TrimSpace(kind); kind == "application/json" || strings.HasSuffix(kind, "+json") {
		s.SetLocal(reading)
		s.Response().Remove("content-length")
	}
	return sdk.Continue
}

// OnResponseBody waits for the whole body, and masks it.
func (f *Filter) OnResponseBody(s sdk.Stream, end bool) sdk.Verdict {
	body := s.ResponseBody()
	switch {
	case s.Local() == nil:
		return sdk.Continue
	case s.Local() == refused:
		body.Set(nil)
		return sdk.Continue
	case body.Len() > f.config.MaxBytes:
		return f.refuse(s)
	case !end:
		return sdk.Pause
	case body.Len() == 0:
		return sdk.Continue
	}
	j, err := sdk.ParseJSON(body.Read(0, body.Len()))
	if err != nil {
		return f.refuse(s)
	}
	body.Set(f.mask(nil, j))
	return sdk.Continue
}

// refuse lets nothing of the body pass; its headers have gone out already.
func (f *Filter) refuse(s sdk.Stream) sdk.Verdict {
	f.refused.Add(1)
	s.ResponseBody().Set([]byte(`{"error":"this answer cannot be shown"}`))
	s.SetLocal(refused)
	return sdk.Continue
}

// mask writes a value with what is personal in it masked.
func (f *Filter) mask(b []byte, j sdk.JSON) []byte {
	switch j.Type() {
	case "object":
		b = append(b, '{')
		first := true
		j.Each(func(name string, value sdk.JSON) {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(appendString(b, name), ':')
			if slices.Contains(f.config.Fields, name) {
				f.masked.Add(1)
				b = appendString(b, f.config.Mask)
			} else {
				b = f.mask(b, value)
			}
		})
		return append(b, '}')
	case "array":
		b = append(b, '[')
		for i, item := range j.Items() {
			if i > 0 {
				b = append(b, ',')
			}
			b = f.mask(b, item)
		}
		return append(b, ']')
	case "string", "number":
		if f.config.Cards && isCard(j.Text()) {
			f.masked.Add(1)
			return appendString(b, f.config.Mask)
		}
	}
	return append(b, j.Raw()...)
}
