package daemon

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/krater-mesh/krater/cmd/krater/admission"
	"github.com/krater-mesh/krater/identity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// maxCallers bounds the connections whose certificates are remembered.
const maxCallers = 10_000

// callers know who is at the other end of each connection. A certificate is
// verified once for its connection and the roots of the time, not for each of
// the thousands of calls.
type callers struct {
	bundle  func() identity.Bundle
	changed func() <-chan struct{}
	logger  *slog.Logger
	refused admission.Refusals

	mu    sync.Mutex
	known map[*x509.Certificate]known
	until <-chan struct{} // closed when the roots are others
}

type known struct {
	claims identity.Claims
	ends   time.Time
}

func (c *callers) of(ctx context.Context) (identity.Claims, error) {
	p, _ := peer.FromContext(ctx)
	now := time.Now()
	claims, err := c.find(ctx, p, now)
	if err == nil {
		return claims, nil
	}
	address := ""
	if p != nil {
		address = admission.Host(p.Addr)
	}
	if c.refused.Add(admission.Refusal{What: "call", Address: address, Reason: err.Error()}, now) {
		c.logger.Warn("refused", "what", "call", "address", address, "reason", err)
	}
	return identity.Claims{}, err
}

func (c *callers) find(ctx context.Context, p *peer.Peer, now time.Time) (identity.Claims, error) {
	leaf, ends := leafOf(p)
	k, of, ok := c.remembered(leaf)
	if ok && now.Before(k.ends) {
		return k.claims, nil
	}
	claims, err := identity.VerifiedPeer(ctx, c.bundle(), now)
	if err != nil {
		return claims, fmt.Errorf("only members of the mesh may ask: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxCallers {
		clear(c.known)
	}
	if c.until == of { // else the roots have changed since
		c.known[leaf] = known{claims, ends}
	}
	return claims, nil
}

// remembered forgets everybody when the roots have changed, and tells of which
// roots it speaks.
func (c *callers) remembered(leaf *x509.Certificate) (k known, of <-chan struct{}, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.until:
		c.known = nil
	default:
	}
	if c.known == nil {
		c.known, c.until = map[*x509.Certificate]known{}, c.changed()
	}
	k, ok = c.known[leaf]
	return k, c.until, ok
}

// leafOf is a peer's certificate, and when the first of its chain ends.
func leafOf(p *peer.Peer) (leaf *x509.Certificate, ends time.Time) {
	if p == nil {
		return nil, ends
	}
	info, _ := p.AuthInfo.(credentials.TLSInfo)
	for i, c := range info.State.PeerCertificates {
		if i == 0 {
			leaf, ends = c, c.NotAfter
		}
		if c.NotAfter.Before(ends) {
			ends = c.NotAfter
		}
	}
	return leaf, ends
}
