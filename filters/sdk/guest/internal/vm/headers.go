package vm

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

// Each kind of headers is the stream itself under another name: to hand one
// out allocates nothing.
type (
	requestHeaders   stream
	responseHeaders  stream
	requestTrailers  stream
	responseTrailers stream
)

var (
	_ sdk.Headers = (*requestHeaders)(nil)
	_ sdk.Headers = (*responseHeaders)(nil)
	_ sdk.Headers = (*requestTrailers)(nil)
	_ sdk.Headers = (*responseTrailers)(nil)
)

func (s *stream) header(m abi.Map, name string) (string, bool) {
	if !s.activate() {
		return "", false
	}
	return s.read(m, name)
}

func (s *stream) headers(m abi.Map) [][2]string {
	if !s.activate() {
		return nil
	}
	return abi.Headers(m)
}

func (s *stream) setHeader(m abi.Map, name, value string) {
	if s.activate() {
		s.changed(m, name)
		s.check("setting header", name, abi.SetHeader(m, name, value))
	}
}

func (s *stream) addHeader(m abi.Map, name, value string) {
	if s.activate() {
		s.changed(m, name)
		s.check("adding header", name, abi.AddHeader(m, name, value))
	}
}

func (s *stream) removeHeader(m abi.Map, name string) {
	if s.activate() {
		s.changed(m, name)
		s.check("removing header", name, abi.RemoveHeader(m, name))
	}
}

func (h *requestHeaders) Get(name string) (string, bool) {
	return (*stream)(h).header(abi.RequestHeaders, name)
}
func (h *requestHeaders) Set(name, value string) {
	(*stream)(h).setHeader(abi.RequestHeaders, name, value)
}
func (h *requestHeaders) Add(name, value string) {
	(*stream)(h).addHeader(abi.RequestHeaders, name, value)
}
func (h *requestHeaders) Remove(name string) { (*stream)(h).removeHeader(abi.RequestHeaders, name) }
func (h *requestHeaders) All() [][2]string   { return (*stream)(h).headers(abi.RequestHeaders) }

func (h *responseHeaders) Get(name string) (string, bool) {
	return (*stream)(h).header(abi.ResponseHeaders, name)
}
func (h *responseHeaders) Set(name, value string) {
	(*stream)(h).setHeader(abi.ResponseHeaders, name, value)
}
func (h *responseHeaders) Add(name, value string) {
	(*stream)(h).addHeader(abi.ResponseHeaders, name, value)
}
func (h *responseHeaders) Remove(name string) { (*stream)(h).removeHeader(abi.ResponseHeaders, name) }
func (h *responseHeaders) All() [][2]string   { return (*stream)(h).headers(abi.ResponseHeaders) }

func (h *requestTrailers) Get(name string) (string, bool) {
	return (*stream)(h).header(abi.RequestTrailers, name)
}
func (h *requestTrailers) Set(name, value string) {
	(*stream)(h).setHeader(abi.RequestTrailers, name, value)
}
func (h *requestTrailers) Add(name, value string) {
	(*stream)(h).addHeader(abi.RequestTrailers, name, value)
}
func (h *requestTrailers) Remove(name string) { (*stream)(h).removeHeader(abi.RequestTrailers, name) }
func (h *requestTrailers) All() [][2]string   { return (*stream)(h).headers(abi.RequestTrailers) }

func (h *responseTrailers) Get(name string) (string, bool) {
	return (*stream)(h).header(abi.ResponseTrailers, name)
}
func (h *responseTrailers) Set(name, value string) {
	(*stream)(h).setHeader(abi.ResponseTrailers, name, value)
}
func (h *responseTrailers) Add(name, value string) {
	(*stream)(h).addHeader(abi.ResponseTrailers, name, value)
}
func (h *responseTrailers) Remove(name string) { (*stream)(h).removeHeader(abi.ResponseTrailers, name) }
func (h *responseTrailers) All() [][2]string   { return (*stream)(h).headers(abi.ResponseTrailers) }
