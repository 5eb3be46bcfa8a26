package vm

// RequestTrailers is a request's end, where it has trailers.
func RequestTrailers(id uint32) uint32 {
	defer trapped()
	s := alive(id)
	if s.plugin.requestTrailers == nil {
		return s.request.held()
	}
	outer, outerActive := s.decide()
	action := s.action(&s.request, s.plugin.requestTrailers.OnRequestTrailers(s))
	leave(outer, outerActive)
	return action
}

// ResponseTrailers is an answer's end, where it has trailers.
func ResponseTrailers(id uint32) uint32 {
	defer trapped()
	s := alive(id)
	if s.plugin.responseTrailers == nil {
		return s.response.held()
	}
	outer, outerActive := s.decide()
	action := s.action(&s.response, s.plugin.responseTrailers.OnResponseTrailers(s))
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
