// Package sdktest is an sdk.Stream and an sdk.Host in memory, to test a filter
// as plain Go: the clock stands, and calls are answered when the test says so.
// It never runs Wasm: package filtertest does.
package sdktest

import (
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Stream records what a filter does.
type Stream struct {
	RequestHeaders, ResponseHeaders *sdk.HeaderList
	// RequestEnd and ResponseEnd are the trailers.
	RequestEnd, ResponseEnd   *sdk.HeaderList
	RequestData, ResponseData *sdk.Buffer // the bodies, as far as they came
	// Ends is what RequestEnds gives: true at first.
	Ends bool
	// Properties are the proxy's, by dotted name: "source.address".
	Properties map[string]string
	Written    map[string]string // properties that the filter set
	Answer     *sdk.Reply        // the filter's own; nil if it gave none
	Lines      []string          // of its log

	// ResumedRequest and ResumedResponse count what the filter let go on.
	ResumedRequest, ResumedResponse int
	RouteCacheCleared               int

	host  *Host
	local any
	over  bool
}

var _ sdk.Stream = (*Stream)(nil)

// NewStream is a request with these headers, and an answer of status 200, on a
// Host of its own.
func NewStream(headers ...[2]string) *Stream { return NewHost().NewStream(headers...) }

// NewStream is a request on this Host.
func (h *Host) NewStream(headers ...[2]string) *Stream {
	return &Stream{
		RequestHeaders:  sdk.NewHeaderList(headers...),
		ResponseHeaders: sdk.NewHeaderList([2]string{":status", "200"}),
		RequestEnd:      sdk.NewHeaderList(),
		ResponseEnd:     sdk.NewHeaderList(),
		RequestData:     sdk.NewBuffer(""),
		ResponseData:    sdk.NewBuffer(""),
		Properties:      map[string]string{},
		Written:         map[string]string{},
		Ends:            true,
		host:            h,
	}
}

// End is the end of the stream: answers of its calls never reach it.
func (s *Stream) End() { s.over = true }

// Request implements sdk.Stream.
func (s *Stream) Request() sdk.Headers { return s.RequestHeaders }

// Response implements sdk.Stream.
func (s *Stream) Response() sdk.Headers { return s.ResponseHeaders }

// RequestEnds implements sdk.Stream.
func (s *Stream) RequestEnds() bool { return s.Ends }

// RequestTrailers implements sdk.Stream.
func (s *Stream) RequestTrailers() sdk.Headers { return s.RequestEnd }

// ResponseTrailers implements sdk.Stream.
func (s *Stream) ResponseTrailers() sdk.Headers { return s.ResponseEnd }

// RequestBody implements sdk.Stream.
func (s *Stream) RequestBody() sdk.Body { return s.RequestData }

// ResponseBody implements sdk.Stream.
func (s *Stream) ResponseBody() sdk.Body { return s.ResponseData }

// ResumeRequest implements sdk.Stream.
func (s *Stream) ResumeRequest() { s.ResumedRequest++ }

// ResumeResponse implements sdk.Stream.
func (s *Stream) ResumeResponse() { s.ResumedResponse++ }

// ClearRouteCache implements sdk.Stream.
func (s *Stream) ClearRouteCache() { s.RouteCacheCleared++ }

// Property implements sdk.Context.
func (s *Stream) Property(path ...string) (string, bool) {
	v, ok := s.Properties[strings.Join(path, ".")]
	return v, ok
}

// SetProperty implements sdk.Context.
func (s *Stream) SetProperty(name, value string) { s.Written[name] = value }

// Reply implements sdk.Stream.
func (s *Stream) Reply(r sdk.Reply) sdk.Verdict {
	s.Answer = &r
	return sdk.Stop
}

// Local implements sdk.Context.
func (s *Stream) Local() any { return s.local }

// SetLocal implements sdk.Context.
func (s *Stream) SetLocal(v any) { s.local = v }

// Log implements sdk.Context.
func (s *Stream) Log(_ sdk.Level, text string) { s.Lines = append(s.Lines, text) }

// Host implements sdk.Context.
func (s *Stream) Host() sdk.Host { return s.host }

// HTTP implements sdk.Caller.
func (s *Stream) HTTP(c sdk.HTTPCall, done func(sdk.HTTPAnswer)) error {
	return s.host.http(c, &s.over, done)
}

// GRPC implements sdk.Caller.
func (s *Stream) GRPC(c sdk.GRPCCall, done func(sdk.GRPCAnswer)) (func(), error) {
	return s.host.grpc(c, &s.over, done)
}
