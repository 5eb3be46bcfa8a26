// Package sdk is what a filter is written against: a Filter sees Streams, and
// a Decoder reads its configuration. It knows nothing of Wasm, so filters are
// tested as plain Go; package guest joins them to the proxy. It never
// imports encoding/json, fmt or reflect: a module stays small.
package sdk

// Filter is one configured filter: one value for each binding, for all its
// requests. Within a proxy's worker its methods are never called at once, and
// they must not wait: no sleeping, no goroutine left behind.
type Filter interface {
	// OnRequest sees the request's headers before they go upstream.
	OnRequest(Stream) Verdict
	// OnResponse sees the answer's headers before they go downstream.
	OnResponse(Stream) Verdict
	// OnDone is the end of the stream: headers and bodies are gone, and what
	// was kept of it must go now. Whoever wants to read them once more
	// implements Log.
	OnDone(Stream)
}

// Base does nothing. Embed it and write only the methods you need.
type Base struct{}

var _ Filter = Base{}

// OnRequest implements Filter.
func (Base) OnRequest(Stream) Verdict { return Continue }

// OnResponse implements Filter.
func (Base) OnResponse(Stream) Verdict { return Continue }

// OnDone implements Filter.
func (Base) OnDone(Stream) {}

// Verdict is what becomes of a stream after a filter saw it.
type Verdict uint8

const (
	// Continue hands the stream to the next filter.
	Continue Verdict = iota
	// Stop ends it here: the filter has replied.
	Stop
	// Pause holds it until the filter replies or resumes it. Of a body, it
	// holds what came so far: the filter is asked again when there is more.
	Pause
	// AwaitBody, of OnRequest, holds the headers until OnRequestBody lets them
	// go on. Only bindings for which the proxy lets bodies come meanwhile
	// (allow_on_headers_stop_iteration) may give it, else it is Pause.
	AwaitBody
)
