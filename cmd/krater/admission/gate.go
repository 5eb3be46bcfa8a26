// Package admission decides who may ask the control plane for what: from a
// verified certificate and the declared mesh follows the one node that a
// stream may speak for. It ends a stream when that is no longer true, and
// refuses whatever it is not certain of.
package admission

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/krater-mesh/krater/identity"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// sweepInterval is how often streams are looked at again: none outlives its
// certificate for longer.
const sweepInterval = 10 * time.Second

// Options of a Gate.
type Options struct {
	// Peer is who is at the other end of a call: an error, unless its
	// certificate is good at this moment.
	Peer func(context.Context) (identity.Claims, error)
	// Joined is called when a stream of a group's member is admitted, and its
	// result when that stream has ended; nil: nobody is told. An error refuses.
	Joined func(Member, *core.Node) (left func(), err error)
	Logger *slog.Logger
	Now    func() time.Time // nil: time.Now
}

// Gate admits streams. Many goroutines may use it.
type Gate struct {
	Refusals
	o Options

	mu      sync.Mutex
	mesh    *Mesh
	denied  Denied
	streams map[*stream]struct{}
}

// stream is one that was admitted.
type stream struct {
	ctx    context.Context // of the call: it carries the certificate
	end    context.CancelCauseFunc
	member Member
	since  time.Time
}

// New makes a gate that lets nobody in: it knows no mesh yet.
func New(o Options) *Gate {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Gate{o: o, mesh: &Mesh{}, streams: map[*stream]struct{}{}}
}

// Admit is for serve.Options: whether a stream may speak for a node.
func (g *Gate) Admit(ctx context.Context, node *core.Node) (context.Context, error) {
	if !encrypted(ctx) {
		return g.admitPlain(ctx, node)
	}
	claims, err := g.o.Peer(ctx)
	if err != nil {
		return nil, g.refuse(ctx, Refusal{What: "stream", Node: node.GetId(), Reason: err.Error()}, codes.Unauthenticated)
	}
	s := &stream{ctx: ctx, since: g.o.Now()}
	admitted, end := context.WithCancelCause(ctx)
	s.end = end
	if err := g.enter(s, claims, node.GetId()); err != nil {
		end(err)
		return nil, g.refuse(ctx, Refusal{What: "stream", Node: node.GetId(), Identity: claims.Identity.String(), Workload: claims.ID(), Reason: err.Error()}, codes.PermissionDenied)
	}
	left := func() {}
	if s.member.Group != nil && g.o.Joined != nil {
		if left, err = g.o.Joined(s.member, node); err != nil {
			g.leave(s)
			end(err)
			return nil, status.Error(codes.Unavailable, err.Error())
		}
	}
	context.AfterFunc(ctx, func() {
		g.leave(s)
		left()
		end(nil)
	})
	return admitted, nil
}

// enter admits a stream, if it may speak for a node. Who is admitted and who
// the mesh declares are looked at under one lock: nobody slips in between.
func (g *Gate) enter(s *stream, claims identity.Claims, node string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	m, err := g.find(claims)
	if err != nil {
		return err
	}
	if node != m.Node {
		return fmt.Errorf("it says that it is %q, its certificate is of %q", node, m.Node)
	}
	s.member = m
	g.streams[s] = struct{}{}
	return nil
}

func (g *Gate) leave(s *stream) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.streams, s)
}

// find is the mesh's, less who is denied. It needs g.mu.
func (g *Gate) find(c identity.Claims) (Member, error) {
	if g.denied[c.ID()] {
		return Member{}, fmt.Errorf("the workload %s is denied", c.ID())
	}
	return g.mesh.Find(c)
}

// admitPlain is for the socket of this machine's daemons, which only their
// user can open. A proxy has an agent, which has a certificate.
func (g *Gate) admitPlain(ctx context.Context, node *core.Node) (context.Context, error) {
	for _, id := range daemons {
		if node.GetId() == id {
			return ctx, nil
		}
	}
	return nil, g.refuse(ctx, Refusal{What: "stream", Node: node.GetId(), Reason: "proxies come with a certificate, over the listener for agents"}, codes.PermissionDenied)
}

// Member is who makes a call, if it may make one at all. What is what the call
// is about, for the list of refusals.
func (g *Gate) Member(ctx context.Context, what string) (Member, error) {
	claims, err := g.o.Peer(ctx)
	if err != nil {
		return Member{}, g.refuse(ctx, Refusal{What: what, Reason: err.Error()}, codes.Unauthenticated)
	}
	g.mu.Lock()
	m, err := g.find(claims)
	g.mu.Unlock()
	if err != nil {
		return Member{}, g.refuse(ctx, Refusal{What: what, Identity: claims.Identity.String(), Workload: claims.ID(), Reason: err.Error()}, codes.PermissionDenied)
	}
	return m, nil
}

// Permit tells who it is that wants a certificate, the first or another: an
// error, if nobody may have it.
func (g *Gate) Permit(c identity.Claims) (Member, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.find(c)
}

// Refuse notes that a member was refused something.
func (g *Gate) Refuse(ctx context.Context, what string, m Member, reason string, code codes.Code) error {
	return g.refuse(ctx, Refusal{What: what, Node: m.Node, Identity: m.Claims.Identity.String(), Workload: m.Claims.ID(), Reason: reason}, code)
}

func (g *Gate) refuse(ctx context.Context, r Refusal, code codes.Code) error {
	if p, ok := peer.FromContext(ctx); ok {
		r.Address = Host(p.Addr)
	}
	g.Note(r)
	return status.Error(code, r.Reason)
}

// Note keeps a refusal, and logs it the first time.
func (g *Gate) Note(r Refusal) {
	if g.Add(r, g.o.Now()) {
		g.o.Logger.Warn("refused", "what", r.What, "node", r.Node, "identity", r.Identity, "workload", r.Workload, "address", r.Address, "reason", r.Reason)
	}
}

// Host is an address without its port, which says nothing of who it is.
func Host(a net.Addr) string {
	if h, _, err := net.SplitHostPort(a.String()); err == nil {
		return h
	}
	return strings.TrimSuffix(a.Network()+":"+a.String(), ":@")
}

func encrypted(ctx context.Context) bool {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return false
	}
	_, ok = p.AuthInfo.(credentials.TLSInfo)
	return ok
}
