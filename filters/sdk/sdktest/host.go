package sdktest

import (
	"errors"
	"strings"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
)

// Host is a proxy in memory.
type Host struct {
	// Time is what Clock gives; move it yourself.
	Time       time.Time
	Lines      []string          // of its log
	Properties map[string]string // by dotted name
	Counters   map[string]uint64
	Gauges     map[string]uint64
	Histograms map[string][]uint64
	Period     time.Duration // of ticks
	// AnswerHTTP and AnswerGRPC answer calls; nil: every call fails at once.
	AnswerHTTP func(sdk.HTTPCall) sdk.HTTPAnswer
	AnswerGRPC func(sdk.GRPCCall) sdk.GRPCAnswer
	// Functions are those that Foreign finds.
	Functions map[string]func([]byte) ([]byte, error)

	shared shared
	queues queues
	out    []*call
}

var _ sdk.Host = (*Host)(nil)

// NewHost has a clock that stands at the start of 2026.
func NewHost() *Host {
	return &Host{
		Time:       time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Properties: map[string]string{},
		Counters:   map[string]uint64{},
		Gauges:     map[string]uint64{},
		Histograms: map[string][]uint64{},
		Functions:  map[string]func([]byte) ([]byte, error){},
		shared:     shared{},
	}
}

// Clock implements sdk.Host.
func (h *Host) Clock() int64 { return h.Time.UnixNano() }

// Log implements sdk.Host.
func (h *Host) Log(_ sdk.Level, text string) { h.Lines = append(h.Lines, text) }

// Property implements sdk.Host.
func (h *Host) Property(path ...string) (string, bool) {
	v, ok := h.Properties[strings.Join(path, ".")]
	return v, ok
}

// TickEvery implements sdk.Host.
func (h *Host) TickEvery(d time.Duration) { h.Period = d }

// Foreign implements sdk.Host.
func (h *Host) Foreign(name string, argument []byte) ([]byte, error) {
	f := h.Functions[name]
	if f == nil {
		return nil, errors.New("calling " + name + ": the proxy has no such function")
	}
	return f(argument)
}

// Counter implements sdk.Host.
func (h *Host) Counter(name string) sdk.Counter { return metric{h, name} }

// Gauge implements sdk.Host.
func (h *Host) Gauge(name string) sdk.Gauge { return gauge{h, name} }

// Histogram implements sdk.Host.
func (h *Host) Histogram(name string) sdk.Histogram { return metric{h, name} }

type metric struct {
	host *Host
	name string
}

func (m metric) Add(n uint64) { m.host.Counters[m.name] += n }

func (m metric) Record(n uint64) {
	m.host.Histograms[m.name] = append(m.host.Histograms[m.name], n)
}

type gauge struct {
	host *Host
	name string
}

func (g gauge) Set(n uint64) { g.host.Gauges[g.name] = n }

func (g gauge) Add(n int64) { g.host.Gauges[g.name] += uint64(n) }
