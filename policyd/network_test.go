package policyd_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/krater-mesh/krater/identity"
	"github.com/krater-mesh/krater/identity/authority"
	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/test/harness"
)

func newAuthority(t *testing.T) *authority.Authority {
	t.Helper()
	a, err := authority.Open(authority.Options{Dir: t.TempDir(), TrustDomain: "mesh.test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func issue(t *testing.T, a *authority.Authority, namespace, name string) *identity.Credential {
	t.Helper()
	c, err := a.Issue(identity.Claims{Identity: model.Identity{TrustDomain: "mesh.test", Namespace: namespace, ServiceAccount: name}, Workload: name}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &c
}

// network is a policyd on a port, with an identity.
func network(t *testing.T, a *authority.Authority, log *bytes.Buffer) (address string, service *policyd.Service) {
	t.Helper()
	own := issue(t, a, identity.SystemNamespace, identity.Policyd)
	address = "127.0.0.1:" + strconv.Itoa(harness.FreePort(t))
	ready := make(chan struct{})
	service = policyd.New(policyd.Options{
		Listen: "unix:" + filepath.Join(t.TempDir(), "p.sock"), Doors: []string{address}, Ready: func() { close(ready) }, Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Network: listen.Network{
			Server: identity.ServerTLS(func() (identity.Credential, bool) { return *own, true }, time.Now),
			Caller: func(ctx context.Context) (string, string, error) {
				c, err := identity.VerifiedPeer(ctx, a.Bundle(), time.Now())
				return c.Namespace, c.Workload, err
			},
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-ready
	return address, service
}

// ask asks about a request, and says that it is some workload.
func ask(t *testing.T, address string, creds credentials.TransportCredentials, as, policy string) (*authv3.CheckResponse, error) {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(context.Background(), "krater-workload", as, "krater-policies", policy), 10*time.Second)
	defer cancel()
	return authv3.NewAuthorizationClient(conn).Check(ctx, &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{}}, Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Method: "GET", Path: "/"}},
	}})
}

func TestOverTheNetworkOnlyMembersAskAndAsThemselves(t *testing.T) {
	a, foreign := newAuthority(t), newAuthority(t)
	var log bytes.Buffer
	t.Cleanup(func() { // when the log is whole
		if text := log.String(); strings.Contains(text, "krater.proxy=bank/vault") || !strings.Contains(text, "krater.proxy=shop/cart") {
			t.Errorf("the decision log believes what callers say:\n%s", text)
		}
	})
	address, service := network(t, a, &log)
	of := func(namespace, name string) model.RegoPolicy {
		return model.RegoPolicy{Object: model.Ref{Kind: "RegoPolicy", Namespace: namespace, Name: name}, Selector: model.Selector{Namespace: namespace},
			Modules: []model.RegoModule{{Name: "p.rego", Source: "package p\nallow := true"}}, Query: "data.p.allow", Mode: model.Enforce, Failure: model.FailClosed, Timeout: model.Duration(time.Second)}
	}
	everywhere := of("istio-system", "all")
	everywhere.Selector.Namespace = ""
	if problems := service.Server().SetPolicies([]model.RegoPolicy{of("shop", "own"), of("bank", "own"), everywhere}); len(problems) > 0 {
		t.Fatal(problems)
	}
	with := func(c *identity.Credential) credentials.TransportCredentials {
		config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}} // the server is trusted here: the test is about its callers
		if c != nil {
			config.Certificates = []tls.Certificate{*c.TLS()}
		}
		return credentials.NewTLS(config)
	}
	cart := with(issue(t, a, "shop", "cart"))
	for name, c := range map[string]struct {
		creds   credentials.TransportCredentials
		policy  string
		code    codes.Code
		allowed bool
	}{
		"a member about its namespace's policy": {cart, "shop/own", codes.OK, true},
		"a member about the mesh's policy":      {cart, "istio-system/all", codes.OK, true},
		"a member about another's policy":       {cart, "bank/own", codes.OK, false},
		"both":                                  {cart, "shop/own,bank/own", codes.OK, false},
		"nobody":                                {with(nil), "shop/own", codes.Unauthenticated, false},
		"a stranger":                            {with(issue(t, foreign, "shop", "cart")), "shop/own", codes.Unavailable, false},
		"in plain text":                         {insecure.NewCredentials(), "shop/own", codes.Unavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := ask(t, address, c.creds, "bank/vault", c.policy)
			if status.Code(err) != c.code {
				t.Fatalf("%v, want %s", err, c.code)
			}
			if got := res.GetStatus().GetCode() == int32(codes.OK) && err == nil; got != c.allowed {
				t.Errorf("allowed: %v", got)
			}
		})
	}
}

func TestOverTheNetworkPlainTextIsSaidInWords(t *testing.T) {
	err := policyd.Run(context.Background(), policyd.Options{Listen: "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), "plain text") {
		t.Errorf("it listens for everybody: %v", err)
	}
	err = policyd.Run(context.Background(), policyd.Options{Listen: "unix:" + filepath.Join(t.TempDir(), "p.sock"), Doors: []string{"127.0.0.1:0"}})
	if err == nil || !strings.Contains(err.Error(), "identity") {
		t.Errorf("it listens without an identity: %v", err)
	}
}
