package serve

import (
	"context"
	"time"
)

// Cause is why a set was published: an edit's id, and the context that
// carries its trace. The server only hands it on to Observe.
type Cause struct {
	Edit    string
	Context context.Context
	At      time.Time // when the edit was seen; Publish sets it where it is zero
}

// EventKind says what happened on a stream.
type EventKind string

// The kinds of events, in the order in which an edit goes through them.
const (
	EventConnected    EventKind = "connected"
	EventDisconnected EventKind = "disconnected"
	EventSent         EventKind = "sent"
	EventAcked        EventKind = "acked"
	EventNacked       EventKind = "nacked"
	// EventSettled: the proxy has all of the newest set, but for what it
	// refused (Names). It comes once for every set that was not overtaken.
	EventSettled EventKind = "settled"
)

// Event is something that happened between the server and one proxy.
type Event struct {
	Kind     EventKind
	Node     string
	Type     string        // type URL; empty for connected, disconnected, settled
	Names    []string      // resources sent, acknowledged or refused, sorted
	Removed  []string      // resources removed, or answered as unknown, sorted
	Bytes    int           // of the resources sent
	Detail   string        // a refusal's error detail
	Causes   []Cause       // the edits since the proxy last settled, oldest first
	Duration time.Duration // acked, nacked: since sent; settled: since the oldest cause
	At       time.Time
}
