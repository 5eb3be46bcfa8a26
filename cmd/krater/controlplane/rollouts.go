package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/xds/rollout"
	"github.com/krater-mesh/krater/xds/serve"
)

const (
	rolloutFormat = "krater.rollouts/1"
	// rolloutInterval is how often readings are looked at.
	rolloutInterval = time.Second
)

// rollouts keeps the book of versions: what is decided follows from what is
// declared and from what agents report.
type rollouts struct {
	file   string // "": nothing is kept
	log    *slog.Logger
	server *serve.Server

	mu      sync.Mutex
	book    *rollout.Book
	states  []model.RolloutState
	edition uint64 // grows with the states
	// earlier are reports of some minutes, by proxy, the oldest first.
	earlier map[string][]model.ProxyReport
	lost    error // why the book of before could not be read
}

func openRollouts(file string, log *slog.Logger, server *serve.Server) *rollouts {
	r := &rollouts{file: file, log: log, server: server, book: &rollout.Book{}, earlier: map[string][]model.ProxyReport{}}
	if file == "" {
		return r
	}
	for _, file := range []string{file, r.last()} {
		book := &rollout.Book{}
		err := identity.Load(file, rolloutFormat, book)
		if err == nil {
			book.Mend()
			r.book, r.lost = book, nil
			return r
		}
		if !errors.Is(err, fs.ErrNotExist) {
			r.lost = err
		}
	}
	return r
}

// last is the file as it was before.
func (r *rollouts) last() string { return r.file + ".last" }

// now are the states of the rollouts under way, and their edition.
func (r *rollouts) now() ([]model.RolloutState, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states, r.edition
}

// bindings are all versions of filters that a rollout may need yet: their
// modules have to stay.
func (r *rollouts) bindings() []*model.FilterBinding {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*model.FilterBinding
	for _, record := range r.book.Records {
		for _, f := range []*model.FilterBinding{record.Old, record.New} {
			if f != nil {
				out = append(out, f)
			}
		}
	}
	return out
}

// take brings the book to a snapshot and to now.
func (r *rollouts) take(now time.Time, s *model.Snapshot, reports map[string]model.ProxyReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(now, reports)
	known := len(r.book.Records)
	changed := r.book.Next(r.input(now, s, reports))
	r.settle(changed, known != len(r.book.Records))
}

// order does what somebody says by hand.
func (r *rollouts) order(now time.Time, s *model.Snapshot, reports map[string]model.ProxyReport, what, object string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.input(now, s, reports)
	do := r.book.Abort
	if what == promoteRollout {
		do = r.book.Promote
	}
	if err := do(object, in); err != nil {
		return err
	}
	r.settle(true, true)
	return nil
}

// settle takes over what a look came to, and keeps it. The caller holds r.mu.
func (r *rollouts) settle(changed, known bool) {
	events := r.book.Fresh()
	for _, e := range events {
		level := slog.LevelInfo
		if e.What == rollout.RolledBack || e.What == rollout.Waits {
			level = slog.LevelWarn
		}
		r.log.Log(context.Background(), level, "rollout: "+e.String())
	}
	if changed {
		r.states = r.book.States()
		r.edition++
	}
	if r.file == "" || !changed && !known && len(events) == 0 {
		return
	}
	if err := os.Rename(r.file, r.last()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.log.Error("the last book of rollouts could not be put aside", "reason", err)
	}
	if err := identity.Save(r.file, rolloutFormat, r.book); err != nil {
		r.log.Error("rollouts go on, but a restart would not know where they are", "reason", err)
	}
}

// problems are the versions that were taken back, or that wait.
func (r *rollouts) problems(s *model.Snapshot) model.Problems {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.book.Problems()
	for i := range out {
		out[i].Origin = s.Origin(out[i].Object)
	}
	if r.lost != nil {
		out = append(out, model.Problem{Code: model.CodeLastGood, Severity: model.Warning, Message: fmt.Sprintf("where rollouts were is not known: %v", r.lost),
			Fix: "what is declared is in force, also what was taken back before"})
	}
	return out
}

// followRollouts looks at the readings until ctx ends.
func (c *ControlPlane) followRollouts(ctx context.Context) {
	ticker := time.NewTicker(rolloutInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-c.answered: // a module is loaded, or refused
		}
		if err := c.lookAtRollouts(ctx, "rollout", time.Now()); err != nil && ctx.Err() == nil {
			c.o.Logger.Error("a step of a rollout could not be taken", "reason", err)
		}
	}
}

// lookAtRollouts goes on with the rollouts of what is in force.
func (c *ControlPlane) lookAtRollouts(ctx context.Context, why string, now time.Time) error {
	c.taking.Lock()
	defer c.taking.Unlock()
	c.rollouts.take(now, c.taken.Snapshot, c.reports())
	return c.follow(ctx, why, now)
}

// orderRollout does what somebody says of a filter's rollout.
func (c *ControlPlane) orderRollout(ctx context.Context, what, object string) error {
	c.taking.Lock()
	defer c.taking.Unlock()
	now := time.Now()
	if err := c.rollouts.order(now, c.taken.Snapshot, c.reports(), what, object); err != nil {
		return err
	}
	return c.follow(ctx, what, now)
}

// follow publishes what is in force, if rollouts changed. The caller holds
// c.taking.
func (c *ControlPlane) follow(ctx context.Context, why string, now time.Time) error {
	if _, edition := c.rollouts.now(); edition == c.now().rollouts {
		return nil
	}
	return c.publish(ctx, c.taken, serve.Cause{Edit: why, Context: ctx, At: now})
}
