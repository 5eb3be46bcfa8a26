package filtertest

import "github.com/krater-mesh/krater/filters/sdk"

// half is one direction of a stream: headers, then the body's parts, then
// trailers.
type half struct {
	names
	headers  *sdk.HeaderList
	parts    []string // that are still to come
	trailers *sdk.HeaderList

	began, paused, done bool
	ended               bool   // the last callback was called
	passed              string // of the body, through the filter
}

// names are a half's callbacks and numbers.
type names struct {
	onHeaders, onBody, onTrailers string
	headerMap, trailerMap, buffer uint32
}

var (
	requestNames = names{
		"proxy_on_request_headers", "proxy_on_request_body", "proxy_on_request_trailers",
		mapRequest, mapRequestTrailers, bufferRequest,
	}
	responseNames = names{
		"proxy_on_response_headers", "proxy_on_response_body", "proxy_on_response_trailers",
		mapResponse, mapResponseTrailers, bufferResponse,
	}
)

const pause = 1 // proxy-wasm's action

// run calls a half's callbacks until the filter pauses it, or replies.
func (s *Stream) run(h *half) error {
	before := s.reply
	for !h.done && s.reply == before && (!h.paused || s.partComes(h)) {
		var err error
		switch {
		case !h.began:
			err = s.begin(h)
		case len(h.parts) > 0:
			err = s.part(h)
		case h.trailers != nil && !h.ended:
			err = s.end(h)
		default:
			h.pass(s.ctx)
			h.done = true
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// partComes tells whether a half that is paused at its headers gets more.
func (s *Stream) partComes(h *half) bool {
	return s.plugin.BodiesCome && h.began && (len(h.parts) > 0 || h.trailers != nil && !h.ended)
}

func (s *Stream) call(name string, args ...uint64) (action uint64, err error) {
	out, err := s.plugin.module.call(name, s.id, args...)
	if out == absent {
		out = 0
	}
	return out, err
}

func (s *Stream) begin(h *half) error {
	h.began = true
	s.ctx.maps[h.headerMap] = h.headers
	action, err := s.call(h.onHeaders, uint64(len(h.headers.All())), flag(len(h.parts) == 0 && h.trailers == nil))
	if h.paused = action == pause; !h.paused {
		delete(s.ctx.maps, h.headerMap)
	}
	return err
}

// part shows the filter one more part, and those that it holds. A body that it
// holds does not stop the next part from coming.
func (s *Stream) part(h *half) error {
	s.ctx.buffers[h.buffer] = append(s.ctx.buffers[h.buffer], h.parts[0]...)
	h.parts = h.parts[1:]
	end := len(h.parts) == 0 && h.trailers == nil
	action, err := s.call(h.onBody, uint64(len(s.ctx.buffers[h.buffer])), flag(end))
	if action != pause {
		h.pass(s.ctx)
	}
	h.paused = action == pause && (end || h.paused)
	return err
}

func (s *Stream) end(h *half) error {
	h.ended = true
	s.ctx.maps[h.trailerMap] = h.trailers
	action, err := s.call(h.onTrailers, uint64(len(h.trailers.All())))
	if h.paused = action == pause; !h.paused {
		delete(s.ctx.maps, h.trailerMap)
	}
	return err
}

// pass lets what the filter held go on.
func (h *half) pass(c *hostContext) {
	h.passed += string(c.buffers[h.buffer])
	delete(c.buffers, h.buffer)
	delete(c.maps, h.headerMap)
}

func flag(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
