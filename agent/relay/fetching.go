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

// fetchWithin is how long a module may take; what waits for it waits that long.
const fetchWithin = 20 * time.Second

// fetchAgain is when a module that could not be had is tried again.
const fetchAgain = 15 * time.Second

// fetched tells of modules that were asked for: res waits for them, or is nil
// where they are only tried again.
type fetched struct {
	link    *link
	res     *discoveryv3.DeltaDiscoveryResponse
	digests []string
	err     error
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
	c.get(ctx, res, slices.Sorted(maps.Keys(missing)))
	return true
}

func (c *conversation) get(ctx context.Context, res *discoveryv3.DeltaDiscoveryResponse, digests []string) {
	f := fetched{link: c.link, res: res, digests: digests}
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

// module goes on with a response whose modules are here, or refuses it.
func (c *conversation) module(ctx context.Context, f fetched) error {
	if f.res == nil {
		return c.lackingCame(ctx, f)
	}
	if c.waiting[f.res.GetTypeUrl()] != f.res {
		return nil // of a link that ended
	}
	delete(c.waiting, f.res.GetTypeUrl())
	if f.err == nil {
		return c.send(c.s.response(f.res))
	}
	for _, digest := range f.digests {
		c.lacking[digest] = struct{}{}
	}
	c.again.Reset(fetchAgain)
	return c.refuse(ctx, f.res, strings.ReplaceAll(f.err.Error(), "\n", "; "))
}

// fetchLacking tries again what could not be had.
func (c *conversation) fetchLacking(ctx context.Context) {
	if !c.up {
		c.again.Reset(fetchAgain)
		return
	}
	c.get(ctx, nil, slices.Sorted(maps.Keys(c.lacking)))
}

// lackingCame begins the link anew once all modules are here: what was refused
// for want of them is then sent again.
func (c *conversation) lackingCame(ctx context.Context, f fetched) error {
	if f.err != nil {
		c.again.Reset(fetchAgain)
		return nil
	}
	clear(c.lacking)
	c.reconnect(ctx)
	return nil
}
