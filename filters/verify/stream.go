package verify

import "context"

const pause = 1 // proxy-wasm's action

// life is one request or connection, from its context to the end of it.
type life struct {
	*vm
	ctx    context.Context
	id     uint64
	root   uint64
	paused bool
	err    error
}

func (v *vm) life(ctx context.Context, root uint64) *life {
	v.host.begin()
	l := &life{vm: v, ctx: ctx, root: root}
	l.id, l.err = v.newContext(ctx, root)
	return l
}

// do runs a callback, then those of the calls that it made. It tells whether
// the stream goes on.
func (l *life) do(name string, args ...uint64) bool {
	if l.err != nil {
		return false
	}
	before := l.host.stream.replied
	out, err := l.call(l.ctx, name, append([]uint64{l.id}, args...)...)
	l.err = err
	l.paused = l.exports(name) && out == pause
	l.answerCalls()
	if l.paused && l.err == nil && len(l.host.stream.pending) == 0 {
		l.paused = false // the answer let it go on, or a client that waits goes on sending
	}
	return l.err == nil && l.host.stream.replied == before
}

// answerCalls answers the calls that wait: each other one fails.
func (l *life) answerCalls() {
	for n := 0; len(l.host.stream.pending) > 0 && n < maxPending && l.err == nil; n++ {
		p := l.host.stream.pending[0]
		l.host.stream.pending = l.host.stream.pending[1:]
		good := p.id%2 == 0
		if p.grpc {
			l.answerGRPC(p, good)
		} else {
			l.answerHTTP(p, good)
		}
	}
	l.host.stream.pending = nil
}

func (l *life) answerHTTP(p pending, good bool) {
	s := &l.host.stream
	var headers, size uint64
	if good {
		s.headers[mapAnswer] = [][2]string{{":status", "200"}, {"content-type", "application/json"}}
		s.buffers[bufferAnswer] = []byte(`{"ok":true}`)
		headers, size = 2, uint64(len(s.buffers[bufferAnswer]))
	}
	_, l.err = l.call(l.ctx, "proxy_on_http_call_response", l.root, uint64(p.id), headers, size, 0)
	delete(s.headers, mapAnswer)
	delete(s.buffers, bufferAnswer)
}

func (l *life) answerGRPC(p pending, good bool) {
	status := uint64(14) // unavailable
	if good {
		status = 0
		l.host.stream.buffers[bufferMessage] = []byte{0x0a, 2, 'o', 'k'}
		_, l.err = l.call(l.ctx, "proxy_on_grpc_receive", l.root, uint64(p.id), 4)
		delete(l.host.stream.buffers, bufferMessage)
	}
	if l.err == nil {
		_, l.err = l.call(l.ctx, "proxy_on_grpc_close", l.root, uint64(p.id), status)
	}
}

// end runs what Envoy runs when a stream is over.
func (l *life) end() error {
	l.do("proxy_on_log")
	l.do("proxy_on_done")
	l.do("proxy_on_delete")
	if l.err == nil && l.host.ticks {
		_, l.err = l.call(l.ctx, "proxy_on_tick", l.root)
	}
	for i, q := range l.host.queues {
		if l.err == nil && len(q.items) > 0 {
			_, l.err = l.call(l.ctx, "proxy_on_queue_ready", l.root, uint64(i+1))
		}
	}
	return l.err
}

// request runs one request through the filter.
func (v *vm) request(ctx context.Context, root uint64, r exchange) error {
	l := v.life(ctx, root)
	s := &v.host.stream
	if r.noHeaders {
		return l.end()
	}
	s.headers[mapRequest] = r.request
	r.properties(s.properties)
	if l.message("request", bufferRequest, mapRequest, r.requestBody, r.trailers) && !r.cancelled {
		s.headers[mapResponse] = r.response
		l.message("response", bufferResponse, mapResponse, r.responseBody, r.trailers)
	} else if s.replied {
		l.message("response", bufferResponse, mapResponse, []string{string(s.buffers[bufferResponse])}, nil)
	}
	return l.end()
}

// message runs one half of a request: headers, body in chunks, trailers.
func (l *life) message(half string, buffer, headers uint32, body []string, trailers [][2]string) bool {
	s := &l.host.stream
	bare := flag(len(body) == 0 && trailers == nil)
	if !l.do("proxy_on_"+half+"_headers", uint64(len(s.headers[headers])), bare) {
		return false
	}
	for i, chunk := range body {
		last := i == len(body)-1 && trailers == nil
		s.buffers[buffer] = []byte(chunk)
		if !l.do("proxy_on_"+half+"_body", uint64(len(chunk)), flag(last)) {
			return false
		}
	}
	if trailers != nil {
		s.headers[headers+1] = trailers
		return l.do("proxy_on_"+half+"_trailers", uint64(len(trailers)))
	}
	return true
}

// connection runs one connection through the filter.
func (v *vm) connection(ctx context.Context, root uint64, r exchange) error {
	l := v.life(ctx, root)
	s := &v.host.stream
	r.properties(s.properties)
	goes := l.do("proxy_on_new_connection")
	for _, chunk := range r.requestBody {
		s.buffers[bufferDownstream] = []byte(chunk)
		goes = goes && l.do("proxy_on_downstream_data", uint64(len(chunk)), 0)
	}
	for _, chunk := range r.responseBody {
		s.buffers[bufferUpstream] = []byte(chunk)
		goes = goes && l.do("proxy_on_upstream_data", uint64(len(chunk)), 0)
	}
	s.buffers[bufferDownstream], s.buffers[bufferUpstream] = nil, nil
	if !r.cancelled {
		l.do("proxy_on_downstream_data", 0, 1)
		l.do("proxy_on_upstream_data", 0, 1)
	}
	l.do("proxy_on_downstream_connection_close", 1+flag(r.cancelled))
	l.do("proxy_on_upstream_connection_close", 1)
	return l.end()
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
