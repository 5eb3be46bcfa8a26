package service

import "net/http"

// UserHeader names who is signed in. The mesh routes, faults and authorizes
// by it, so every service passes it on.
const UserHeader = "end-user"

// propagated are the headers that join the calls of one request into one
// trace: W3C trace context, Envoy's request id, and both forms of B3.
var propagated = []string{
	UserHeader,
	"traceparent", "tracestate", "baggage",
	"x-request-id",
	"b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags",
}

// Propagate copies the trace headers and the user from a request that came in
// to the headers of one that goes out.
func Propagate(in, out http.Header) {
	for _, name := range propagated {
		for _, v := range in.Values(name) {
			out.Add(name, v)
		}
	}
}
