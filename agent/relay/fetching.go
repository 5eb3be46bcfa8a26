package relay

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
)

// fetchWithin is how long a module may take to come.
const fetchWithin = time.Minute

// mostBetween is the longest between two tries to get a module.
const mostBetween = 15 * time.Second

// fetched tells of modules that were asked for: res waits for them, or is nil
// where they are only tried again.
type fetched struct {
	link    *link
	res     *discoveryv3.DeltaDiscoveryResponse
	digests []string
	err     error
}

// whole tells whether the modules of a resource are here.
func (c *conversation) whole(r *discoveryv3.Resource) bool {
	return len(c.relay.o.Modules.Missing(r)) == 0
}

// fetch begins to get the modules that a response needs, and tells whether it
// has to wait. A type has one response in flight, so nothing overtakes it.
func (c *conversation) fetch(ctx context.Context, res *discoveryv3.DeltaDiscoveryResponse) (wait bool) {
	missing := map[string]struct{}{}
	for _, r := range res.GetResources() {
		for _, digest := range c.relay.o.Modules.Missing(r) {
			missing[digest] = struct{}{}
		}
	}
	if len(missing) == 0 {
		return false
	}
	c.waiting[res.GetTypeUrl()] = res
	if c.relay.standsIn {
		c.late.Reset(c.relay.o.ModuleWait)
	}
	c.get(ctx, res, slices.Sorted(maps.Keys(missing)))
	return true
}

func (c *conversation) get(ctx context.Context, res *discoveryv3.DeltaDiscoveryResponse, digests []string) {
	f := fetched{link: c.link, res: res, digests: digests}
	for _, digest := range digests {
		c.getting[digest] = struct{}{}
	}
	go func() {
		limited, cancel := context.WithTimeout(ctx, fetchWithin)
		defer cancel()
		f.err = c.relay.fetchAll(limited, f.link.conn, digests)
		select {
		case c.fetched <- f:
		case <-ctx.Done():
		}
	}()
}

func (r *Relay) fetchAll(ctx context.Context, conn *grpc.ClientConn, digests []string) error {
	var errs []error
	for _, digest := range digests {
		if err := r.o.Modules.Fetch(ctx, conn, digest); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// module goes on with what waited for modules.
func (c *conversation) module(ctx context.Context, f fetched) error {
	for _, digest := range f.digests {
		delete(c.getting, digest)
	}
	if f.err == nil {
		return c.came(ctx, f)
	}
	why := strings.ReplaceAll(f.err.Error(), "\n", "; ")
	for _, digest := range f.digests {
		c.relay.o.Filters.Lacks(digest, why)
		c.lack(digest)
	}
	waits := f.res != nil && c.waiting[f.res.GetTypeUrl()] == f.res // else of a link that ended
	if !waits || c.relay.standsIn && !c.replaceable(f.res) {
		return nil
	}
	delete(c.waiting, f.res.GetTypeUrl())
	c.denied = true
	return c.refuse(ctx, f.res, why)
}

// lack has a module tried again, later each time.
func (c *conversation) lack(digest string) {
	if _, on := c.getting[digest]; on {
		return
	}
	if len(c.lacking) == 0 {
		c.tries = 0
	}
	c.lacking[digest] = struct{}{}
	c.again.Reset(min(500*time.Millisecond<<min(c.tries, 10), mostBetween))
	c.tries++
}

// came goes on where modules are here now. What was refused for want of them
// is sent again on a new link; where something else stood in, it goes.
func (c *conversation) came(ctx context.Context, f fetched) error {
	for _, digest := range f.digests {
		delete(c.lacking, digest)
	}
	for typeURL, res := range c.waiting {
		if slices.ContainsFunc(res.GetResources(), func(r *discoveryv3.Resource) bool { return !c.whole(r) }) {
			continue
		}
		delete(c.waiting, typeURL)
		if err := c.send(c.s.response(res)); err != nil {
			return err
		}
	}
	c.relay.o.Filters.Arrived(f.digests)
	if c.denied {
		c.denied = false
		c.reconnect(ctx)
	}
	return nil
}

// fetchLacking tries again what could not be had.
func (c *conversation) fetchLacking(ctx context.Context) {
	var digests []string
	for digest := range c.lacking {
		if _, on := c.getting[digest]; !on {
			digests = append(digests, digest)
		}
	}
	if !c.up || len(digests) == 0 {
		return // a new link tries, and what is on its way tells
	}
	slices.Sort(digests)
	c.get(ctx, nil, digests)
}

// replaceable tells whether Envoy has, or had, something whole in the place of
// each resource of a response whose modules are not here.
func (c *conversation) replaceable(res *discoveryv3.DeltaDiscoveryResponse) bool {
	t := c.s.types[res.GetTypeUrl()]
	for _, r := range res.GetResources() {
		if c.whole(r) || t == nil {
			continue
		}
		if old := c.s.lookup(t, r.GetName()); old == nil || !c.whole(old) {
			return false
		}
	}
	return true
}

// standIn is called when modules were waited for long enough. Where nothing
// whole can stay, Envoy gets the response, and the failure policies of the
// filters that lack theirs decide.
func (c *conversation) standIn(ctx context.Context) error {
	for typeURL, res := range c.waiting {
		delete(c.waiting, typeURL)
		why := "its module did not come within " + c.relay.o.ModuleWait.String()
		for _, r := range res.GetResources() {
			for _, digest := range c.relay.o.Modules.Missing(r) {
				c.relay.o.Filters.Lacks(digest, "")
				c.lacking[digest] = struct{}{}
			}
		}
		if c.replaceable(res) {
			c.denied = true
			if err := c.refuse(ctx, res, why); err != nil {
				return err
			}
			continue
		}
		c.relay.log.Warn("a filter's module did not come; its failure policy decides", "resources", names(res), "for", c.relay.o.ModuleWait)
		if err := c.send(c.s.response(res)); err != nil {
			return err
		}
	}
	return nil
}
