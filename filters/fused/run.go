package fused

import "github.com/krater-mesh/krater/filters/sdk"

// run is one stream on its way through the filters.
type run struct {
	filter *Filter
	views  []view
	kept   bool // a filter paused it, and may still hold its view

	at      int   // the filter of the request that is asked, or that holds it
	stage   stage // what it is asked about
	holds   bool  // that filter has paused the request
	awaits  bool  // it is to see the body before its headers go on
	resumed bool  // it did so, and resumed, before it returned

	came, ended bool   // parts of the body are held; the last one is there
	trailed     bool   // trailers came
	passed      uint64 // the filters that let go what came of the body, by number
	seen        uint64 // the filters that saw the trailers

	back      int // the filter that holds the answer
	backHolds bool
	replied   bool
}

type stage uint8

const (
	headers stage = iota
	body
	trailers
)

// runOf gives a stream's run; the first callback makes it.
func (f *Filter) runOf(s sdk.Stream) *run {
	if r, ok := s.Local().(*run); ok {
		return r
	}
	var r *run
	if n := len(f.idle); n > 0 {
		r, f.idle = f.idle[n-1], f.idle[:n-1]
	} else {
		r = &run{filter: f, views: make([]view, len(f.members))}
	}
	r.back = -1
	for i := range r.views {
		r.views[i] = view{Stream: s, run: r, number: i}
	}
	s.SetLocal(r)
	return r
}

// OnRequest implements sdk.Filter.
func (f *Filter) OnRequest(s sdk.Stream) sdk.Verdict {
	r := f.runOf(s)
	return r.goOn()
}

// OnRequestBody implements sdk.RequestBody. While a filter holds the headers,
// what comes of the body is held as well.
func (f *Filter) OnRequestBody(s sdk.Stream, end bool) sdk.Verdict {
	r := f.runOf(s)
	r.came, r.ended = true, end
	return r.more()
}

// OnRequestTrailers implements sdk.RequestTrailers.
func (f *Filter) OnRequestTrailers(s sdk.Stream) sdk.Verdict {
	r := f.runOf(s)
	r.trailed = true
	return r.more()
}

// more goes on with what came, first with the filter that waits for it.
func (r *run) more() sdk.Verdict {
	if !r.holds {
		r.at, r.stage = 0, body
		return r.goOn()
	}
	if r.stage == headers && !r.awaits {
		return sdk.Pause
	}
	r.holds = false
	if v := r.settle(r.late()); v != sdk.Continue {
		return v
	}
	r.at++
	return r.goOn()
}

// goOn asks one filter after the other, from where the run stands.
func (r *run) goOn() sdk.Verdict {
	for ; r.stage <= trailers; r.stage, r.at = r.stage+1, 0 {
		for ; r.at < len(r.views); r.at++ {
			if v := r.settle(r.ask()); v != sdk.Continue {
				return v
			}
		}
	}
	r.stage, r.came, r.passed = trailers+1, false, 0
	return sdk.Continue
}

// ask asks the filter at hand about the stage at hand.
func (r *run) ask() sdk.Verdict {
	m, s := &r.filter.members[r.at], &r.views[r.at]
	switch r.stage {
	case headers:
		v := m.filter.OnRequest(s)
		if v == sdk.AwaitBody && !r.resumed && (r.came || r.trailed) {
			return r.late()
		}
		return v
	case body:
		if r.came && r.passed&(1<<r.at) == 0 && m.body != nil {
			return m.body.OnRequestBody(s, r.ended)
		}
	case trailers:
		if r.trailed && r.seen&(1<<r.at) == 0 && m.trailers != nil {
			return m.trailers.OnRequestTrailers(s)
		}
	}
	return sdk.Continue
}

// late shows a filter that waits for the body what has come of it: to let that
// go is to let the request go.
func (r *run) late() sdk.Verdict {
	m, s := &r.filter.members[r.at], &r.views[r.at]
	v := sdk.AwaitBody
	if r.came && m.body != nil {
		v = m.body.OnRequestBody(s, r.ended)
	}
	if v != sdk.Continue && v != sdk.Stop && r.trailed && m.trailers != nil && r.seen&(1<<r.at) == 0 {
		r.seen |= 1 << r.at
		v = m.trailers.OnRequestTrailers(s)
	}
	switch {
	case v == sdk.Pause && r.stage == headers:
		return sdk.AwaitBody
	case v == sdk.Continue:
		r.passed |= 1 << r.at
	}
	return v
}

// settle notes a pause, unless the filter has resumed in the meantime. While
// headers are held the body is to come here.
func (r *run) settle(v sdk.Verdict) sdk.Verdict {
	resumed := r.resumed
	r.resumed = false
	if v != sdk.Pause && v != sdk.AwaitBody {
		return v
	}
	if resumed {
		return sdk.Continue
	}
	r.holds, r.awaits, r.kept = true, v == sdk.AwaitBody, true
	if r.stage == headers {
		return sdk.AwaitBody
	}
	return sdk.Pause
}
