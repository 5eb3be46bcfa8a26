package authority

import (
	"sync"
	"time"
)

// rate is how often something may happen: at once, and then each.
type rate struct {
	burst float64
	every time.Duration
}

var (
	// A workload needs one certificate in half a day. What it may have is for
	// restarts.
	rateWorkload = rate{20, 6 * time.Second}
	// A group's token is for many machines that may start together.
	rateGroup = rate{500, 200 * time.Millisecond}
	// Refusals are told, and whoever fails that often on one connection is to
	// make another one, which costs it more than us.
	rateRefused = rate{20, time.Second}
)

// maxBuckets bounds the memory: past it the full ones are forgotten, which
// changes nothing, and else all.
const maxBuckets = 10_000

// limiter counts by name: who may not choose another name cannot take more.
type limiter struct {
	clock   func() time.Time
	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	rate   rate
	tokens float64
	at     time.Time
}

func newLimiter(clock func() time.Time) *limiter {
	return &limiter{clock: clock, buckets: map[string]bucket{}}
}

// take takes one; false: there is none.
func (l *limiter) take(name string, r rate) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.now(name, r)
	ok := b.tokens >= 1
	if ok {
		b.tokens--
	}
	l.put(name, b)
	return ok
}

// empty tells whether take would fail.
func (l *limiter) empty(name string, r rate) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now(name, r).tokens < 1
}

func (l *limiter) now(name string, r rate) bucket {
	now := l.clock()
	b, ok := l.buckets[name]
	if !ok {
		return bucket{r, r.burst, now}
	}
	b.tokens = min(r.burst, b.tokens+float64(now.Sub(b.at))/float64(r.every))
	b.at = now
	return b
}

func (l *limiter) put(name string, b bucket) {
	if _, ok := l.buckets[name]; !ok && len(l.buckets) >= maxBuckets {
		for n, old := range l.buckets {
			if l.now(n, old.rate).tokens >= old.rate.burst {
				delete(l.buckets, n)
			}
		}
		if len(l.buckets) >= maxBuckets {
			clear(l.buckets)
		}
	}
	l.buckets[name] = b
}
