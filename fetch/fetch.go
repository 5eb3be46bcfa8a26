// Package fetch keeps what is at URLs: it gets it, looks again and again whether
// it changed, and keeps the last of it that was good, also across restarts. What
// comes is bounded in size and time, and nobody leads it inside (guard). It knows
// nothing of what it gets: who asks says what is good.
package fetch

import (
	"context"
	"net"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/krater-mesh/krater/fetch/guard"
	"github.com/krater-mesh/krater/model"
)

// Options of a Store.
type Options struct {
	// Dir is where the last good is kept; "": in memory only.
	Dir string
	// Changed is called, by any goroutine, when Get would say something else
	// than before. nil: Get waits, and looks once.
	Changed func()
	// Resolver looks hosts up; nil: the machine's.
	Resolver *net.Resolver
}

// Store keeps what is at URLs. Its methods may be called by many goroutines.
type Store struct {
	o     Options
	ctx   context.Context // of what runs in the background
	stop  context.CancelFunc
	tasks sync.WaitGroup
	slots chan struct{}
	// client is the guarded one, but in tests.
	client func(guard.Options) *http.Client

	mu      sync.Mutex
	closed  bool
	sources map[string]*source // by the key of their requests
	round   int
}

// atOnce is how many things are fetched at the same time.
const atOnce = 4

// New gives a store over a folder, which is made when first needed. It runs
// nothing until it is asked for something.
func New(o Options) *Store {
	s := &Store{o: o, slots: make(chan struct{}, atOnce), client: guard.NewClient, sources: map[string]*source{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Close ends what runs in the background, and waits for it.
func (s *Store) Close() {
	s.mu.Lock()
	s.closed = true
	for _, src := range s.sources {
		src.stopTimer()
	}
	s.mu.Unlock()
	s.stop()
	s.tasks.Wait()
}

// Answer is what is known of a URL.
type Answer struct {
	// Body is the last good one; nil: there never was one. It is not to be
	// changed.
	Body []byte
	// Seen is when Body was last known to be what is there.
	Seen time.Time
	// Pending: nothing came yet, and nothing failed.
	Pending bool
	// Err is why there is no body, or none newer.
	Err error
}

// Get says what is known of a request's URL, and has it looked at from now on,
// as long as each second round asks for it. It never asks a server that was
// asked already: looks go on by themselves, so asking often is no storm.
func (s *Store) Get(ctx context.Context, r Request) Answer {
	if err := r.check(); err != nil {
		return Answer{Err: err}
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return Answer{Err: context.Canceled}
	}
	key := r.key()
	src := s.sources[key]
	if src == nil {
		src = &source{key: key, kept: s.load(key, r)}
		s.sources[key] = src
	}
	otherwise := src.looked && !reflect.DeepEqual(src.request.Policy, r.Policy) // what failed may go now
	src.request, src.used = r, s.round
	if src.busy == nil && src.timer == nil && !src.looked || otherwise {
		s.start(src)
	}
	busy := src.busy
	s.mu.Unlock()
	if busy != nil && s.o.Changed == nil {
		select {
		case <-busy:
		case <-ctx.Done():
			return Answer{Err: ctx.Err()}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return src.answer()
}

// Round begins to count anew who asks for what. What nobody asked for in the
// round before is not looked at any more, and after a day not kept.
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
	s.sweep()
}

// Request says what is wanted of a URL.
type Request struct {
	URL string
	// Kind tells what is made of it: what one kind takes for good is no other's.
	Kind string
	// Check says why a body is no good: the last good one stays then. It is
	// called by another goroutine, and says the same of the same body.
	Check  func(body []byte) error
	Policy *model.FetchPolicy
	// Field of the Mesh has the policy: refusals name it; "": spec.fetch.
	Field string
	// Authorization is a header's value, which goes over TLS only. Identity says
	// whose it is: who may not have something does not get what another got.
	Authorization, Identity string
	Accept                  string
	MaxBytes                int64         // 0: 1 MiB
	Timeout                 time.Duration // of one look; 0: 10 s
	// Interval is the longest time between two looks; 0: the policy's, or 5 min.
	Interval time.Duration
}
