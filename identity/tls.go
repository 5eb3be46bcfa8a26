package identity

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// Current gives the credential of now; false where there is none.
type Current func() (Credential, bool)

var errNone = errors.New("there is no certificate yet, or it ended")

// ServerTLS serves with the credential of each moment. A client's certificate,
// if it gives one, is held against the roots of that moment: what may be done
// without one is for each method to say, by Peer.
func ServerTLS(current Current, now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
		ClientAuth: tls.RequestClientCert,
		// A resumed session would bring back a client that is no longer trusted.
		SessionTicketsDisabled: true,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate(current) },
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return nil
			}
			c, ok := current()
			if !ok {
				return errNone
			}
			_, err := c.Bundle.Verify(s.PeerCertificates, now())
			return err
		},
	}
}

// ClientTLS asks as the credential of each moment, and takes only the server
// that is meant: one of Krater's parts, by its identity. A DNS name or an
// address says nothing here. Without a credential the client gives none.
func ClientTLS(current Current, bundle func() Bundle, server string, now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{"h2"},
		InsecureSkipVerify: true, // VerifyConnection does, by identity instead of by name
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c, ok := current(); ok {
				return c.TLS(), nil
			}
			return &tls.Certificate{}, nil
		},
		VerifyConnection: func(s tls.ConnectionState) error {
			claims, err := bundle().Verify(s.PeerCertificates, now())
			if err != nil {
				return fmt.Errorf("the server is not to be trusted: %w", err)
			}
			// In whichever of the mesh's trust domains: Verify let no other pass.
			if want := System(claims.TrustDomain, server); claims != want {
				return fmt.Errorf("the server is %s, not %s", claims.Identity, want.Identity)
			}
			return nil
		},
	}
}

func certificate(current Current) (*tls.Certificate, error) {
	c, ok := current()
	if !ok {
		return nil, errNone
	}
	return c.TLS(), nil
}

// Peer is who the other end of a gRPC call was when it connected; false if it
// gave no certificate. A connection may outlive it: see Bundle.Verify.
func Peer(ctx context.Context) (Claims, bool) {
	state, ok := connection(ctx)
	if !ok || len(state.PeerCertificates) == 0 {
		return Claims{}, false
	}
	claims, err := ClaimsOf(state.PeerCertificates[0])
	return claims, err == nil
}

func connection(ctx context.Context) (tls.ConnectionState, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return tls.ConnectionState{}, false
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	return info.State, ok
}

// VerifiedPeer is who the other end of a gRPC call is at a time: its
// certificate has not ended since it connected, and its root is still trusted.
func VerifiedPeer(ctx context.Context, b Bundle, now time.Time) (Claims, error) {
	state, ok := connection(ctx)
	if !ok || len(state.PeerCertificates) == 0 {
		return Claims{}, errors.New("the connection has no client certificate")
	}
	return b.Verify(state.PeerCertificates, now)
}
