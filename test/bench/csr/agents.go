package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/krater-mesh/krater/identity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	securityv1alpha1 "istio.io/api/security/v1alpha1"
)

// agent is one of a workload.
type agent struct {
	key   *ecdsa.PrivateKey
	csr   string
	token string
	once  string // a token that is good once
	own   identity.Credential
}

// makeAgents makes keys and CSRs, and has tokens made.
func makeAgents(ctx context.Context, p *plane, n int) ([]*agent, identity.Bundle, error) {
	var roots string
	if err := p.admin(ctx, http.MethodGet, "/ca/roots", nil, &roots); err != nil {
		return nil, identity.Bundle{}, err
	}
	bundle, err := identity.ParseBundle(trustDomain, []byte(roots))
	if err != nil {
		return nil, bundle, err
	}
	agents := make([]*agent, n)
	for i := range agents {
		a := &agent{}
		if a.token, err = p.mint(ctx, i, false); err != nil {
			return nil, bundle, err
		}
		if err := a.renew(); err != nil {
			return nil, bundle, err
		}
		agents[i] = a
	}
	return agents, bundle, nil
}

// renew makes another key, as each certificate has one of its own.
func (a *agent) renew() error {
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, a.key)
	a.csr = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	return err
}

// connect opens a connection as an agent does: with its certificate if asked to.
func (a *agent) connect(target string, bundle identity.Bundle, certificate bool) (*grpc.ClientConn, error) {
	config := identity.ClientTLS(func() (identity.Credential, bool) { return a.own, certificate },
		func() identity.Bundle { return bundle }, identity.ControlPlane, time.Now)
	return grpc.NewClient(target, grpc.WithTransportCredentials(credentials.NewTLS(config)), grpc.WithNoProxy())
}

// ask sends the CSR, and takes the certificate.
func (a *agent) ask(ctx context.Context, conn *grpc.ClientConn, token string) error {
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	answer, err := securityv1alpha1.NewIstioCertificateServiceClient(conn).CreateCertificate(ctx, &securityv1alpha1.IstioCertificateRequest{Csr: a.csr})
	if err != nil {
		return err
	}
	if len(answer.CertChain) < 2 {
		return fmt.Errorf("an answer of %d elements", len(answer.CertChain))
	}
	chain, err := identity.ParseCertificates([]byte(strings.Join(answer.CertChain[:len(answer.CertChain)-1], "\n")))
	if err != nil {
		return err
	}
	a.own = identity.Credential{Chain: chain, Key: a.key}
	return nil
}
