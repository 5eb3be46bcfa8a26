package fetch

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// source is one URL, and what came of it. The store's lock guards it.
type source struct {
	key     string
	request Request // of whoever asked last
	used    int     // the last round in which somebody asked
	kept    kept    // the last good; body nil: there is none
	looked  bool    // a look is over, since the store was made
	failed  error   // why there is none newer
	tries   int     // that failed, one after the other
	busy    chan struct{}
	timer   *time.Timer // the next look
}

func (src *source) answer() Answer {
	return Answer{Body: src.kept.body, Seen: src.kept.Seen, Err: src.failed, Pending: src.kept.body == nil && src.failed == nil}
}

func (src *source) stopTimer() {
	if src.timer != nil {
		src.timer.Stop()
		src.timer = nil
	}
}

// start looks in the background. The lock is held.
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

// again looks after a time, if somebody still wants it. The lock is held.
func (s *Store) again(src *source, after time.Duration) {
	if s.closed || s.o.Changed == nil {
		return
	}
	src.stopTimer()
	src.timer = time.AfterFunc(after, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		src.timer = nil
		if s.sources[src.key] == src {
			s.start(src)
		}
	})
}

// try looks once, and says what came of it.
func (s *Store) try(src *source) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-s.ctx.Done():
	}
	s.mu.Lock()
	r, before := src.request, src.kept
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(s.ctx, r.timeout())
	defer cancel()
	got, err := s.look(ctx, &r, before)
	if err == nil && !got.same && !bytes.Equal(got.body, before.body) && r.Check != nil {
		err = r.Check(got.body)
	} else if err != nil {
		err = classify(ctx, err)
	}
	now := before
	if err == nil {
		now, err = s.keep(src.key, &r, before, got)
	}
	s.mu.Lock()
	told := s.record(src, &r, now, got, err)
	close(src.busy)
	src.busy = nil
	s.mu.Unlock()
	if told && s.ctx.Err() == nil && s.o.Changed != nil {
		s.o.Changed()
	}
}

// late is a failure after which the server wants to be left alone for a while.
type late struct {
	error
	after time.Duration
}

func (l late) Unwrap() error { return l.error }

func classify(ctx context.Context, err error) error {
	var status *BadStatus
	if errors.As(err, &status) {
		return late{status, status.after}
	}
	return reason(ctx, err)
}

// record keeps what came of a look, and plans the next one. It tells whether
// anything is new. The lock is held.
func (s *Store) record(src *source, r *Request, now kept, got look, err error) (told bool) {
	failed, changed := src.failed, !bytes.Equal(src.kept.body, now.body)
	src.looked, src.kept = true, now
	if err != nil {
		src.failed = err
		src.tries++
		wait := backOff(src.tries, r.interval())
		if l := (late{}); errors.As(err, &l) {
			wait = max(wait, min(l.after, r.interval()))
		}
		s.again(src, jitter(wait))
		return changed || failed == nil || failed.Error() != err.Error()
	}
	src.failed, src.tries = nil, 0
	s.again(src, jitter(next(r.interval(), got.fresh)))
	return changed || failed != nil
}

// soonest is how often a server can make us look that says that its answers
// are good for a moment.
const soonest = 10 * time.Second

// next is the time to the next look: the interval, or less where the server
// says so.
func next(interval, fresh time.Duration) time.Duration {
	if fresh <= 0 {
		return interval
	}
	return min(interval, max(fresh, soonest))
}

// backOff is the wait after so many failures.
func backOff(failures int, longest time.Duration) time.Duration {
	d := 2 * time.Second
	for range failures - 1 {
		if d *= 2; d >= longest {
			break
		}
	}
	return min(d, longest)
}

// jitter spreads what would be at the same time: earlier, never later.
func jitter(d time.Duration) time.Duration {
	return d - time.Duration(rand.Float64()*0.2*float64(d))
}
