package relay

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
)

// mostUnquiet is after how long what Envoy took is written down though there
// was no quiet moment.
const mostUnquiet = 5 * time.Second

type downstream = discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer

// conversation is one Envoy's stream, and one link to the control plane after
// the other. All of it is one goroutine's.
type conversation struct {
	relay *Relay
	down  downstream
	s     *session
	node  *corev3.Node

	link     *link     // nil: waits for the next attempt
	up       bool      // the link takes requests
	greeted  bool      // it was told who asks
	heard    bool      // it answered
	away     bool      // nothing is to be expected soon: the last good answers
	outage   bool      // the log knows that the control plane is not reached
	attempt  int       // links in a row that brought nothing
	news     chan news // of links
	retry    *time.Timer
	patience *time.Timer

	quiet   *time.Timer
	unquiet time.Time // since when something has not been written down; zero: nothing
	writing chan struct{}

	waiting map[string]*discoveryv3.DeltaDiscoveryResponse // by type: for modules
	fetched chan fetched
	lacking map[string]struct{} // modules that could not be had
	getting map[string]struct{} // those that are on their way
	denied  bool                // something was refused for want of them
	tries   int                 // to get them, in a row
	again   *time.Timer         // when these are tried again
	late    *time.Timer         // when modules have been waited for long enough

	standing map[string][sha256.Size]byte // how filters' resources were sent last
	restand  bool                         // some stand otherwise now

	fresh  freshness
	opened time.Time // the link
}

func newConversation(r *Relay, down downstream) *conversation {
	c := &conversation{
		relay: r, down: down, node: proto.CloneOf(r.o.Node), news: make(chan news),
		retry: stopped(), patience: stopped(), quiet: stopped(), again: stopped(), late: stopped(),
		standing: map[string][sha256.Size]byte{}, fresh: freshness{next: stopped(), within: map[string]time.Duration{}},
		waiting: map[string]*discoveryv3.DeltaDiscoveryResponse{}, fetched: make(chan fetched), lacking: map[string]struct{}{}, getting: map[string]struct{}{},
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c.s = newSession(r.kept)
	c.s.usable = func(res *discoveryv3.Resource) bool { return r.standsIn || c.whole(res) }
	return c
}

func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// run relays until Envoy goes.
func (c *conversation) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer c.written()
	defer cancel()
	requests, ended := make(chan *discoveryv3.DeltaDiscoveryRequest), make(chan error, 1)
	go func() { ended <- receive(c.down, requests) }()
	wake := c.relay.reporter()
	defer c.relay.silent(wake)
	renewed, changed := c.renewed(), c.relay.o.Filters.Changed()
	_, _, values := c.relay.FilterSecrets()
	c.connect(ctx)
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case req := <-requests:
			err = c.request(ctx, req)
		case n := <-c.news:
			err = c.hear(ctx, n)
		case <-c.retry.C:
			c.connect(ctx)
		case <-c.patience.C:
			err = c.despair(ctx)
		case <-renewed:
			renewed = c.renewed()
			c.reconnect(ctx)
		case <-wake:
			c.tellReports(c.relay.newReports(wake))
		case f := <-c.fetched:
			err = c.module(ctx, f)
		case <-c.again.C:
			c.fetchLacking(ctx)
		case <-c.late.C:
			err = c.standIn(ctx)
		case <-changed:
			changed = c.relay.o.Filters.Changed()
			err = c.standAgain()
		case <-values:
			_, _, values = c.relay.FilterSecrets()
			err = c.standAgain()
		case <-c.fresh.next.C:
			c.askFreshness(ctx)
		case <-c.quiet.C:
			c.keep()
		}
		if err != nil {
			return err
		}
	}
}

func receive(down downstream, to chan<- *discoveryv3.DeltaDiscoveryRequest) error {
	for {
		req, err := down.Recv()
		if err != nil {
			return err
		}
		select {
		case to <- req:
		case <-down.Context().Done():
			return context.Cause(down.Context())
		}
	}
}

// request takes in what Envoy says.
func (c *conversation) request(ctx context.Context, req *discoveryv3.DeltaDiscoveryRequest) error {
	if n := req.GetNode(); n != nil {
		c.node = identified(n, c.relay.o.Node)
	}
	c.stir()
	t, answered := c.s.note(req)
	refused := answered != nil && req.GetErrorDetail() != nil
	if refused {
		if err := c.refused(t, answered, req.GetErrorDetail().GetMessage()); err != nil {
			return err
		}
	}
	if err := c.follow(t, answered, req); err != nil {
		return err
	}
	if c.away {
		if err := c.fallBack(ctx); err != nil {
			return err
		}
	}
	switch {
	case !c.up:
	case refused && !answered.again && answered.link != c.s.link, !refused && answered != nil && answered.instead:
		c.reconnect(ctx) // the link was told otherwise of what Envoy has
	default:
		if out := c.s.forward(t, answered, req); out != nil {
			c.push(ctx, out)
		}
	}
	return nil
}

// refused has Envoy keep, or get, what was good.
func (c *conversation) refused(t *subscription, f *flight, detail string) error {
	c.relay.log.Info("envoy refused a resource; what it had stays", "type", short(t.typeURL), "resources", len(f.resources), "detail", detail)
	return c.send(c.s.substitute(t, f))
}

// identified is a node as the agent knows it, with what only Envoy knows.
func identified(said, known *corev3.Node) *corev3.Node {
	out := proto.CloneOf(known)
	out.UserAgentName, out.UserAgentVersionType = said.GetUserAgentName(), said.GetUserAgentVersionType()
	out.ClientFeatures = said.GetClientFeatures()
	return out
}

// respond sends Envoy a response of the control plane's, once its modules are here.
func (c *conversation) respond(ctx context.Context, res *discoveryv3.DeltaDiscoveryResponse) error {
	if t := c.s.types[res.GetTypeUrl()]; t != nil {
		if status := t.known(res); status != nil {
			c.push(ctx, refusal(res, status))
			return c.send(c.s.instead(res))
		}
	}
	if c.fetch(ctx, res) {
		return nil
	}
	return c.send(c.s.response(res))
}

// send hands a response to Envoy, with its modules' files in their place.
func (c *conversation) send(res *discoveryv3.DeltaDiscoveryResponse) error {
	if res == nil {
		return nil
	}
	c.stir()
	local := make([]*discoveryv3.Resource, len(res.GetResources())) // what is kept stays as it came
	for i, r := range res.GetResources() {
		var err error
		if local[i], err = c.local(r); err != nil {
			return err
		}
		c.stood(res.GetTypeUrl(), r, local[i])
	}
	res.Resources = local
	return c.down.Send(res)
}

// fallBack answers Envoy from the last good configuration.
func (c *conversation) fallBack(ctx context.Context) error {
	responses, again := c.s.fromLastGood()
	for _, res := range responses {
		if err := c.send(res); err != nil {
			return err
		}
	}
	if again && c.up {
		c.reconnect(ctx)
	}
	return nil
}
