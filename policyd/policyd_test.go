package policyd_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/listen"
	"github.com/krater-mesh/krater/model"
	"github.com/krater-mesh/krater/policyd"
	"github.com/krater-mesh/krater/policyd/rego"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// controlPlane serves policies over delta ADS, as a test says.
type controlPlane struct {
	discovery.UnimplementedAggregatedDiscoveryServiceServer
	send    chan []model.RegoPolicy
	replies chan *discovery.DeltaDiscoveryRequest // ACKs and NACKs
}

func (c *controlPlane) DeltaAggregatedResources(stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	requests := make(chan *discovery.DeltaDiscoveryRequest)
	go func() {
		defer close(requests)
		for {
			r, err := stream.Recv()
			if err != nil {
				return
			}
			requests <- r
		}
	}()
	for {
		select {
		case r, ok := <-requests:
			if !ok {
				return nil
			}
			if r.GetResponseNonce() != "" {
				c.replies <- r
			}
		case list := <-c.send:
			if err := stream.Send(response(list)); err != nil {
				return err
			}
		}
	}
}

func response(list []model.RegoPolicy) *discovery.DeltaDiscoveryResponse {
	out := &discovery.DeltaDiscoveryResponse{TypeUrl: model.TypeRegoPolicy, Nonce: model.Hash(list)}
	for _, p := range list {
		text, err := json.Marshal(p)
		if err != nil {
			panic(err)
		}
		packed, err := anypb.New(wrapperspb.Bytes(text))
		if err != nil {
			panic(err)
		}
		out.Resources = append(out.Resources, &discovery.Resource{Name: p.Object.Key(), Version: p.Version(), Resource: packed})
	}
	return out
}

// startControlPlane gives its target. stop may be called once.
func startControlPlane(t *testing.T) (c *controlPlane, target string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c = &controlPlane{send: make(chan []model.RegoPolicy, 1), replies: make(chan *discovery.DeltaDiscoveryRequest, 16)}
	server := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(server, c)
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return c, listener.Addr().String(), func() {
		server.Stop()
		<-done
	}
}

// start runs a policyd until stop, and gives a client of it.
func start(t *testing.T, o policyd.Options) (client authv3.AuthorizationClient, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	o.Listen, o.Ready = "unix:"+filepath.Join(t.TempDir(), "policyd.sock"), func() { close(ready) }
	go func() { done <- policyd.Run(ctx, o) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("policyd ended: %v", err)
	}
	conn, err := grpc.NewClient(o.Listen, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	return authv3.NewAuthorizationClient(conn), func() {
		_ = conn.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("policyd ended with %v", err)
		}
	}
}

func policyOf(source string) model.RegoPolicy {
	return model.RegoPolicy{
		Object:  model.Ref{Kind: "RegoPolicy", Namespace: "a", Name: "p"},
		Modules: []model.RegoModule{{Name: "p.rego", Source: source}},
		Query:   "data.p.allow", Failure: model.FailClosed, Timeout: model.Duration(time.Second),
	}
}

func allowed(t *testing.T, client authv3.AuthorizationClient) bool {
	t.Helper()
	return asked(t, client, "a/p")
}

func asked(t *testing.T, client authv3.AuthorizationClient, policy string) bool {
	t.Helper()
	response, err := check(t, client, policy)
	if err != nil && status.Code(err) != codes.Unavailable { // it has no policies yet
		t.Fatal(err)
	}
	return response.GetOkResponse() != nil
}

func check(t *testing.T, client authv3.AuthorizationClient, policy string) (*authv3.CheckResponse, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "krater-policies", policy)
	return client.Check(ctx, rego.Request{}.CheckRequest(0))
}

// until waits for a verdict: policies arrive in their own time.
func until(t *testing.T, client authv3.AuthorizationClient, want bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for allowed(t, client) != want {
		if time.Now().After(deadline) {
			t.Fatalf("allowed is not %v after 10 s", want)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestRun(t *testing.T) {
	plane, target, stopPlane := startControlPlane(t)
	state := t.TempDir()
	client, stop := start(t, policyd.Options{ControlPlane: target, StateDir: state})
	if _, err := check(t, client, "a/p"); status.Code(err) != codes.Unavailable {
		t.Errorf("a policyd that has no policies yet answers: %v", err)
	}
	plane.send <- []model.RegoPolicy{policyOf("package p\n\nallow := true\n")}
	until(t, client, true)
	if ack := <-plane.replies; ack.GetErrorDetail() != nil {
		t.Errorf("a good policy is refused: %v", ack.GetErrorDetail())
	}

	other := policyOf("package p\n\nallow := true\n")
	other.Object.Name = "other"
	plane.send <- []model.RegoPolicy{policyOf("package p\n\nallow := [\n"), other}
	nack := <-plane.replies
	for _, want := range []string{"KR0009", "RegoPolicy a/p", "p.rego:4:1"} {
		if !strings.Contains(nack.GetErrorDetail().GetMessage(), want) {
			t.Errorf("the NACK says %q, without %q", nack.GetErrorDetail().GetMessage(), want)
		}
	}
	if !allowed(t, client) {
		t.Error("a broken policy took the last good one down")
	}
	if asked(t, client, "a/other") {
		t.Error("a part of a refused update is in force")
	}
	stop()
	stopPlane()

	client, stop = start(t, policyd.Options{ControlPlane: target, StateDir: state})
	defer stop()
	until(t, client, true) // from the disk: nobody is at target
}

func TestRunSaysWhyItCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = policyd.Run(context.Background(), policyd.Options{Listen: taken.Addr().String(), Network: listen.Network{Plain: true}})
	var refused *listen.AddressError
	if !errors.As(err, &refused) || refused.Problem.Code != model.CodePort {
		t.Errorf("wanted a Problem, got %v", err)
	}
}
