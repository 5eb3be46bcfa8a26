package sdk

import "time"

// Host is the proxy, as one binding of a filter sees it: what does not belong
// to a single request. New gets it, and may keep it.
type Host interface {
	// Clock is the proxy's clock, in nanoseconds since 1970; see Now.
	Clock() int64
	// Log writes a line to the proxy's log.
	Log(level Level, text string)
	// Property reads an attribute that needs no request: ("node", "id").
	Property(path ...string) (value string, ok bool)
	// HTTP and GRPC call other services, without a request; see Caller.
	Caller
	// Counter, Gauge and Histogram define a metric, or find the one of this
	// name. Define it in New: each definition asks the proxy.
	Counter(name string) Counter
	Gauge(name string) Gauge
	Histogram(name string) Histogram
	// Shared gives the data that all workers of a VM id share.
	Shared() Shared
	// RegisterQueue makes a queue, or finds it; OnQueue then tells of items.
	RegisterQueue(name string) (id uint32, ok bool)
	// ResolveQueue finds a queue of another VM id.
	ResolveQueue(vmID, name string) (id uint32, ok bool)
	// Enqueue appends an item; Dequeue takes the oldest.
	Enqueue(id uint32, item []byte) bool
	Dequeue(id uint32) (item []byte, ok bool)
	// TickEvery has OnTick called at a period; 0 stops it.
	TickEvery(time.Duration)
	// Foreign calls a function that the proxy offers by name.
	Foreign(name string, argument []byte) ([]byte, error)
}

// Counter only grows.
type Counter interface{ Add(n uint64) }

// Gauge goes up and down.
type Gauge interface {
	Set(n uint64)
	Add(n int64)
}

// Histogram takes single values.
type Histogram interface{ Record(n uint64) }

// Shared is data that outlives a request and a worker, not the proxy. Values
// never expire: write bounded keys only.
type Shared interface {
	// Get finds a value, and the number to Set it by.
	Get(key string) (value []byte, cas uint32, ok bool)
	// Set writes a value. It refuses if another wrote since Get gave cas; 0
	// writes in any case.
	Set(key string, value []byte, cas uint32) bool
}

// Now is the proxy's clock as Go knows it. It is no method of Host: a time.Time
// that an interface or a filter holds brings 100 kB of time formats along.
func Now(h Host) time.Time { return time.Unix(0, h.Clock()) }
