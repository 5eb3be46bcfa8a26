// Package sdktest is an sdk.Stream in memory, to test a filter as plain Go.
// It never runs Wasm: package filtertest does.
package sdktest

import (
	"strings"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Stream records what a filter does.
type Stream struct {
	RequestHeaders, ResponseHeaders *sdk.HeaderList
	// Properties are the proxy's, by dotted name: "source.address".
	Properties map[string]string
	Written    map[string]string // properties that the filter set
	Answer     *sdk.Reply        // the filter's own; nil if it gave none
	Lines      []string          // of its log

	local any
}

var _ sdk.Stream = (*Stream)(nil)

// NewStream is a request with these headers, and an answer of status 200.
func NewStream(headers ...[2]string) *Stream {
	return &Stream{
		RequestHeaders:  sdk.NewHeaderList(headers...),
		ResponseHeaders: sdk.NewHeaderList([2]string{":status", "200"}),
		Properties:      map[string]string{},
		Written:         map[string]string{},
	}
}

// Request implements sdk.Stream.
func (s *Stream) Request() sdk.Headers { return s.RequestHeaders }

// Response implements sdk.Stream.
func (s *Stream) Response() sdk.Headers { return s.ResponseHeaders }

// Property implements sdk.Stream.
func (s *Stream) Property(path ...string) (string, bool) {
	v, ok := s.Properties[strings.Join(path, ".")]
	return v, ok
}

// SetProperty implements sdk.Stream.
func (s *Stream) SetProperty(name, value string) { s.Written[name] = value }

// Reply implements sdk.Stream.
func (s *Stream) Reply(r sdk.Reply) sdk.Verdict {
	s.Answer = &r
	return sdk.Stop
}

// Local implements sdk.Stream.
func (s *Stream) Local() any { return s.local }

// SetLocal implements sdk.Stream.
func (s *Stream) SetLocal(v any) { s.local = v }

// Log implements sdk.Stream.
func (s *Stream) Log(_ sdk.Level, text string) { s.Lines = append(s.Lines, text) }
