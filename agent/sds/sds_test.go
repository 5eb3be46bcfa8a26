package sds

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secretv3 "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"go.uber.org/goleak"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type source struct {
	mu      sync.Mutex
	current *Material
	changed chan struct{}
}

func (s *source) Current() *Material {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

func (s *source) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

func (s *source) set(m *Material) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = m
	close(s.changed)
	s.changed = make(chan struct{})
}

type client struct {
	t      *testing.T
	stream secretv3.SecretDiscoveryService_DeltaSecretsClient
}

func dial(t *testing.T, s *source) (*client, secretv3.SecretDiscoveryServiceClient) {
	t.Helper()
	l := bufconn.Listen(1 << 16)
	g := grpc.NewServer()
	New(s, nil).Register(g)
	go g.Serve(l)
	conn, err := grpc.NewClient("passthrough:x", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(func() { cancel(); conn.Close(); g.Stop() })
	c := secretv3.NewSecretDiscoveryServiceClient(conn)
	stream, err := c.DeltaSecrets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, stream}, c
}

func (c *client) ask(req *discoveryv3.DeltaDiscoveryRequest) {
	c.t.Helper()
	if err := c.stream.Send(req); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) answer() *discoveryv3.DeltaDiscoveryResponse {
	c.t.Helper()
	res, err := c.stream.Recv()
	if err != nil {
		c.t.Fatal(err)
	}
	return res
}

// secrets are the names of a response and what they hold.
func (c *client) secrets(res *discoveryv3.DeltaDiscoveryResponse) map[string]*tlsv3.Secret {
	c.t.Helper()
	out := map[string]*tlsv3.Secret{}
	for _, r := range res.GetResources() {
		s := &tlsv3.Secret{}
		if err := r.GetResource().UnmarshalTo(s); err != nil {
			c.t.Fatal(err)
		}
		out[r.GetName()] = s
	}
	return out
}

func subscribe(names ...string) *discoveryv3.DeltaDiscoveryRequest {
	return &discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResourceNamesSubscribe: names}
}

func material(chain string) *Material {
	return &Material{Chain: []byte(chain), Key: []byte("key of " + chain), Bundles: map[string][]byte{"old": []byte("root"), "td": []byte("root")}}
}

func TestSecretsAndTheirChanges(t *testing.T) {
	s := &source{changed: make(chan struct{})}
	c, _ := dial(t, s)
	c.ask(subscribe(Certificate, Roots))
	s.set(material("one")) // asked before there was an identity
	first := c.answer()
	got := c.secrets(first)
	if text := string(got[Certificate].GetTlsCertificate().GetPrivateKey().GetInlineBytes()); text != "key of one" {
		t.Errorf("the key is %q", text)
	}
	roots := &tlsv3.SPIFFECertValidatorConfig{}
	if err := got[Roots].GetValidationContext().GetCustomValidatorConfig().GetTypedConfig().UnmarshalTo(roots); err != nil {
		t.Fatal(err)
	}
	if len(roots.TrustDomains) != 2 || roots.TrustDomains[0].Name != "old" || roots.TrustDomains[1].Name != "td" {
		t.Errorf("the trust domains are %v", roots.TrustDomains)
	}

	c.ask(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResponseNonce: first.Nonce})
	s.set(material("two"))
	second := c.answer()
	if got := c.secrets(second); len(got) != 1 || string(got[Certificate].GetTlsCertificate().GetCertificateChain().GetInlineBytes()) != "two" {
		t.Errorf("after a renewal: %v, want the certificate and nothing else", second.GetResources())
	}
	c.ask(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: typeURL, ResponseNonce: second.Nonce,
		ErrorDetail: &rpcstatus.Status{Code: int32(codes.InvalidArgument), Message: "no"}})
	s.set(material("three"))
	if got := c.secrets(c.answer()); len(got) != 1 {
		t.Errorf("after a refusal: %v", got)
	}
}

func TestAReconnectedEnvoyIsSentWhatItLacks(t *testing.T) {
	s := &source{current: material("one"), changed: make(chan struct{})}
	req := subscribe(Certificate, Roots)
	req.InitialResourceVersions = map[string]string{Roots: s.current.rootsVersion(), Certificate: "an older one's"}
	c, _ := dial(t, s)
	c.ask(req)
	if got := c.secrets(c.answer()); len(got) != 1 || got[Certificate] == nil {
		t.Errorf("sent %v, want the certificate only", got)
	}
}

func TestAnUnknownSecretIsAnswered(t *testing.T) {
	s := &source{current: material("one"), changed: make(chan struct{})}
	c, _ := dial(t, s)
	c.ask(subscribe("another"))
	if res := c.answer(); len(res.GetRemovedResources()) != 1 || res.GetRemovedResources()[0] != "another" {
		t.Errorf("answered %v", res)
	}
	c.ask(subscribe(Certificate))
	if res := c.answer(); len(res.GetResources()) != 1 || len(res.GetRemovedResources()) != 0 {
		t.Errorf("answered %v", res)
	}
}

func TestStateOfTheWorldIsRefused(t *testing.T) {
	_, c := dial(t, &source{changed: make(chan struct{})})
	stream, err := c.StreamSecrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = stream.Recv(); status.Code(err) != codes.Unimplemented {
		t.Errorf("got %v", err)
	}
}
