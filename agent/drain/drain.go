// Package drain lets an Envoy end without cutting anybody off: it asks callers
// to leave, and waits until nobody is served, or the time is over. It ends
// nothing by itself.
package drain

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/krater-mesh/krater/agent/admin"
)

// Settle is how long callers may still come by a connection that they have
// open: until then they know that the workload is gone.
const Settle = 1500 * time.Millisecond

const pause = 50 * time.Millisecond

// Wait returns when Envoy may end: at once where nobody is connected, and
// after most at the latest.
func Wait(ctx context.Context, page admin.Page, most time.Duration, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	before, err := look(ctx, page)
	if err != nil || before.connections == 0 {
		return // it is not there, or has nobody
	}
	if err := page.Drain(ctx); err != nil {
		log.Warn("envoy could not be drained", "reason", err)
	}
	began, last := time.Now(), time.Now() // last: when a request came
	for {
		select {
		case <-ctx.Done():
			log.Warn("envoy ends with connections that are in use", "after", most, "connections", before.connections, "requests", before.active)
			return
		case <-time.After(pause):
		}
		now, err := look(ctx, page)
		switch {
		case err != nil && ctx.Err() == nil:
			return // it ended by itself
		case err != nil:
			continue
		case now.connections == 0:
			return
		case now.requests != before.requests:
			last = time.Now()
		}
		before = now
		if now.idle() && time.Since(began) >= Settle && time.Since(last) >= Settle/3 {
			return
		}
	}
}

// load is what a proxy is doing.
type load struct {
	connections, http uint64 // open ones, and those of them that carry requests
	active, requests  uint64 // requests now, and ever
}

// idle tells whether only connections are open that carry no request now.
func (l load) idle() bool { return l.active == 0 && l.connections <= l.http }

func look(ctx context.Context, page admin.Page) (load, error) {
	stats, err := page.Stats(ctx, `^(listener|http)\..*\.downstream_(cx_active|rq_active|rq_total)$`)
	if err != nil {
		return load{}, err
	}
	return count(stats), nil
}

func count(stats map[string]uint64) load {
	var l load
	for name, n := range stats {
		switch {
		case strings.HasPrefix(name, "listener.admin.") || strings.HasPrefix(name, "http.admin."): // who asks this
		case strings.Contains(name, ".worker_") || strings.Contains(name, ".http."): // parts of another
		case strings.HasPrefix(name, "listener.") && strings.HasSuffix(name, ".downstream_cx_active"):
			l.connections += n
		case strings.HasSuffix(name, ".downstream_cx_active"):
			l.http += n
		case strings.HasSuffix(name, ".downstream_rq_active"):
			l.active += n
		case strings.HasSuffix(name, ".downstream_rq_total"):
			l.requests += n
		}
	}
	return l
}
