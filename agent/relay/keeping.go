package relay

import (
	"time"
)

// stir notes that something happened: what Envoy took is written down once it
// is quiet again.
func (c *conversation) stir() {
	now := time.Now()
	if c.unquiet.IsZero() {
		c.unquiet = now
	}
	c.quiet.Reset(min(c.relay.o.Quiet, max(0, mostUnquiet-now.Sub(c.unquiet))))
}

// keep makes what Envoy has the last good configuration, in memory at once and
// on disk by a goroutine of its own.
func (c *conversation) keep() {
	if c.writing != nil {
		select {
		case <-c.writing:
		default:
			c.quiet.Reset(c.relay.o.Quiet)
			return
		}
	}
	c.unquiet = time.Time{}
	c.s.settle()
	next, changed := c.relay.replace(c.s)
	if len(changed) == 0 {
		return
	}
	c.writing = make(chan struct{})
	go func() {
		defer close(c.writing)
		c.relay.write(next, changed)
	}()
}

// written waits for the disk.
func (c *conversation) written() {
	if c.writing != nil {
		<-c.writing
	}
}

// replace puts what a session has in the place of what was kept, and tells
// which types are other than before.
func (r *Relay) replace(s *session) (next *lastGood, changed []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held {
		return nil, nil
	}
	next = s.good(r.kept)
	changed = next.differs(r.kept)
	r.kept, s.kept = next, next
	return next, changed
}

// write puts types on disk, in the order of references: a crash between two
// leaves more than is needed rather than less.
func (r *Relay) write(g *lastGood, types []string) {
	for _, typeURL := range types {
		if err := save(r.o.Dir, r.o.Node.GetId(), typeURL, g.types[typeURL]); err != nil {
			r.log.Error("the last good configuration cannot be kept", "type", short(typeURL), "reason", err)
		}
	}
}
