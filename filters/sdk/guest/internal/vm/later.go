package vm

import "github.com/krater-mesh/krater/filters/sdk"

// RequestTrailers is a request's end, where it has trailers.
func RequestTrailers(id uint32) uint32 {
	defer trapped()
	s := alive(id)
	return s.trailersCame(&s.request, s.plugin.requestBody, s.plugin.requestTrailers)
}

// ResponseTrailers is an answer's end, where it has trailers.
func ResponseTrailers(id uint32) uint32 {
	defer trapped()
	s := alive(id)
	return s.trailersCame(&s.response, s.plugin.responseBody, s.plugin.responseTrailers)
}

// trailersCame asks about trailers. Before them no part of the body was its
// last: a filter that waits for it is asked about it now.
func (s *stream) trailersCame(f *flow, askBody func(sdk.Stream, bool) sdk.Verdict, askTrailers func(sdk.Stream) sdk.Verdict) uint32 {
	outer, outerActive := s.decide()
	v := sdk.Continue
	switch {
	case f.waits:
		v = askBody(s, true)
	case f.paused: // at the headers
		v = sdk.Pause
	}
	if askTrailers != nil && (v == sdk.Continue || !f.waits) {
		v = askTrailers(s)
	}
	action := s.action(f, v)
	leave(outer, outerActive)
	return action
}

// AtLog is when the request's answer went out.
func AtLog(id uint32) {
	defer trapped()
	s := streams.get(id) // nil: a connection
	if s == nil || s.log == nil {
		return
	}
	outer, outerActive := enter(id)
	s.over = true
	s.log.OnLog(s)
	leave(outer, outerActive)
}

// Tick is a binding's period.
func Tick(id uint32) {
	defer trapped()
	p := plugins.get(id)
	if p == nil || p.ticker == nil {
		return
	}
	outer, outerActive := enter(id)
	p.ticker.OnTick()
	leave(outer, outerActive)
}

// QueueReady tells a binding of items.
func QueueReady(id, queue uint32) {
	defer trapped()
	p := plugins.get(id)
	if p == nil || p.queues == nil {
		return
	}
	outer, outerActive := enter(id)
	p.queues.OnQueue(queue)
	leave(outer, outerActive)
}
