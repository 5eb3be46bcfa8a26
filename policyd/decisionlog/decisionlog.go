// Package decisionlog turns decisions into records, off the path of requests.
// Its queue is bounded: what does not fit is dropped, and counted by policy. A
// record holds what the policy reads of a request only where that was asked for.
package decisionlog

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Record is one policy's decision about one request.
type Record struct {
	model.Decision
	About
	Workload string        // namespace/name of the proxy that asked
	Time     time.Time     // when the decision was made
	Duration time.Duration // how long that took
	TraceID  string        // in hex; "": the request is not traced
	SpanID   string
	Input    Input // what the policy read; nil: that is not recorded
	Result   any   // what it said, as JSON; nil: nothing
	Logged   bool  // a log of decisions asks for it
	Size     int   // bytes that Input holds on to, roughly
}

// About is what a request is called by.
type About struct {
	RequestID, Method string
	Path              string // without the query
	Caller            string // by its certificate; else its address
}

// Input is made a document only where it is told.
type Input interface {
	// Document gives the values, and the references that were looked for; all:
	// it is the whole input.
	Document() (document map[string]any, reads []string, all bool)
}

// Recorder takes records. Record never blocks, and keeps nothing of its
// caller's that changes.
type Recorder interface {
	Record(Record)
}

// Discard records nothing.
type Discard struct{}

// Record implements Recorder.
func (Discard) Record(Record) {}

// Queue is a Recorder that hands records to a sink in its own time.
type Queue struct {
	records chan Record
	sink    func(Record)

	mu      sync.Mutex
	dropped map[string]uint64 // by policy
}

var (
	_ Recorder = Discard{}
	_ Recorder = (*Queue)(nil)
)

// NewQueue makes a queue of at most size records before a sink. Run empties it.
func NewQueue(size int, sink func(Record)) *Queue {
	return &Queue{records: make(chan Record, size), sink: sink, dropped: map[string]uint64{}}
}

// Record implements Recorder.
func (q *Queue) Record(r Record) {
	select {
	case q.records <- r:
	default:
		q.Drop(r.Policy, 1)
	}
}

// maxDropped is how many policies drops are counted for; the rest is "".
const maxDropped = 1000

// Drop counts records of a policy that were lost.
func (q *Queue) Drop(policy string, n uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, known := q.dropped[policy]; !known && len(q.dropped) >= maxDropped {
		policy = ""
	}
	q.dropped[policy] += n
}

// Dropped is how many records of each policy were lost.
func (q *Queue) Dropped() map[string]uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.dropped)
}

// Run hands records over until ctx is done, and then what is still queued.
func (q *Queue) Run(ctx context.Context) error {
	for {
		select {
		case r := <-q.records:
			q.sink(r)
		case <-ctx.Done():
			for {
				select {
				case r := <-q.records:
					q.sink(r)
				default:
					return nil
				}
			}
		}
	}
}

// Log is a sink that writes records at a level, by the attribute names that
// access logs and spans use.
func Log(logger *slog.Logger, level slog.Level) func(Record) {
	return func(r Record) {
		logger.LogAttrs(context.Background(), level, "decision",
			slog.String("krater.decision.id", r.DecisionID),
			slog.String("krater.decision.policy", r.Policy),
			slog.String("krater.decision.rule", r.Rule),
			slog.String("krater.decision.placement", string(r.Place)),
			slog.String("krater.decision.policy_set", r.PolicySet),
			slog.Bool("krater.decision.allowed", r.Allowed),
			slog.Bool("krater.decision.shadow", r.Shadow),
			slog.String("krater.decision.reason", r.Reason),
			slog.String("krater.request_id", r.RequestID),
			slog.String("krater.proxy", r.Workload),
			slog.Duration("duration", r.Duration),
		)
	}
}
