package fused

import "github.com/krater-mesh/krater/filters/sdk"

// OnResponse implements sdk.Filter: answers pass the filters the other way.
func (f *Filter) OnResponse(s sdk.Stream) sdk.Verdict {
	r := f.runOf(s)
	r.back = len(r.views) - 1
	return r.goBack()
}

func (r *run) goBack() sdk.Verdict {
	for ; r.back >= 0; r.back-- {
		v := r.filter.members[r.back].filter.OnResponse(&r.views[r.back])
		resumed := r.resumed
		r.resumed = false
		switch {
		case v == sdk.Stop:
			return v
		case v == sdk.Pause && !resumed:
			r.backHolds, r.kept = true, true
			return v
		}
	}
	return sdk.Continue
}

// OnDone implements sdk.Filter.
func (f *Filter) OnDone(s sdk.Stream) {
	r, ok := s.Local().(*run)
	if !ok {
		return
	}
	for i := range r.views {
		f.members[i].filter.OnDone(&r.views[i])
	}
	if r.kept {
		return
	}
	clear(r.views)
	*r = run{filter: f, views: r.views}
	f.idle = append(f.idle, r)
}
