package vm

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

type (
	requestBody  stream
	responseBody stream
)

var (
	_ sdk.Body = (*requestBody)(nil)
	_ sdk.Body = (*responseBody)(nil)
)

// RequestBody is a part of a request's body; size is that of all that the
// proxy holds.
func RequestBody(id, size, end uint32) uint32 {
	defer trapped()
	s := alive(id)
	return s.part(&s.request, s.plugin.requestBody, int(size), end != 0)
}

// ResponseBody is a part of an answer's body.
func ResponseBody(id, size, end uint32) uint32 {
	defer trapped()
	s := alive(id)
	return s.part(&s.response, s.plugin.responseBody, int(size), end != 0)
}

// part asks about a part of a body; nil: nobody is to be asked.
func (s *stream) part(f *flow, ask func(sdk.Stream, bool) sdk.Verdict, size int, end bool) uint32 {
	if action, held := f.hold(size, end); held || ask == nil {
		return action
	}
	outer, outerActive := s.decide()
	action := s.action(f, ask(s, end))
	f.waits = action == abi.Pause
	leave(outer, outerActive)
	return action
}

// bytes reads of a buffer of the context; any that lie outside are left out.
func (c *context) bytes(b abi.Buffer, size, from, n int) []byte {
	if from < 0 || from >= size || !c.activate() {
		return nil
	}
	return abi.Bytes(b, from, min(n, size-from))
}

// splice replaces n bytes of a buffer that holds size, and gives its new size.
func (c *context) splice(b abi.Buffer, size, from, n int, data []byte) (int, abi.Status) {
	if !c.activate() {
		return size, abi.OK
	}
	status := abi.SetBytes(b, from, n, data)
	if status != abi.OK {
		return size, status
	}
	return size - n + len(data), abi.OK
}

func (s *stream) change(f *flow, b abi.Buffer, from, n int, data []byte) {
	size, status := s.splice(b, f.size, from, n, data)
	f.size = size
	s.check("changing", "a body", status)
}

func (b *requestBody) Len() int { return b.request.size }
func (b *requestBody) Read(from, n int) []byte {
	return (*stream)(b).bytes(abi.RequestBody, b.request.size, from, n)
}
func (b *requestBody) Set(data []byte) {
	(*stream)(b).change(&b.request, abi.RequestBody, 0, b.request.size, data)
}
func (b *requestBody) Append(data []byte) {
	(*stream)(b).change(&b.request, abi.RequestBody, b.request.size, 0, data)
}
func (b *requestBody) Prepend(data []byte) {
	(*stream)(b).change(&b.request, abi.RequestBody, 0, 0, data)
}

func (b *responseBody) Len() int { return b.response.size }
func (b *responseBody) Read(from, n int) []byte {
	return (*stream)(b).bytes(abi.ResponseBody, b.response.size, from, n)
}
func (b *responseBody) Set(data []byte) {
	(*stream)(b).change(&b.response, abi.ResponseBody, 0, b.response.size, data)
}
func (b *responseBody) Append(data []byte) {
	(*stream)(b).change(&b.response, abi.ResponseBody, b.response.size, 0, data)
}
func (b *responseBody) Prepend(data []byte) {
	(*stream)(b).change(&b.response, abi.ResponseBody, 0, 0, data)
}
