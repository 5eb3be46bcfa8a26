// Package subscribe keeps a daemon's slice of the configuration up to date: it
// turns the control plane's delta xDS into Updates for one handler, and keeps
// the last good state on disk. It never hands on what the handler refused.
package subscribe

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/grpc"
)

// Options are what a Client is made with.
type Options struct {
	Target string   // the control plane: "unix:PATH" or "host:port"
	Node   string   // the node id, such as model.NodePolicyd
	Types  []string // the type URLs of model/slice.go
	Dir    string   // where the last good state is kept; "" keeps none
	Logger *slog.Logger

	// Patience is how long the first answer may take until the state on disk
	// is used instead. Zero is 2 s.
	Patience time.Duration
	// Backoff is the wait before the nth attempt in a row, from 1. Nil doubles
	// from 100 ms to 5 s, each with a random half taken off.
	Backoff func(attempt int) time.Duration
	// Dial adds to how the control plane is reached.
	Dial []grpc.DialOption
}

// Handler takes an update in. If it returns an error nothing of the update
// may be in force: the server is told, and the last good state stays.
type Handler func(Update) error

// Client subscribes to every resource of its types.
type Client struct {
	options Options
	log     *slog.Logger
	types   map[string]*state
	loaded  bool // the disk was looked at, or needs not to be
}

// New makes a client. It starts nothing.
func New(o Options) *Client {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Second
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	c := &Client{options: o, log: o.Logger, types: map[string]*state{}, loaded: o.Dir == ""}
	for _, typeURL := range o.Types {
		c.types[typeURL] = newState(typeURL)
	}
	return c
}

// Run subscribes until the context ends, and reconnects whenever it has to.
// The handler is called by this goroutine only, first with the state on disk
// if the server does not answer soon. The error is the context's, or says
// what is wrong with the options. A Client runs once.
func (c *Client) Run(ctx context.Context, handle Handler) error {
	if c.options.Target == "" || c.options.Node == "" {
		return errors.New("subscribing needs a target and a node id")
	}
	for attempt := 1; ; attempt++ {
		answered, err := c.connect(ctx, handle)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if answered {
			attempt = 1
		}
		c.fallBack(handle)
		wait := c.options.Backoff(attempt)
		c.log.Warn("the control plane is not reached", "target", c.options.Target, "error", err, "retry", wait)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}

// fallBack delivers the state on disk, once, for the types that the server
// has not answered.
func (c *Client) fallBack(handle Handler) {
	if c.loaded {
		return
	}
	c.loaded = true
	for _, typeURL := range c.options.Types {
		s := c.types[typeURL]
		if s.current {
			continue
		}
		saved, err := load(c.options.Dir, typeURL, c.options.Node)
		if err != nil {
			c.log.Warn("the last good state is not used", "type", short(typeURL), "error", err)
			continue
		}
		if saved == nil {
			continue
		}
		u := saved.update(nil)
		u.FromDisk = true
		if err := handle(u); err != nil {
			c.log.Warn("the last good state is refused", "type", short(typeURL), "error", err)
			continue
		}
		c.types[typeURL] = saved
		c.log.Info("running on the last good state", "type", short(typeURL), "resources", len(u.Resources))
	}
}

// current tells whether the server has answered every type.
func (c *Client) current() bool {
	for _, s := range c.types {
		if !s.current {
			return false
		}
	}
	return true
}

// short is a type URL's last word, for people and file names.
func short(typeURL string) string {
	return typeURL[strings.LastIndexAny(typeURL, "./")+1:]
}
