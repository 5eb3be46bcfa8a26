package admission

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// SetMesh says who is declared from now on. A stream of somebody who is not
// any more ends.
func (g *Gate) SetMesh(m *Mesh) {
	g.mu.Lock()
	g.mesh = m
	g.mu.Unlock()
	g.sweep(g.declared)
}

// SetDenied says who is denied from now on. Their streams end.
func (g *Gate) SetDenied(d Denied) {
	g.mu.Lock()
	g.denied = d
	g.mu.Unlock()
	g.sweep(g.declared)
}

// Run looks at all streams now and then, and when the trusted roots change,
// until ctx ends: certificates end, and so do those who signed them.
func (g *Gate) Run(ctx context.Context, roots func() <-chan struct{}) {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		changed := roots()
		g.sweep(g.verified)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-changed:
		}
	}
}

// sweep ends the streams that do not hold.
func (g *Gate) sweep(hold func(*stream) error) {
	g.mu.Lock()
	streams := make([]*stream, 0, len(g.streams))
	for s := range g.streams {
		streams = append(streams, s)
	}
	g.mu.Unlock()
	for _, s := range streams {
		if err := hold(s); err != nil {
			g.o.Logger.Info("a stream was ended", "node", s.member.Node, "reason", status.Convert(err).Message())
			s.end(err)
		}
	}
}

// verified tells whether a stream's certificate is still good. That takes some
// work: it is not done at each edit.
func (g *Gate) verified(s *stream) error {
	if _, err := g.o.Peer(s.ctx); err != nil {
		return status.Error(codes.Unauthenticated, err.Error())
	}
	return nil
}

// declared tells whether a stream's member may still speak for its node.
func (g *Gate) declared(s *stream) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if m, err := g.find(s.member.Claims); err != nil {
		return status.Error(codes.PermissionDenied, err.Error())
	} else if m.Node != s.member.Node {
		return status.Errorf(codes.PermissionDenied, "it is %s now", m.Node)
	}
	return nil
}

// Connection is an admitted stream, for people.
type Connection struct {
	Identity string    `json:"identity"`
	Address  string    `json:"address,omitempty"`
	Ends     time.Time `json:"certificateEnds"`
}

// Connections are the newest admitted streams, by node.
func (g *Gate) Connections() map[string]Connection {
	g.mu.Lock()
	defer g.mu.Unlock()
	newest, out := map[string]time.Time{}, map[string]Connection{}
	for s := range g.streams {
		if since, ok := newest[s.member.Node]; ok && since.After(s.since) {
			continue
		}
		newest[s.member.Node] = s.since
		c := Connection{Identity: s.member.Claims.Identity.String()}
		if p, ok := peer.FromContext(s.ctx); ok {
			c.Address, c.Ends = Host(p.Addr), ends(p)
		}
		out[s.member.Node] = c
	}
	return out
}

// ends is when the first certificate of a peer's chain does.
func ends(p *peer.Peer) (end time.Time) {
	info, _ := p.AuthInfo.(credentials.TLSInfo)
	for _, c := range info.State.PeerCertificates {
		if end.IsZero() || c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}
