// Package decisionlog turns decisions into records, off the path of requests.
// Its queue is bounded: what does not fit is dropped and counted. A record
// never holds a header's value or a body.
package decisionlog

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/krater-mesh/krater/model"
)

// Record is one policy's decision about one request.
type Record struct {
	model.Decision
	Workload string        // namespace/name of the proxy that asked
	Time     time.Time     // when the decision was made
	Duration time.Duration // how long that took
}

// Recorder takes records. Record never blocks, and keeps nothing of its
// caller's.
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
	dropped atomic.Uint64
}

var (
	_ Recorder = Discard{}
	_ Recorder = (*Queue)(nil)
)

// NewQueue makes a queue of at most size records before a sink. Run empties it.
func NewQueue(size int, sink func(Record)) *Queue {
	return &Queue{records: make(chan Record, size), sink: sink}
}

// Record implements Recorder.
func (q *Queue) Record(r Record) {
	select {
	case q.records <- r:
	default:
		q.dropped.Add(1)
	}
}

// Dropped is how many records did not fit.
func (q *Queue) Dropped() uint64 { return q.dropped.Load() }

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
			slog.String("krater.decision.reason", r.Reason),
			slog.String("krater.proxy", r.Workload),
			slog.Duration("duration", r.Duration),
		)
	}
}
