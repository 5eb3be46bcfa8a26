package vm

import "github.com/krater-mesh/krater/filters/sdk"

// RequestTrailers is a request's end, where it has trailers. Then no part of the
// body was its last: a filter that waits for it is asked about it now.
func RequestTrailers(id uint32) uint32 {
	defer trapped()
	s := alive(id)
	outer, outerActive := s.decide()
	v := sdk.Continue
	switch {
	case s.request.waits:
		v = s.requestBody.OnRequestBody(s, true)
	case s.request.paused: // at the headers
		v = sdk.Pause
	}
	if s.plugin.requestTrailers != nil && (v == sdk.Continue || !s.request.waits) {
		v = s.plugin.requestTrailers.OnRequestTrailers(s)
	}
	action := s.action(&s.request, v)
	leave(outer, outerActive)
	return action
}

// ResponseTrailers is an answer's end, where it has trailers. Then no part of the
// body was its last: a filter that waits for it is asked about it now.
func ResponseTrailers(id uint32) uint32 {
	defer trapped()
	s := alive(id)
	outer, outerActive := s.decide()
	v := sdk.Continue
	switch {
	case s.response.waits:
		v = s.responseBody.OnResponseBody(s, true)
	case s.response.paused: // at the headers
		v = sdk.Pause
	}
	if s.plugin.responseTrailers != nil && (v == sdk.Continue || !s.response.waits) {
		v = s.plugin.responseTrailers.OnResponseTrailers(s)
	}
	action := s.action(&s.response, v)
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
