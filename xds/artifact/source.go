package artifact

import (
	"context"
	"time"

	"github.com/krater-mesh/krater/model"
)

// source is where a module is got from, and what came of it. The store's lock
// guards it.
type source struct {
	key    string
	wanted *wanted           // by whoever asked last
	used   int               // the last round in which somebody asked
	askers map[model.Ref]int // who asked, and in which round last
	since  time.Time         // when it was first asked for, in this content
	module model.Module      // the last good one; Digest "" while there is none
	looked time.Time         // when that was last known to be what is there
	failed error             // why there is none newer
	tries  int               // that failed, one after the other
	sum    string            // of a file: of the content that was last looked at
	busy   chan struct{}     // closed when the try that runs is over; nil: none runs
	timer  *time.Timer       // the next try, or the end of patience
}

func (src *source) stopTimer() {
	if src.timer != nil {
		src.timer.Stop()
		src.timer = nil
	}
}

// Round begins to count anew who asks for what. What nobody asked for in the
// round before is not tried any more.
func (s *Store) Round() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, src := range s.sources {
		if src.used < s.round && src.busy == nil {
			src.stopTimer()
			delete(s.sources, key)
		}
	}
	s.round++
}

// start tries a source in the background. The lock is held.
func (s *Store) start(src *source) {
	if s.closed || src.busy != nil {
		return
	}
	src.stopTimer()
	src.busy = make(chan struct{})
	s.tasks.Add(1)
	go func() {
		defer s.tasks.Done()
		s.try(src)
	}()
}

// later has something called after a time. The lock is held.
func (s *Store) later(src *source, after time.Duration, what func()) {
	if s.closed || s.o.Changed == nil {
		return
	}
	src.stopTimer()
	src.timer = time.AfterFunc(max(after, 0), what)
}

// again tries a source after a time, if somebody still wants it.
func (s *Store) again(src *source, after time.Duration) {
	s.later(src, after, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		src.timer = nil
		if s.sources[src.key] == src {
			s.start(src)
		}
	})
}

func (s *Store) changed() {
	if s.o.Changed != nil {
		s.o.Changed()
	}
}

// try fetches and verifies once, and says what came of it.
func (s *Store) try(src *source) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-s.ctx.Done():
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.o.Times.Fetch)
	defer cancel()
	s.mu.Lock()
	w, before, sum := src.wanted, src.module, src.sum
	s.mu.Unlock()
	m, err := s.fetch(ctx, w, before)
	s.mu.Lock()
	told := s.record(src, w, m, err)
	close(src.busy)
	src.busy = nil
	if src.sum != sum { // the file was written meanwhile
		s.start(src)
	}
	s.mu.Unlock()
	if told && s.ctx.Err() == nil {
		s.changed()
	}
}

// record keeps what came of a try, and plans the next one. It tells whether
// anything is new. The lock is held.
func (s *Store) record(src *source, w *wanted, m model.Module, err error) (told bool) {
	before, failed := src.module, src.failed
	if err != nil {
		src.failed = err
		src.tries++
		if w.url.Scheme != "file" {
			s.again(src, backOff(s.o.Times, src.tries))
		}
		return failed == nil || failed.Error() != err.Error()
	}
	src.module, src.looked, src.failed, src.tries = m, time.Now(), nil, 0
	src.stopTimer()
	if w.url.Scheme != "file" && w.Filter.Module.Pull.Always {
		s.again(src, s.o.Times.pull(w))
	}
	return failed != nil || before.Digest != m.Digest || before.Image != m.Image || before.Signer != m.Signer
}

// pull is the time between two looks at what may change.
func (t Times) pull(w *wanted) time.Duration {
	if w.Policy != nil && w.Policy.PullInterval > 0 {
		return time.Duration(w.Policy.PullInterval)
	}
	return t.Pull
}

// backOff is the wait after so many failures.
func backOff(t Times, failures int) time.Duration {
	d := t.Retry
	for range failures - 1 {
		if d *= 2; d >= t.Longest {
			return t.Longest
		}
	}
	return d
}
