package sdk

import "time"

// Caller calls other services. The call goes out when the callback that makes
// it has returned, so the filter returns Pause and resumes in the function it
// gave. That function runs once, with the caller's own context, or never if
// its stream ended before. Both need guest/calls in the module's main.
type Caller interface {
	// HTTP errs if the call cannot be made: an unknown cluster, a bad header.
	HTTP(HTTPCall, func(HTTPAnswer)) error
	// GRPC makes a call of one message each way. To cancel it after its end
	// does nothing; a stream's calls are canceled with it.
	GRPC(GRPCCall, func(GRPCAnswer)) (cancel func(), err error)
}

// DefaultTimeout is that of a call which names none.
const DefaultTimeout = time.Second

// HTTPCall is a request to one of the proxy's clusters.
type HTTPCall struct {
	Cluster   string
	Method    string // GET if empty
	Authority string // the cluster's name if empty
	Path      string // "/" if empty
	Headers   [][2]string
	Body      []byte
	Trailers  [][2]string
	Timeout   time.Duration
}

// HTTPAnswer can be read only while the function that got it runs.
type HTTPAnswer struct {
	// Status is 0 if there was no answer at all. Envoy itself answers 503 for
	// a service that it cannot reach, and 504 after the timeout.
	Status   int
	Headers  Headers
	Body     Body
	Trailers Headers
}

// GRPCCall is one message to a gRPC method.
type GRPCCall struct {
	Cluster   string
	Authority string // the cluster's name if empty
	Service   string // with its package: "acme.v1.Users"
	Method    string
	Metadata  [][2]string
	Message   []byte // encoded
	Timeout   time.Duration
}

// GRPCAnswer is what came back.
type GRPCAnswer struct {
	// Status is gRPC's code; 0 is OK. After the timeout, and for a service that
	// it cannot reach, Envoy gives 14.
	Status  int
	Text    string // the status message
	Message []byte // encoded; there if Status is 0
	// Metadata and Trailers are there only where the proxy hands them over;
	// Envoy does not for a call of one message.
	Metadata [][2]string
	Trailers [][2]string
}
