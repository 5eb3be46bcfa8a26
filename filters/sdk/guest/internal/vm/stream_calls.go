package vm

import (
	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

// Request implements sdk.Stream.
func (s *stream) Request() sdk.Headers { return (*requestHeaders)(s) }

// Response implements sdk.Stream.
func (s *stream) Response() sdk.Headers { return (*responseHeaders)(s) }

// RequestTrailers implements sdk.Stream.
func (s *stream) RequestTrailers() sdk.Headers { return (*requestTrailers)(s) }

// ResponseTrailers implements sdk.Stream.
func (s *stream) ResponseTrailers() sdk.Headers { return (*responseTrailers)(s) }

// RequestBody implements sdk.Stream.
func (s *stream) RequestBody() sdk.Body { return (*requestBody)(s) }

// ResponseBody implements sdk.Stream.
func (s *stream) ResponseBody() sdk.Body { return (*responseBody)(s) }

// SetProperty implements sdk.Context.
func (s *stream) SetProperty(name, value string) {
	if s.activate() {
		s.check("setting property", name, abi.SetProperty(name, value))
	}
}

// RequestEnds implements sdk.Stream.
func (s *stream) RequestEnds() bool { return s.request.ends }

// Reply implements sdk.Stream.
func (s *stream) Reply(r sdk.Reply) sdk.Verdict {
	if s.replied || s.over { // the proxy takes one reply, and would wait for more after Stop
		say(sdk.Warn, "a reply comes too late, and is left out")
		return sdk.Continue
	}
	if s.activate() {
		s.send(r)
	}
	return sdk.Stop
}

// ResumeRequest implements sdk.Stream.
func (s *stream) ResumeRequest() {
	if s.resumes(&s.request) && s.caughtUp(&s.request, s.plugin.requestBody) {
		abi.Resume(abi.Request)
	}
}

// ResumeResponse implements sdk.Stream.
func (s *stream) ResumeResponse() {
	if s.resumes(&s.response) && s.caughtUp(&s.response, s.plugin.responseBody) {
		abi.Resume(abi.Response)
	}
}

// resumes tells whether the proxy is to let a flow go on: never behind a
// reply. Within a callback that takes a verdict it only undoes the pause.
func (s *stream) resumes(f *flow) bool {
	switch {
	case s.id == 0 || s.replied || s.over:
		return false
	case s.deciding:
		f.resumed = true
		return false
	case !f.paused || !s.activate():
		return false
	}
	f.paused, f.waits = false, false
	return true
}

// caughtUp shows the filter the parts that came while it had paused at the
// headers, and tells whether it lets them go on.
func (s *stream) caughtUp(f *flow, ask func(sdk.Stream, bool) sdk.Verdict) bool {
	if !f.came || ask == nil {
		return true
	}
	f.came, s.deciding = false, true
	f.waits = s.action(f, ask(s, f.ended)) == abi.Pause
	return !f.waits
}

// ClearRouteCache implements sdk.Stream. The proxy's own function works on the
// callback's context only, not on the effective one. In another's callback a
// change that changes nothing does the same.
func (s *stream) ClearRouteCache() {
	if current == s.id {
		_, status := abi.Foreign("clear_route_cache", nil)
		s.check("clearing", "the route", status)
	} else if s.activate() {
		s.check("clearing", "the route", abi.RemoveHeader(abi.RequestHeaders, "x-krater-no-such-header"))
	}
}
