package sdk

// A Filter that has one of these methods too is asked there as well. The
// proxy calls a module only where it exports the callback: each interface
// names the package that the module's main must import for it. A module that
// lacks one refuses to start, and says which.

// RequestBody sees the request's body, part by part; end tells that all of it
// is there. Where trailers follow, end comes with them, to who paused the body.
// It needs guest/requestbody. A filter that changes a body removes
// content-length in OnRequest.
type RequestBody interface {
	OnRequestBody(s Stream, end bool) Verdict
}

// ResponseBody sees the answer's body, part by part. It needs
// guest/responsebody.
type ResponseBody interface {
	OnResponseBody(s Stream, end bool) Verdict
}

// RequestTrailers sees the request's trailers, if it has any. It needs
// guest/requesttrailers.
type RequestTrailers interface {
	OnRequestTrailers(Stream) Verdict
}

// ResponseTrailers sees the answer's trailers, if it has any. It needs
// guest/responsetrailers.
type ResponseTrailers interface {
	OnResponseTrailers(Stream) Verdict
}

// Log sees each request once more when its answer went out, with the headers
// of both. It needs guest/log. The proxy calls it also for requests that other
// filters answered before this one.
type Log interface {
	OnLog(Stream)
}

// Ticker is called at the period that Host.TickEvery asked for. It needs
// guest/timers.
type Ticker interface {
	OnTick()
}

// Queues is told when a queue that it registered holds something. It needs
// guest/queues.
type Queues interface {
	OnQueue(id uint32)
}
