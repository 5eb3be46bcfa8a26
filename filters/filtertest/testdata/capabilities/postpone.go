package main

import (
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
)

// postpone holds every request until the next tick.
type postpone struct {
	sdk.Base
	waiting []sdk.Stream
}

func newPostpone(h sdk.Host, _ []byte) (sdk.Filter, error) {
	h.TickEvery(20 * time.Millisecond)
	return &postpone{}, nil
}

func (f *postpone) OnRequest(s sdk.Stream) sdk.Verdict {
	f.waiting = append(f.waiting, s)
	return sdk.Pause
}

func (f *postpone) OnTick() {
	for _, s := range f.waiting {
		id, _ := s.Request().Get("x-id") // each has its own, whose tick this is not
		s.Request().Set("x-postponed", id)
		s.ResumeRequest()
	}
	f.waiting = f.waiting[:0]
}

func (f *postpone) OnDone(s sdk.Stream) {
	for i, have := range f.waiting {
		if have == s {
			f.waiting = append(f.waiting[:i], f.waiting[i+1:]...)
			return
		}
	}
}
