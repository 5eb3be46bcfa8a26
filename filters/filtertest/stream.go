package filtertest

import (
	"maps"
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Stream is a request under way: it stands where the filter paused it, or at
// its end. Several may be open at once.
type Stream struct {
	plugin   *Plugin
	id       uint32
	ctx      *hostContext
	script   Request
	request  half
	response half
	answered bool // by the upstream or by the filter

	reply        *sdk.Reply
	replied      bool // the reply is on its way
	routeCleared bool
	closed       bool
}

// Open starts a request, and runs it until the filter pauses it or it is
// through.
func (p *Plugin) Open(r Request) (*Stream, error) {
	m := p.module
	m.lastID++
	s := &Stream{plugin: p, id: m.lastID, ctx: newContext(p.id), script: r, request: r.half()}
	s.ctx.stream = s
	for name, value := range r.Properties {
		if !strings.Contains(name, "\x00") {
			name = strings.ReplaceAll(name, ".", "\x00")
		}
		s.ctx.properties[name] = value
	}
	m.host.contexts[s.id] = s.ctx
	if _, err := m.call("proxy_on_context_create", s.id, uint64(p.id)); err != nil {
		return s, err
	}
	if err := s.advance(); err != nil {
		return s, err
	}
	return s, m.settle()
}

// Paused tells whether the filter holds the stream.
func (s *Stream) Paused() bool {
	return !s.closed && s.reply == nil && (s.request.paused || s.response.paused)
}

// Reply is the filter's own answer, so far.
func (s *Stream) Reply() *sdk.Reply { return s.reply }

// Close ends the stream, as a client does that goes away, or when all is said.
func (s *Stream) Close() (Result, error) {
	res := s.result()
	if s.closed {
		return res, nil
	}
	s.closed = true
	m := s.plugin.module
	s.ctx.maps = map[uint32]*sdk.HeaderList{mapRequest: s.request.headers}
	if s.response.headers != nil {
		s.ctx.maps[mapResponse] = s.response.headers
	}
	for _, name := range []string{"proxy_on_log", "proxy_on_done", "proxy_on_delete"} {
		if _, err := m.call(name, s.id); err != nil {
			return res, err
		}
		s.ctx.maps = map[uint32]*sdk.HeaderList{}
	}
	delete(m.host.contexts, s.id)
	err := m.settle()
	res.Log = m.Log()
	return res, err
}

// advance runs the stream as far as the filter lets it.
func (s *Stream) advance() error {
	if s.closed {
		return nil
	}
	if err := s.run(&s.request); err != nil {
		return err
	}
	if s.request.done && !s.answered && s.reply == nil {
		s.answered = true
		s.response = s.script.answer(s.request.headers, s.request.passed)
	}
	if s.reply != nil && !s.replied {
		s.replied = true
		own := response(s.reply.Status, s.reply.Headers, parts(nil, s.reply.Body), nil)
		if own.began = s.response.began; own.began { // it goes out past the filters
			own.done, own.passed = true, s.reply.Body
		}
		s.response, s.request.done, s.answered = own, true, true
	}
	if !s.answered {
		return nil
	}
	s.ctx.maps[mapRequest] = nil
	if err := s.run(&s.response); err != nil || s.reply == nil || s.replied {
		return err
	}
	return s.advance()
}

// resume lets a half go on that is paused, or that holds a part of a body.
func (s *Stream) resume(flow uint32) error {
	h := &s.request
	if flow == 1 {
		h = &s.response
	}
	if s.closed || !h.began || s.replied && flow == 0 {
		return nil
	}
	h.pass(s.ctx)
	h.paused = false
	return s.advance()
}

func (s *Stream) result() Result {
	return Result{
		Request: s.request.headers, Response: s.response.headers,
		Body: s.request.passed, ResponseBody: s.response.passed,
		RequestTrailers: s.request.trailers, ResponseTrailers: s.response.trailers,
		Properties: maps.Clone(s.ctx.written), Reply: s.reply, Paused: s.Paused(),
		RouteCleared: s.routeCleared, Log: s.plugin.module.Log(),
	}
}
