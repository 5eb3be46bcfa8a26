// Package turn decides when an evaluation may begin. Each policy has a lane:
// lanes take turns, slow ones share what slow ones may have, and what would
// wait too long is turned away before any work is done. It knows nothing of
// policies.
package turn

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Options bound what is under way and what waits. Zeros are defaults.
type Options struct {
	Slots   int           // evaluations at once
	Slow    int           // of these, of slow lanes; of one of them half of that
	Waiting int           // evaluations that wait, of all lanes
	Bytes   int64         // that those hold
	Wait    time.Duration // how long one waits at most
}

// The defaults: evaluations compute, so a few for each processor are enough;
// what has waited for as long as most callers do is not worth its work.
const (
	slotsEach      = 4
	defaultWaiting = 1024
	defaultBytes   = 64 << 20
	defaultWait    = 100 * time.Millisecond
	// slowAfter is from when on a lane's evaluations are slow: usual ones take a
	// hundredth of it.
	slowAfter = 10 * time.Millisecond
	// calling is how many evaluations of a lane that waits for others are at
	// once, where nothing else is said.
	calling = 64
)

// Why an evaluation has no turn.
var (
	ErrFull = errors.New("too many wait already")
	ErrLate = errors.New("it waited too long")
)

// Line is where all lanes wait.
type Line struct {
	o    Options
	full atomic.Bool // to be asked without the lock

	mu      sync.Mutex
	running int
	slow    int // of running
	waiting int
	bytes   int64
	lanes   []*Lane // that have somebody waiting, in the order of their turns
	shed    uint64
}

// New makes a line.
func New(o Options) *Line {
	processors := runtime.GOMAXPROCS(0)
	if o.Slots == 0 {
		o.Slots = slotsEach * processors
	}
	if o.Slow == 0 {
		o.Slow = max(2, processors/2)
	}
	if o.Waiting == 0 {
		o.Waiting = defaultWaiting
	}
	if o.Bytes == 0 {
		o.Bytes = defaultBytes
	}
	if o.Wait == 0 {
		o.Wait = defaultWait
	}
	return &Line{o: o}
}

// Lane is one policy's.
type Lane struct {
	line    *Line
	limit   int
	outside bool // it waits for others, and takes no slot

	running int
	waiting []*waiter
	cost    time.Duration // of an evaluation, as of late
}

// Lane makes one. limit is how many of its evaluations are at once at most; 0:
// half of the slots. outside: they wait for other hosts rather than compute.
func (l *Line) Lane(limit int, outside bool) *Lane {
	lane := &Lane{line: l, limit: limit, outside: outside, cost: slowAfter} // nothing is known of it yet
	if limit == 0 && outside {
		lane.limit = calling
	}
	if limit == 0 && !outside {
		lane.limit = max(1, l.o.Slots/2)
	}
	return lane
}

// Full tells whether whoever comes now is turned away. It takes no lock.
func (l *Line) Full() bool { return l.full.Load() }

// Shed is how many were turned away.
func (l *Line) Shed() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shed
}

// waiter is somebody who waits.
type waiter struct {
	turn  chan struct{} // closed when it is his
	bytes int64
	slow  bool
	taken bool
	gone  bool
}

// Turn is one evaluation's, until it ends.
type Turn struct {
	lane    *Lane
	slow    bool
	started time.Time
}

// Enter waits for a turn. bytes are what is held meanwhile.
func (a *Lane) Enter(ctx context.Context, bytes int64) (Turn, error) {
	l := a.line
	l.mu.Lock()
	if len(a.waiting) == 0 && a.may() {
		slow := a.take()
		l.mu.Unlock()
		return Turn{a, slow, time.Now()}, nil
	}
	if l.waiting >= l.o.Waiting || l.bytes+bytes > l.o.Bytes || len(a.waiting) >= max(1, l.o.Waiting/2) {
		l.shed++
		l.mu.Unlock()
		return Turn{}, ErrFull
	}
	w := &waiter{turn: make(chan struct{}), bytes: bytes}
	if len(a.waiting) == 0 {
		l.lanes = append(l.lanes, a)
	}
	a.waiting = append(a.waiting, w)
	l.waiting++
	l.bytes += bytes
	l.full.Store(l.waiting >= l.o.Waiting)
	l.mu.Unlock()
	return a.wait(ctx, w)
}

func (a *Lane) wait(ctx context.Context, w *waiter) (Turn, error) {
	late := time.NewTimer(a.line.o.Wait)
	defer late.Stop()
	select {
	case <-w.turn:
		return Turn{a, w.slow, time.Now()}, nil
	case <-late.C:
	case <-ctx.Done():
	}
	l := a.line
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.taken { // in the same moment
		return Turn{a, w.slow, time.Now()}, nil
	}
	w.gone = true
	l.shed++
	l.leave(w)
	return Turn{}, ErrLate
}

// leave takes somebody out of what is counted as waiting.
func (l *Line) leave(w *waiter) {
	l.waiting--
	l.bytes -= w.bytes
	l.full.Store(l.waiting >= l.o.Waiting)
}

// may tells whether one more of the lane may run now.
func (a *Lane) may() bool {
	l := a.line
	switch {
	case a.running >= a.limit:
		return false
	case a.outside:
		return true
	}
	quick := a.cost < slowAfter
	return l.running < l.o.Slots && (quick || l.slow < l.o.Slow && a.running < max(1, l.o.Slow/2))
}

func (a *Lane) take() (slow bool) {
	a.running++
	if a.outside {
		return false
	}
	a.line.running++
	if slow = a.cost >= slowAfter; slow {
		a.line.slow++
	}
	return slow
}

// End gives the turn to others.
func (t Turn) End() {
	a, l := t.lane, t.lane.line
	took := time.Since(t.started)
	l.mu.Lock()
	defer l.mu.Unlock()
	a.cost += (took - a.cost) / 16 // one that the machine held up makes no slow lane
	a.running--
	if !a.outside {
		l.running--
	}
	if t.slow {
		l.slow--
	}
	l.next()
}

// next gives turns to those who wait: each lane one, and then it is last.
func (l *Line) next() {
	for i := 0; i < len(l.lanes); {
		a := l.lanes[i]
		for len(a.waiting) > 0 && a.waiting[0].gone {
			a.waiting = a.waiting[1:]
		}
		if len(a.waiting) > 0 && !a.may() {
			i++
			continue
		}
		l.lanes = append(l.lanes[:i], l.lanes[i+1:]...)
		if len(a.waiting) == 0 {
			a.waiting = nil
			continue
		}
		w := a.waiting[0]
		if a.waiting = a.waiting[1:]; len(a.waiting) > 0 {
			l.lanes = append(l.lanes, a)
		}
		w.slow, w.taken = a.take(), true
		l.leave(w)
		close(w.turn)
		i = 0
	}
}
