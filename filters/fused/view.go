package fused

import "github.com/krater-mesh/krater/filters/sdk"

// view is the stream as one of the filters sees it: what it keeps is its own,
// and to resume is to go on with the next filter.
type view struct {
	sdk.Stream
	run    *run
	number int
	local  any
}

var _ sdk.Stream = (*view)(nil)

// Local implements sdk.Context.
func (v *view) Local() any { return v.local }

// SetLocal implements sdk.Context.
func (v *view) SetLocal(value any) { v.local = value }

// Reply implements sdk.Stream.
func (v *view) Reply(r sdk.Reply) sdk.Verdict {
	v.run.replied = true
	return v.Stream.Reply(r)
}

// ResumeRequest implements sdk.Stream.
func (v *view) ResumeRequest() {
	r := v.run
	switch {
	case r.replied || r.at != v.number || r.stage > trailers:
	case r.holds:
		if r.holds = false; r.stage == body {
			r.passed |= 1 << r.at
		}
		r.at++
		r.finish(r.goOn(), v.Stream.ResumeRequest)
	default: // it is being asked
		r.resumed = true
	}
}

// ResumeResponse implements sdk.Stream.
func (v *view) ResumeResponse() {
	r := v.run
	switch {
	case r.back != v.number:
	case r.backHolds:
		r.backHolds = false
		r.back--
		r.finish(r.goBack(), v.Stream.ResumeResponse)
	default: // it is being asked
		r.resumed = true
	}
}

// finish tells the proxy what became of a stream that it holds. A filter that
// stops it without a reply would have it hang.
func (r *run) finish(v sdk.Verdict, resume func()) {
	switch {
	case v == sdk.Continue:
		resume()
	case v == sdk.Stop && !r.replied:
		r.views[0].Reply(sdk.Reply{Status: 500, Details: "filter_change_refused"})
	}
}
