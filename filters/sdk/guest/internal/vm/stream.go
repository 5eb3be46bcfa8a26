package vm

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

// stream is one request, to the proxy and to the filter.
type stream struct {
	context
	request, response flow
	replied           bool
	deciding          bool   // a callback runs that answers an action
	refused           string // the first change in it that the proxy refused
	kept              bool   // the filter may still hold it: it is never used again
	over              bool   // nothing can be changed any more
}

// flow is one direction of a stream.
type flow struct {
	ends    bool // with its headers
	paused  bool
	resumed bool // before the callback that pauses it returned
	size    int  // of the body that the proxy holds
	waits   bool // the filter is asked about parts though it has paused
	came    bool // parts came that it was not asked about: it has paused at the headers
	ended   bool // the last of them
}

// hold keeps a part from a filter that has paused at the headers. To go on with
// a part would be to go on with the headers, where the proxy lets parts come
// though they are paused.
func (f *flow) hold(size int, end bool) (action uint32, held bool) {
	f.size = size
	if !f.paused || f.waits {
		return abi.Continue, false
	}
	f.came, f.ended = true, end
	return abi.Pause, true
}

var _ sdk.Stream = (*stream)(nil)

var (
	streams table[stream]
	// idle are streams to use again.
	idle []*stream
)

// alive finds a stream. One that is not there is a fault that must not let a
// request pass: it traps.
func alive(id uint32) *stream {
	s := streams.get(id)
	if s == nil {
		panic("the proxy calls a stream that it did not create")
	}
	return s
}

func newStream(id uint32, p *plugin) {
	var s *stream
	if n := len(idle); n > 0 {
		s, idle = idle[n-1], idle[:n-1]
	} else {
		s = &stream{}
	}
	s.id, s.plugin = id, p
	streams.put(id, s)
}

// recycle takes a stream back, unless a filter could still hold it: then
// another request would get what it does.
func (s *stream) recycle() {
	kept := s.kept
	s.end()
	*s = stream{context: context{calls: s.calls}}
	if !kept {
		idle = append(idle, s)
	}
}

// Delete ends a context of any kind.
func Delete(id uint32) {
	defer trapped()
	outer, outerActive := enter(id)
	if s := streams.remove(id); s != nil {
		s.over = true
		s.filter.OnDone(s)
		s.recycle()
	} else if !deleteConn(id) {
		plugins.remove(id)
	}
	leave(outer, outerActive)
}

// RequestHeaders is a request's beginning.
func RequestHeaders(id, end uint32) uint32 {
	defer trapped()
	s := alive(id)
	s.request.ends = end != 0
	outer, outerActive := s.decide()
	action := s.action(&s.request, s.filter.OnRequest(s))
	leave(outer, outerActive)
	return action
}

// ResponseHeaders is an answer's beginning.
func ResponseHeaders(id uint32) uint32 {
	defer trapped()
	s := alive(id)
	outer, outerActive := s.decide()
	action := s.action(&s.response, s.filter.OnResponse(s))
	leave(outer, outerActive)
	return action
}

// decide begins a callback that answers an action.
func (s *stream) decide() (outer, outerActive uint32) {
	s.deciding = true
	return enter(s.id)
}

// action ends the request where a change was refused: a filter that could not
// remove a header must not let it pass.
func (s *stream) action(f *flow, v sdk.Verdict) uint32 {
	s.deciding = false
	resumed := f.resumed
	f.paused, f.resumed, f.waits = false, false, false
	if s.refused != "" {
		s.refuse()
		return abi.Pause
	}
	switch v {
	case sdk.Continue:
		return abi.Continue
	case sdk.Pause, sdk.AwaitBody:
		if resumed {
			return abi.Continue
		}
		f.paused, f.waits, s.kept = true, v == sdk.AwaitBody, true
	case sdk.Stop:
		if !s.replied { // else the request would hang
			s.refused = "nothing: the filter stopped the request without a reply"
			s.refuse()
		}
	}
	return abi.Pause
}

// check ends the request for a change that failed: when the filter's verdict
// is asked for, or at once where nobody asks.
func (s *stream) check(doing, name string, status abi.Status) {
	if status == abi.OK || s.refused != "" {
		return
	}
	s.refused = doing + " " + name + ": " + status.Error()
	if !s.deciding {
		s.refuse()
	}
}

func (s *stream) refuse() {
	say(sdk.Error, "the proxy refused "+s.refused)
	s.refused = ""
	s.send(sdk.Reply{Status: 500, Details: "filter_change_refused"})
}

func (s *stream) send(r sdk.Reply) {
	if s.over {
		return
	}
	s.replied = true
	if status := abi.Reply(r.Status, r.Details, r.Body, r.Headers); status != abi.OK {
		say(sdk.Error, "the proxy refused a reply: "+status.Error())
	}
}
