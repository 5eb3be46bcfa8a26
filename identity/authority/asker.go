package authority

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/krater-mesh/krater/identity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/types/known/structpb"
)

// Request is one for a certificate, whose sender proved who it is.
type Request struct {
	Claims identity.Claims
	// Group is the WorkloadGroup, "namespace/name", of whose token it is the
	// first use by this member; empty for workloads, and for renewals.
	Group string
	// Renewal tells that a certificate is renewed, not a token used.
	Renewal bool
}

// asker is who asks, as far as that is proven.
type asker struct {
	Request
	token   Token
	subject string // for the limits, and for people
	rate    rate
}

// addressField is where Istio's agents put their address in a request's
// metadata.
const addressField = "WorkloadIP"

// authenticate finds out who asks: by a token, by the certificate of the
// connection, or by both where they agree.
func (a *Authority) authenticate(ctx context.Context, meta *structpb.Struct) (asker, error) {
	text, err := bearer(ctx)
	if err != nil {
		return asker{}, err
	}
	_, given := identity.Peer(ctx)
	switch {
	case text == "" && !given:
		return asker{}, errors.New("neither a token nor a certificate was given")
	case text == "":
		return a.renewer(ctx)
	}
	by, err := a.bearerOf(text, meta)
	if err != nil || !given {
		return by, err
	}
	if other, err := a.Peer(ctx); err != nil {
		return by, fmt.Errorf("a good token came over a connection whose certificate is not: %w", err)
	} else if a.renewed(other) != by.Claims {
		return by, fmt.Errorf("the token of %s came over a connection of %s, %s", by.subject, other.Identity, other.ID())
	}
	return by, nil
}

// bearer is the call's token, if it has one.
func bearer(ctx context.Context) (string, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get("authorization")
	if len(values) == 0 {
		return "", nil
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if len(values) > 1 || !ok || !strings.EqualFold(scheme, "bearer") || token == "" {
		return "", errors.New("the authorization is not one Bearer token")
	}
	return token, nil
}

// renewer asks with the certificate that is to be renewed.
func (a *Authority) renewer(ctx context.Context) (asker, error) {
	claims, err := a.Peer(ctx)
	if err != nil {
		return asker{}, err
	}
	claims = a.renewed(claims)
	return asker{Request: Request{Claims: claims, Renewal: true}, subject: claims.Identity.String() + " " + claims.ID(), rate: rateWorkload}, nil
}

// renewed is the same holder under the mesh's trust domain of today.
func (a *Authority) renewed(c identity.Claims) identity.Claims {
	c.TrustDomain = a.Bundle().TrustDomain
	return c
}

// Peer is who is at the other end of a call, at this moment: its certificate
// has not ended since it connected, and its root is still trusted.
func (a *Authority) Peer(ctx context.Context) (identity.Claims, error) {
	return identity.VerifiedPeer(ctx, a.Bundle(), a.o.Clock())
}

// bearerOf is whom a token lets ask.
func (a *Authority) bearerOf(text string, meta *structpb.Struct) (asker, error) {
	t, err := a.Verify(text)
	if err != nil {
		return asker{}, err
	}
	by := asker{token: t, subject: t.Subject(), rate: rateWorkload}
	namespace, name, _ := strings.Cut(t.Workload+t.Group, "/")
	if t.Group != "" {
		address, err := netip.ParseAddr(meta.GetFields()[addressField].GetStringValue())
		if err != nil || address.Zone() != "" {
			return by, fmt.Errorf("a group's token needs the member's address as %s in the request's metadata", addressField)
		}
		by.Group, by.rate = t.Group, rateGroup
		name = identity.MemberName(name, address)
	}
	by.Claims = t.claims(a.Bundle().TrustDomain, namespace, name)
	return by, by.Claims.Validate()
}

// claim takes what may be taken once: a token, a member's name.
func (a *Authority) claim(by asker, key string, until time.Time) error {
	switch {
	case by.Renewal:
		return a.ledger.rebind(by.Claims.ID(), key, until)
	case by.Group != "":
		if err := a.ledger.bind(by.Claims.ID(), key, until); err != nil {
			return err
		}
	}
	if by.token.Once {
		return a.ledger.use(by.token.ID, key, by.token.Expires)
	}
	return nil
}

// Free gives up the name of a group's member that has gone, for the next one
// at its address.
func (a *Authority) Free(namespace, name string) error { return a.ledger.free(namespace + "/" + name) }

// addressOf is the other end of the call's connection.
func addressOf(ctx context.Context) string {
	p, ok := peer.FromContext(ctx)
	switch {
	case !ok || p.Addr == nil:
		return "unknown"
	case p.Addr.Network() == "unix":
		return unixPeer
	}
	return p.Addr.String()
}

// unixPeer stands for everybody on the Unix socket, which is of one user.
const unixPeer = "a Unix socket"
