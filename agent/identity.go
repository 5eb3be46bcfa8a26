package agent

import (
	"context"
	"crypto/tls"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	grpccredentials "google.golang.org/grpc/credentials"

	"github.com/krater-mesh/krater/agent/sds"
	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/keeper"
)

type transportCredentials = grpccredentials.TransportCredentials

func overTLS(c *tls.Config) transportCredentials { return grpccredentials.NewTLS(c) }

// openIdentity reads what the agent has from before.
func (a *Agent) openIdentity() (*keeper.Keeper, error) {
	o := keeper.Options{
		Dir: filepath.Join(a.o.StateDir, identityDir), Server: a.o.Upstreams.ControlPlane, TrustDomain: a.o.TrustDomain,
		Roots: a.o.Roots, TokenFile: a.o.TokenFile, Want: a.o.Proxy.claims(),
		Address: a.o.Proxy.ip(), Logger: a.o.Logger,
	}
	keep, err := keeper.Open(o)
	if err != nil {
		return nil, fmt.Errorf("the agent's identity: %w", err)
	}
	return keep, nil
}

// impatience is when the log says first that Envoy waits for its identity.
const impatience = 10 * time.Second

// identified waits for the certificate, and takes from it who the Envoy is.
func (a *Agent) identified(ctx context.Context, keep *keeper.Keeper) (identity.Claims, error) {
	wait := time.AfterFunc(impatience, func() {
		a.o.Logger.Warn("envoy waits for its certificate", "reason", keep.LastError())
	})
	defer wait.Stop()
	c, err := keep.Wait(ctx)
	if err != nil {
		return identity.Claims{}, err
	}
	if a.o.Proxy.ID == "" {
		a.o.Proxy.ID, a.o.Proxy.Name = c.ID(), c.Workload
	}
	if c.ID() != a.o.Proxy.ID {
		return identity.Claims{}, fmt.Errorf("the certificate is %s's, not %s's: give the agent a token of its own, or another --state", c.ID(), a.o.Proxy.ID)
	}
	return c.Claims, nil
}

// credentials turn a keeper's into what Envoy gets, and tell renewals of the
// certificate apart from news of the roots.
type credentials struct {
	keep *keeper.Keeper

	mu   sync.Mutex
	next chan struct{} // closed at the next renewal
}

var _ sds.Source = (*credentials)(nil)

func newCredentials(keep *keeper.Keeper) *credentials {
	return &credentials{keep: keep, next: make(chan struct{})}
}

// Current implements sds.Source.
func (c *credentials) Current() *sds.Material {
	now, ok := c.keep.Current()
	if !ok {
		return nil // Envoy keeps what it has
	}
	m := &sds.Material{Chain: now.ChainPEM(), Key: now.KeyPEM(), Bundles: map[string][]byte{}}
	for _, domain := range now.Bundle.TrustDomains() {
		m.Bundles[domain] = now.Bundle.PEM()
	}
	return m
}

// Changed implements sds.Source.
func (c *credentials) Changed() <-chan struct{} { return c.keep.Changed() }

func (c *credentials) renewed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// run tells of renewals until ctx ends.
func (c *credentials) run(ctx context.Context) error {
	before, _ := c.keep.Current()
	for {
		changed := c.keep.Changed()
		now, ok := c.keep.Current()
		if ok && (len(before.Chain) == 0 || !now.Leaf().Equal(before.Leaf())) {
			before = now
			c.mu.Lock()
			close(c.next)
			c.next = make(chan struct{})
			c.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}
