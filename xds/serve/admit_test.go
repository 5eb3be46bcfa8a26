package serve

import (
	"context"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// end is the error that a stream ends with.
func end(t *testing.T, w *wire, node string, first *discovery.DeltaDiscoveryRequest) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(w.dial()).DeltaAggregatedResources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first.Node = &core.Node{Id: node}
	if err := stream.Send(first); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := stream.Recv(); err != nil {
			return err
		}
	}
}

func TestAStreamThatIsNotAdmittedGetsNothing(t *testing.T) {
	w := newWireOf(t, Options{Admit: func(ctx context.Context, node *core.Node) (context.Context, error) {
		if node.GetId() != "good" {
			return nil, status.Error(codes.PermissionDenied, "not you")
		}
		return ctx, nil
	}})
	w.publish("bad", things(map[string]string{"a": "1"}))
	w.publish("good", things(map[string]string{"a": "1"}))
	if err := end(t, w, "bad", &discovery.DeltaDiscoveryRequest{TypeUrl: testType}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("a stream that is not admitted ends with %v", err)
	}
	for _, s := range w.Status() {
		if s.Connected {
			t.Errorf("%s is shown as connected", s.Node)
		}
	}
	want(t, w.open("good", &discovery.DeltaDiscoveryRequest{TypeUrl: testType}).response(), "a", "")
}

func TestAStreamEndsWithItsAdmission(t *testing.T) {
	admitted := make(chan context.CancelCauseFunc, 1)
	w := newWireOf(t, Options{Admit: func(ctx context.Context, _ *core.Node) (context.Context, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		admitted <- cancel
		return ctx, nil
	}})
	w.publish("n", things(map[string]string{"a": "1"}))
	ended := make(chan error, 1)
	go func() { ended <- end(t, w, "n", &discovery.DeltaDiscoveryRequest{TypeUrl: testType}) }()
	w.until("n", "connected", func(s ClientStatus) bool { return s.Connected })
	(<-admitted)(status.Error(codes.Unauthenticated, "the certificate has ended"))
	select {
	case err := <-ended:
		if status.Code(err) != codes.Unauthenticated {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(deadline):
		t.Fatal("the stream goes on")
	}
	w.until("n", "disconnected", func(s ClientStatus) bool { return !s.Connected })
}

func TestAReportIsHandedOnAndNeverAnswered(t *testing.T) {
	const health = typeURLPrefix + "test.Health"
	reports := make(chan string, 10)
	w := newWireOf(t, Options{Reports: map[string]func(string, *discovery.DeltaDiscoveryRequest){
		health: func(node string, req *discovery.DeltaDiscoveryRequest) {
			reports <- node + ": " + req.GetErrorDetail().GetMessage()
		},
	}})
	w.publish("n", things(map[string]string{"a": "1"}))
	c := w.open("n", &discovery.DeltaDiscoveryRequest{TypeUrl: health}) // also as the first request of a stream
	c.send(&discovery.DeltaDiscoveryRequest{TypeUrl: health, ErrorDetail: &rpcstatus.Status{Message: "down"}})
	c.ask(testType)
	if res := c.response(); res.GetTypeUrl() != testType {
		t.Errorf("the first answer is of type %s", res.GetTypeUrl())
	}
	for _, want := range []string{"n: ", "n: down"} {
		if got := <-reports; got != want {
			t.Errorf("report %q, want %q", got, want)
		}
	}
	for _, s := range w.Status() {
		if _, shown := s.Types[health]; shown {
			t.Error("the report is shown as a resource type")
		}
	}
}
