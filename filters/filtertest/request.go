package filtertest

import (
	"cmp"
	"strconv"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Request is what a client sends, and how its upstream would answer.
type Request struct {
	Method    string // default GET
	Path      string // with its query; default /
	Authority string // default example.test
	Headers   [][2]string
	Body      string
	// Parts are a body that comes in several; they replace Body.
	Parts    []string
	Trailers [][2]string
	// Properties are the proxy's attributes, by their dotted name:
	// "source.address". Written ones replace them. A name whose parts have dots
	// themselves is parted by zeros instead.
	Properties map[string]string
	// The upstream's answer. Status is 200 by default.
	Status           int
	ResponseHeaders  [][2]string
	ResponseBody     string
	ResponseParts    []string
	ResponseTrailers [][2]string
	// Upstream, if there is one, answers instead: it is told what went
	// upstream.
	Upstream func(headers *sdk.HeaderList, body string) (status int, responseHeaders [][2]string, responseBody string)
}

// Result is what a filter made of a request.
type Result struct {
	Request  *sdk.HeaderList // as it goes upstream
	Response *sdk.HeaderList // as it goes downstream; nil if the filter paused the request
	Body     string          // of the request, upstream
	// ResponseBody goes downstream.
	ResponseBody     string
	RequestTrailers  *sdk.HeaderList   // nil: none
	ResponseTrailers *sdk.HeaderList   // nil: none
	Properties       map[string]string // those that the filter wrote
	Reply            *sdk.Reply        // the filter's own answer; nil: upstream answered
	Paused           bool              // the filter holds the stream and has not replied
	RouteCleared     bool              // the route is chosen again
	Log              []Line
}

// Line is one of the filter's log lines; what it prints itself is of
// sdk.Info.
type Line struct {
	Level sdk.Level
	Text  string
}

// Request runs one request through the filter, to its end; calls that it makes
// are answered by the module's Services. A trap is an error; the module is
// then of no more use.
func (p *Plugin) Request(r Request) (Result, error) {
	p.module.host.begin()
	s, err := p.Open(r)
	if err != nil {
		return s.result(), err
	}
	for s.Paused() {
		answered, err := p.module.Deliver()
		if err != nil {
			return s.result(), err
		}
		if answered == 0 {
			break
		}
	}
	return s.Close()
}

func (r *Request) half() half {
	return half{
		headers: sdk.NewHeaderList(append([][2]string{
			{":method", cmp.Or(r.Method, "GET")},
			{":path", cmp.Or(r.Path, "/")},
			{":authority", cmp.Or(r.Authority, "example.test")},
			{":scheme", "http"},
		}, r.Headers...)...),
		parts: parts(r.Parts, r.Body), trailers: trailersOf(r.Trailers), names: requestNames,
	}
}

// answer is what the upstream says to what reached it.
func (r *Request) answer(headers *sdk.HeaderList, body string) half {
	if r.Upstream == nil {
		return response(r.Status, r.ResponseHeaders, parts(r.ResponseParts, r.ResponseBody), r.ResponseTrailers)
	}
	status, responseHeaders, responseBody := r.Upstream(headers, body)
	return response(status, responseHeaders, parts(nil, responseBody), nil)
}

// response is an answer; a status of 0 is 200.
func response(status int, headers [][2]string, parts []string, trailers [][2]string) half {
	if status == 0 {
		status = 200
	}
	first := [2]string{":status", strconv.Itoa(status)}
	return half{
		headers: sdk.NewHeaderList(append([][2]string{first}, headers...)...),
		parts:   parts, trailers: trailersOf(trailers), names: responseNames,
	}
}

func parts(several []string, one string) []string {
	if several == nil && one != "" {
		return []string{one}
	}
	return several
}

func trailersOf(pairs [][2]string) *sdk.HeaderList {
	if pairs == nil {
		return nil
	}
	return sdk.NewHeaderList(pairs...)
}
