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
	// OnDone is the end of the stream; nothing can be changed any more.
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
	// Stop keeps it here: the filter has replied.
	Stop
)

// Root is a kind of filter that a module offers.
type Root struct {
	// ID is the root_id that a binding names. The only root of a module may
	// leave it empty: then it answers to every root_id.
	ID string
	// New reads a binding's configuration. An error refuses the binding; its
	// text, one field path a line, goes to the proxy's log.
	New func(config []byte) (Filter, error)
}
