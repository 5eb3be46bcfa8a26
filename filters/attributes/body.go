package attributes

import (
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// waiting is a stream whose attributes are drawn when its body is there.
type waiting struct{}

// expectsBody tells whether a body follows that some attribute is drawn from.
func (f *Filter) expectsBody(s sdk.Stream) bool {
	if !f.json && !f.grpc {
		return false
	}
	h := s.Request()
	return (f.json && isJSON(h) || f.grpc && isGRPC(h)) && !s.RequestEnds()
}

func isJSON(h sdk.Headers) bool {
	kind := contentType(h)
	return plain(h) && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

func isGRPC(h sdk.Headers) bool {
	kind := contentType(h)
	return plain(h) && (kind == "application/grpc" || strings.HasPrefix(kind, "application/grpc+"))
}

func contentType(h sdk.Headers) string {
	kind, _ := h.Get("content-type")
	kind, _, _ = strings.Cut(kind, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// plain tells whether a body is sent as it is.
func plain(h sdk.Headers) bool {
	encoding, encoded := h.Get("content-encoding")
	return !encoded || encoding == "identity"
}

// OnRequestBody implements sdk.RequestBody.
func (f *Filter) OnRequestBody(s sdk.Stream, end bool) sdk.Verdict {
	if _, ok := s.Local().(waiting); !ok {
		return sdk.Continue
	}
	size := s.RequestBody().Len()
	switch {
	case size > f.maxBody:
		return f.tooMuch(s)
	case end:
		return f.arrived(s, size)
	case f.grpc && isGRPC(s.Request()) && size >= frameHeader:
		first := frameSize(s.RequestBody().Read(0, frameHeader))
		if first > f.maxBody-frameHeader {
			return f.tooMuch(s)
		}
		if size >= frameHeader+first { // a stream may never end
			return f.arrived(s, frameHeader+first)
		}
	}
	return sdk.Pause
}

// OnRequestTrailers implements sdk.RequestTrailers: a body that trailers
// follow has no last part.
func (f *Filter) OnRequestTrailers(s sdk.Stream) sdk.Verdict {
	if _, ok := s.Local().(waiting); !ok {
		return sdk.Continue
	}
	return f.arrived(s, s.RequestBody().Len())
}

func (f *Filter) arrived(s sdk.Stream, size int) sdk.Verdict {
	s.SetLocal(nil)
	f.write(s, s.RequestBody().Read(0, size))
	return sdk.Continue
}

// tooMuch goes on without what the body would have said.
func (f *Filter) tooMuch(s sdk.Stream) sdk.Verdict {
	s.SetLocal(nil)
	f.tooLong.Add(1)
	f.write(s, nil)
	return sdk.Continue
}

// jsonSource is a JSON pointer, taken apart.
type jsonSource []string

func pointer(text string) jsonSource {
	names := strings.Split(text, "/")[1:]
	for i, name := range names {
		names[i] = strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")
	}
	return names
}

func (p jsonSource) draw(r *request) (string, bool) {
	if !r.parsed {
		r.parsed = true
		if len(r.body) > 0 && isJSON(r.headers) {
			var err error
			r.document, err = sdk.ParseJSON(r.body)
			r.broken = err != nil
		}
	}
	if r.broken {
		r.unfit = true
		return "", false
	}
	return p.find(r.document, r, false)
}

// find reads what the pointer leads to. A list is a value of attributes that
// are lists, an object of none; raw gives both of them as JSON.
func (p jsonSource) find(at sdk.JSON, r *request, raw bool) (string, bool) {
	for _, name := range p {
		var ok bool
		if at, ok = step(at, name); !ok {
			return "", false
		}
	}
	switch kind := at.Type(); {
	case kind == "null":
		return "", false
	case kind == "array" && r.kind == "list", raw && (kind == "array" || kind == "object"):
		return at.Raw(), true
	case kind == "array", kind == "object":
		r.unfit = true
		return "", false
	}
	return at.Text(), true
}

func step(at sdk.JSON, name string) (sdk.JSON, bool) {
	if at.Type() != "array" {
		return at.Field(name)
	}
	n, items := 0, at.Items()
	for i := 0; i < len(name); i++ {
		if name[i] < '0' || name[i] > '9' || n > len(items) || i > 0 && name[0] == '0' {
			return sdk.JSON{}, false
		}
		n = n*10 + int(name[i]-'0')
	}
	if name == "" || n >= len(items) {
		return sdk.JSON{}, false
	}
	return items[n], true
}
