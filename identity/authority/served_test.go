package authority

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/krater-mesh/krater/identity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	securityv1alpha1 "istio.io/api/security/v1alpha1"
)

// served is an authority behind TLS on a socket, and everything it logs.
type served struct {
	*Authority
	t      *testing.T
	target string
	log    *logged
}

type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func serveOn(t *testing.T, network string, o Options) *served {
	t.Helper()
	log := &logged{}
	o.Logger = slog.New(slog.NewTextHandler(log, nil))
	a := open(t, o)
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(grpc.Creds(credentials.NewTLS(a.ServerTLS())))
	a.Register(g)
	done := make(chan struct{})
	go func() { defer close(done); g.Serve(l) }()
	t.Cleanup(func() { g.Stop(); <-done })
	target := l.Addr().String()
	if network == "unix" {
		target = "unix:" + target
	}
	return &served{a, t, target, log}
}

// call is one request: with a token, with a credential, with both or neither.
type call struct {
	token   string
	as      *identity.Credential
	csr     []byte
	address string
	seconds int64
	header  []string // further values of the authorization
}

func (s *served) ask(c call) ([]string, error) {
	s.t.Helper()
	conn := s.connect(c.as)
	defer conn.Close()
	return s.askOn(conn, c)
}

func (s *served) connect(as *identity.Credential) *grpc.ClientConn {
	s.t.Helper()
	config := identity.ClientTLS(func() (identity.Credential, bool) {
		if as == nil {
			return identity.Credential{}, false
		}
		return *as, true
	}, s.Bundle, identity.ControlPlane, s.o.Clock)
	conn, err := grpc.NewClient(s.target, grpc.WithTransportCredentials(credentials.NewTLS(config)), grpc.WithNoProxy())
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

func (s *served) askOn(conn *grpc.ClientConn, c call) ([]string, error) {
	s.t.Helper()
	if c.csr == nil {
		c.csr = csr(s.t, p256(s.t), nil)
	}
	req := &securityv1alpha1.IstioCertificateRequest{Csr: string(c.csr), ValidityDuration: c.seconds}
	if c.address != "" {
		req.Metadata = &structpb.Struct{Fields: map[string]*structpb.Value{addressField: structpb.NewStringValue(c.address)}}
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	if c.token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+c.token)
	}
	for _, h := range c.header {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", h)
	}
	answer, err := securityv1alpha1.NewIstioCertificateServiceClient(conn).CreateCertificate(ctx, req)
	return answer.GetCertChain(), err
}

func (s *served) mint(g Grant) string {
	s.t.Helper()
	text, _, err := s.Mint(g)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s *served) issue(c identity.Claims) *identity.Credential {
	s.t.Helper()
	out, err := s.Issue(c, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return &out
}

// holder reads an answer as an agent does.
func (s *served) holder(answer []string) identity.Claims {
	s.t.Helper()
	if len(answer) < 2 {
		s.t.Fatalf("the answer has %d elements", len(answer))
	}
	last := len(answer) - 1
	chain, err := identity.ParseCertificates([]byte(strings.Join(answer[:last], "")))
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := identity.ParseBundle(s.Bundle().TrustDomain, []byte(answer[last]))
	if err != nil {
		s.t.Fatal(err)
	}
	claims, err := b.Verify(chain, s.o.Clock())
	if err != nil {
		s.t.Fatal(err)
	}
	return claims
}

// refusedAs wants a code, a refusal of a kind that everybody can see, and no
// token anywhere.
func (s *served) refusedAs(err error, code codes.Code, kind Kind, c call) Refusal {
	s.t.Helper()
	list := s.Refusals()
	if status.Code(err) != code || len(list) == 0 || list[len(list)-1].Kind != kind {
		s.t.Fatalf("%v, refusals %+v: want %s, %s", err, list, code, kind)
	}
	r := list[len(list)-1]
	all := fmt.Sprintf("%v %+v %s %s", err, r, r.Problem(), s.log)
	if c.token != "" && strings.Contains(all, c.token) {
		s.t.Errorf("the token is shown: %s", all)
	}
	if log := s.log.String(); !strings.Contains(log, r.Reason[:min(len(r.Reason), 20)]) || !strings.Contains(log, r.Asker) || !strings.Contains(log, r.Address) {
		s.t.Errorf("the log does not tell %q: %s", r.Reason, s.log)
	}
	return r
}
