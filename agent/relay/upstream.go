package relay

import (
	"context"
	"maps"
	"slices"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"

	"github.com/krater-mesh/krater/model"
)

// connect opens the next link.
func (c *conversation) connect(ctx context.Context) {
	number := c.s.link + 1
	if c.link != nil {
		number = c.link.number + 1
	}
	c.attempt++
	c.up, c.greeted, c.heard = false, false, false
	c.waiting = map[string]*discoveryv3.DeltaDiscoveryResponse{}
	c.link = c.relay.dial(ctx, number, c.news)
	c.retry.Stop()
	if !c.away {
		c.patience.Reset(c.relay.o.Patience)
	}
}

// reconnect leaves the link for a new one, on which what Envoy has now is told.
func (c *conversation) reconnect(ctx context.Context) {
	if c.link == nil {
		return
	}
	c.link.end()
	c.connect(ctx)
}

// hear takes in what a link tells.
func (c *conversation) hear(ctx context.Context, n news) error {
	switch {
	case n.link != c.link:
		return nil
	case n.up:
		c.up, c.opened = true, time.Now()
		for _, req := range c.s.connected(n.link.number) {
			c.push(ctx, req)
		}
		if len(c.lacking) > 0 {
			c.again.Reset(0)
		}
		c.fresh.next.Reset(0)
		return nil
	case n.res.GetTypeUrl() == model.TypeFreshness:
		return c.freshened(n.res)
	case c.relay.own.byType[n.res.GetTypeUrl()] != nil:
		if c.up {
			c.push(ctx, c.relay.own.byType[n.res.GetTypeUrl()].take(n.res))
		}
		return nil
	case n.res != nil:
		if !c.heard {
			c.relay.log.Info("the control plane answers", "node", c.node.GetId())
		}
		c.met()
		c.heard, c.away, c.outage, c.attempt = true, false, false, 0
		c.patience.Stop()
		return c.respond(ctx, n.res)
	}
	return c.lost(ctx, n.err)
}

// lost goes on without the control plane, and tries to reach it again.
func (c *conversation) lost(ctx context.Context, err error) error {
	wait := c.relay.o.Backoff(max(c.attempt, 1))
	c.tellLost(err, wait)
	c.link.end()
	c.s.link = max(c.s.link, c.link.number)
	c.link, c.up, c.away = nil, false, true
	c.patience.Stop()
	c.retry.Reset(wait)
	return c.fallBack(ctx)
}

// tellLost logs the first of a row of failures, and then every tenth; none
// when all ends together.
func (c *conversation) tellLost(err error, wait time.Duration) {
	if c.relay.isHeld() || c.outage && c.attempt%10 != 0 {
		return
	}
	c.outage = true
	c.relay.log.Warn("the control plane is not reached; what is in force stays", "target", c.relay.o.ControlPlane, "reason", err, "retry", wait)
}

// despair is called when a link has said nothing for too long.
func (c *conversation) despair(ctx context.Context) error {
	c.relay.log.Warn("the control plane says nothing; what is in force stays", "target", c.relay.o.ControlPlane, "for", c.relay.o.Patience)
	c.away = true
	return c.fallBack(ctx)
}

// push tells the control plane something. The first time it is told by whom,
// and then how the application is.
func (c *conversation) push(ctx context.Context, req *discoveryv3.DeltaDiscoveryRequest) {
	first := !c.greeted
	if first {
		req.Node = c.node
		c.greeted = true
	}
	if err := c.link.push(req); err != nil {
		c.relay.log.Warn("the connection to the control plane is begun anew", "reason", err)
		c.reconnect(ctx)
		return
	}
	if first {
		c.tellReports(c.relay.newestReports())
		for _, l := range c.relay.own.byType {
			_ = c.link.push(l.ask())
		}
	}
}

// tellReports hands reports on. What a link cannot take, the next begins with.
func (c *conversation) tellReports(reports []*discoveryv3.DeltaDiscoveryRequest) {
	for _, report := range reports {
		if c.up && c.greeted {
			_ = c.link.push(report)
		}
	}
}

func (c *conversation) renewed() <-chan struct{} {
	if c.relay.o.Renewed == nil {
		return nil
	}
	return c.relay.o.Renewed()
}

// refuse is the relay's own refusal of a response. Envoy gets for what it
// waits for what was good last, or hears that there is none.
func (c *conversation) refuse(ctx context.Context, res *discoveryv3.DeltaDiscoveryResponse, why string) error {
	c.relay.log.Warn("a resource is refused; what was in force stays", "type", short(res.GetTypeUrl()), "resources", names(res), "reason", why)
	if c.up {
		c.push(ctx, refusal(res, &rpcstatus.Status{Code: int32(codes.FailedPrecondition), Message: why}))
	}
	return c.send(c.s.instead(res))
}

func names(res *discoveryv3.DeltaDiscoveryResponse) []string {
	all := map[string]struct{}{}
	for _, r := range res.GetResources() {
		all[r.GetName()] = struct{}{}
	}
	return slices.Sorted(maps.Keys(all))
}
