package vm

import (
	"errors"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

var _ sdk.Host = (*plugin)(nil)

// Clock implements sdk.Host.
func (p *plugin) Clock() int64 { return time.Now().UnixNano() }

// Log implements sdk.Host.
func (p *plugin) Log(level sdk.Level, text string) { say(min(level, sdk.Error), text) }

// Property implements sdk.Host.
func (p *plugin) Property(path ...string) (string, bool) {
	v, s := abi.Property(path)
	return v, s == abi.OK
}

// HTTP implements sdk.Caller.
func (p *plugin) HTTP(c sdk.HTTPCall, done func(sdk.HTTPAnswer)) error { return p.http(nil, c, done) }

// GRPC implements sdk.Caller.
func (p *plugin) GRPC(c sdk.GRPCCall, done func(sdk.GRPCAnswer)) (func(), error) {
	return p.grpc(nil, c, done)
}

// TickEvery implements sdk.Host.
func (p *plugin) TickEvery(d time.Duration) {
	p.need(Timers, "it asks for ticks")
	p.period = d
	if status := abi.TickEvery(uint32((d + time.Millisecond - 1) / time.Millisecond)); status != abi.OK {
		say(sdk.Error, "the proxy refused ticks: "+status.Error())
	}
}

// need notes a part that the filter asks for while it is made; later it is an
// error of the call.
func (p *plugin) need(part Part, what string) error {
	text := missing(part, what)
	if text == "" {
		return nil
	}
	p.lacks = text
	return errors.New(text)
}

// Foreign implements sdk.Host.
func (p *plugin) Foreign(name string, argument []byte) ([]byte, error) {
	result, status := abi.Foreign(name, argument)
	if status != abi.OK {
		return nil, errors.New("calling " + name + ": " + status.Error())
	}
	return result, nil
}

// Shared implements sdk.Host.
func (p *plugin) Shared() sdk.Shared { return shared{} }

type shared struct{}

func (shared) Get(key string) ([]byte, uint32, bool) {
	value, cas, status := abi.Shared(key)
	return value, cas, status == abi.OK
}

func (shared) Set(key string, value []byte, cas uint32) bool {
	return abi.SetShared(key, value, cas) == abi.OK
}

// RegisterQueue implements sdk.Host.
func (p *plugin) RegisterQueue(name string) (uint32, bool) {
	id, status := abi.RegisterQueue(name)
	return id, status == abi.OK
}

// ResolveQueue implements sdk.Host.
func (p *plugin) ResolveQueue(vmID, name string) (uint32, bool) {
	id, status := abi.ResolveQueue(vmID, name)
	return id, status == abi.OK
}

// Enqueue implements sdk.Host.
func (p *plugin) Enqueue(id uint32, item []byte) bool { return abi.Enqueue(id, item) == abi.OK }

// Dequeue implements sdk.Host.
func (p *plugin) Dequeue(id uint32) ([]byte, bool) {
	item, status := abi.Dequeue(id)
	return item, status == abi.OK
}

// Counter implements sdk.Host.
func (p *plugin) Counter(name string) sdk.Counter { return counter(define(abi.Counter, name)) }

// Gauge implements sdk.Host.
func (p *plugin) Gauge(name string) sdk.Gauge { return gauge(define(abi.Gauge, name)) }

// Histogram implements sdk.Host.
func (p *plugin) Histogram(name string) sdk.Histogram { return histogram(define(abi.Histogram, name)) }

func define(kind abi.Metric, name string) uint32 {
	id, status := abi.Define(kind, name)
	if status != abi.OK {
		say(sdk.Error, "the proxy refused metric "+name+": "+status.Error())
	}
	return id
}

type (
	counter   uint32
	gauge     uint32
	histogram uint32
)

func (c counter) Add(n uint64) {
	if n > 0 { // the proxy takes 0 for an error
		abi.Increment(uint32(c), int64(n))
	}
}

func (g gauge) Set(n uint64) { abi.Record(uint32(g), n) }

func (g gauge) Add(n int64) { abi.Increment(uint32(g), n) }

func (h histogram) Record(n uint64) { abi.Record(uint32(h), n) }
