// Package abi is the calls of proxy-wasm 0.2.1 that a guest makes. What the
// proxy hands over is taken as it is, without a copy; nothing else is
// allocated. It knows no filter, and no context but that a call goes to the
// effective one.
package abi

import "strconv"

// Status is a host call's answer.
type Status uint32

// The statuses that a guest tells apart.
const (
	OK              Status = 0
	NotFound        Status = 1
	InternalFailure Status = 10
)

func (s Status) Error() string {
	switch s {
	case OK:
		return "ok"
	case NotFound:
		return "not found"
	case 2:
		return "bad argument"
	case 3:
		return "serialization failure"
	case 4:
		return "parse failure"
	case 7:
		return "empty"
	case 8:
		return "CAS mismatch"
	case InternalFailure:
		return "internal failure"
	case 12:
		return "unimplemented"
	}
	return "status " + strconv.Itoa(int(s))
}

// Err is nil for OK.
func (s Status) Err() error {
	if s == OK {
		return nil
	}
	return s
}

// Map is a header map.
type Map uint32

// The header maps.
const (
	RequestHeaders Map = iota
	RequestTrailers
	ResponseHeaders
	ResponseTrailers
	GRPCMetadata
	GRPCTrailers
	CallHeaders
	CallTrailers
)

// Buffer is a run of bytes that the proxy holds.
type Buffer uint32

// The buffers.
const (
	RequestBody Buffer = iota
	ResponseBody
	DownstreamData
	UpstreamData
	CallBody
	GRPCMessage
	VMConfig
	PluginConfig
	ForeignArgument
)

// Flow is a direction of a stream.
type Flow uint32

// The flows.
const (
	Request Flow = iota
	Response
	Downstream
	Upstream
)

// Metric is a kind of metric.
type Metric uint32

// The kinds of metrics.
const (
	Counter Metric = iota
	Gauge
	Histogram
)

// The actions that a callback answers.
const (
	Continue uint32 = iota
	Pause
)
