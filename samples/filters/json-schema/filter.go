package main

import "github.com/krater-mesh/krater/filters/sdk"

// Filter refuses requests whose JSON body is not what the schema says.
type Filter struct {
	sdk.Base
	config  Config
	schema  *schema
	refused sdk.Counter
}

var _ sdk.RequestBody = (*Filter)(nil)

// New reads the configuration.
func New(h sdk.Host, raw []byte) (sdk.Filter, error) {
	c, err := ReadConfig(raw)
	if err != nil {
		return nil, err
	}
	s, err := readSchema(c.Schema)
	if err != nil {
		return nil, err
	}
	return &Filter{config: c, schema: s, refused: h.Counter("json_schema_refused")}, nil
}

// OnRequestBody waits for the whole body. The upstream has the headers by
// then; where the body is refused, its request is cut off.
func (f *Filter) OnRequestBody(s sdk.Stream, end bool) sdk.Verdict {
	body := s.RequestBody()
	if body.Len() > f.config.MaxBytes {
		return f.refuse(s, 413, "the body is too large")
	}
	if !end {
		return sdk.Pause
	}
	j, err := sdk.ParseJSON(body.Read(0, body.Len()))
	if err != nil {
		return f.refuse(s, 400, "the body is no JSON: "+err.Error())
	}
	if why := f.schema.check("", j); why != "" {
		return f.refuse(s, 422, why)
	}
	return sdk.Continue
}

func (f *Filter) refuse(s sdk.Stream, status int, why string) sdk.Verdict {
	f.refused.Add(1)
	return s.Reply(sdk.Reply{Status: status, Body: why + "\n", Details: "json_schema_refused"})
}
