package filtertest

import (
	"github.com/krater-mesh/krater/filters/sdk"
)

// Plugin is a configured root. It serves one request after the other.
type Plugin struct {
	module *Module
	id     uint32
	rootID string
	config string
}

// Request is what a client sends, and how its upstream would answer.
type Request struct {
	Method    string // default GET
	Path      string // with its query; default /
	Authority string // default example.test
	Headers   [][2]string
	Body      string
	// Properties are the proxy's attributes, by their dotted name:
	// "source.address". Written ones replace them.
	Properties map[string]string
	// The upstream's answer. Status is 200 by default.
	Status          int
	ResponseHeaders [][2]string
	ResponseBody    string
}

// Result is what a filter made of a request.
type Result struct {
	Request  *sdk.HeaderList // as it goes upstream
	Response *sdk.HeaderList // as it goes downstream; nil if the filter paused the request
	Body     string          // of the request, upstream
	// ResponseBody goes downstream.
	ResponseBody string
	Properties   map[string]string // those that the filter wrote
	Reply        *sdk.Reply        // the filter's own answer; nil: upstream answered
	Paused       bool              // the filter holds the stream and has not replied
	Log          []Line
}

// Line is one of the filter's log lines; what it prints itself is of
// sdk.Info.
type Line struct {
	Level sdk.Level
	Text  string
}

const pause = 1 // proxy-wasm's action

// Request runs one request through the filter, to its end. A trap is an error;
// the module is then of no more use.
func (p *Plugin) Request(r Request) (Result, error) {
	h := p.module.host
	h.begin()
	h.rootID, h.pluginConfig = p.rootID, []byte(p.config)
	h.script(r)
	p.module.lastID++
	s := stream{module: p.module, id: uint64(p.module.lastID)}
	s.do("proxy_on_context_create", s.id, uint64(p.id))
	if s.request(); !s.paused {
		h.hideRequest()
		s.response(r)
		h.showRequest()
	}
	s.do("proxy_on_log", s.id)
	s.do("proxy_on_done", s.id)
	s.do("proxy_on_delete", s.id)
	return h.result(s.paused), s.err
}

// stream is the life of one context; the first error ends it.
type stream struct {
	module *Module
	id     uint64
	paused bool
	err    error
}

func (s *stream) do(name string, args ...uint64) uint64 {
	if s.err != nil {
		return pause
	}
	out, err := s.module.call(name, args...)
	s.err = err
	return out
}

// next runs a callback that answers an action, and tells whether to go on.
func (s *stream) next(name string, args ...uint64) bool {
	h := s.module.host
	before := h.reply
	exported := s.module.guest.ExportedFunction(name) != nil
	paused := exported && s.do(name, args...) == pause
	replied := h.reply != before
	s.paused = paused && !replied && s.err == nil
	return !paused && !replied && s.err == nil
}

func (s *stream) request() {
	h := s.module.host
	size := uint64(len(h.body[bufferRequest]))
	n := uint64(len(h.headers[mapRequest].All()))
	if s.next("proxy_on_request_headers", s.id, n, flag(size == 0)) && size > 0 {
		s.next("proxy_on_request_body", s.id, size, 1)
	}
}

// response shows the filter the upstream's answer, or its own, as Envoy does.
func (s *stream) response(r Request) {
	h := s.module.host
	if own := h.reply; own != nil {
		h.answer(own.Status, own.Headers, own.Body)
	} else {
		h.answer(r.Status, r.ResponseHeaders, r.ResponseBody)
	}
	before := h.reply
	size := uint64(len(h.body[bufferResponse]))
	n := uint64(len(h.headers[mapResponse].All()))
	if s.next("proxy_on_response_headers", s.id, n, flag(size == 0)) && size > 0 {
		s.next("proxy_on_response_body", s.id, size, 1)
	}
	if own := h.reply; own != before {
		h.answer(own.Status, own.Headers, own.Body)
	}
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
