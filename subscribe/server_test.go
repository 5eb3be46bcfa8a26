package subscribe

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	testType = "type.googleapis.com/krater.test.Thing"
	deadline = 10 * time.Second
)

// scripted is a server whose lines are said by the test.
type scripted struct {
	discovery.UnimplementedAggregatedDiscoveryServiceServer
	t        *testing.T
	listener *bufconn.Listener
	grpc     *grpc.Server
	requests chan *discovery.DeltaDiscoveryRequest
	say      chan *discovery.DeltaDiscoveryResponse // nil ends the stream
}

func newScripted(t *testing.T) *scripted {
	s := &scripted{
		t: t, listener: bufconn.Listen(1 << 20), grpc: grpc.NewServer(),
		requests: make(chan *discovery.DeltaDiscoveryRequest, 64),
		say:      make(chan *discovery.DeltaDiscoveryResponse),
	}
	discovery.RegisterAggregatedDiscoveryServiceServer(s.grpc, s)
	go s.grpc.Serve(s.listener)
	t.Cleanup(s.grpc.Stop)
	return s
}

func (s *scripted) DeltaAggregatedResources(stream discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	go func() {
		for {
			req, err := stream.Recv()
			if err != nil {
				return
			}
			s.requests <- req
		}
	}()
	for {
		select {
		case res := <-s.say:
			if res == nil {
				return fmt.Errorf("the script ends the stream")
			}
			if err := stream.Send(res); err != nil {
				return err
			}
		case <-stream.Context().Done():
			return nil
		}
	}
}

// request is the next one that the client sends.
func (s *scripted) request() *discovery.DeltaDiscoveryRequest {
	s.t.Helper()
	select {
	case req := <-s.requests:
		return req
	case <-time.After(deadline):
		s.t.Fatal("no request came")
		return nil
	}
}

// response says name → JSON; an empty JSON removes the name.
func (s *scripted) response(nonce string, resources map[string]string) {
	s.t.Helper()
	res := &discovery.DeltaDiscoveryResponse{TypeUrl: testType, Nonce: nonce}
	for name, text := range resources {
		if text == "" {
			res.RemovedResources = append(res.RemovedResources, name)
			continue
		}
		boxed, err := anypb.New(wrapperspb.Bytes([]byte(text)))
		if err != nil {
			s.t.Fatal(err)
		}
		res.Resources = append(res.Resources, &discovery.Resource{Name: name, Version: "v" + text, Resource: boxed})
	}
	s.send(res)
}

func (s *scripted) send(res *discovery.DeltaDiscoveryResponse) {
	s.t.Helper()
	select {
	case s.say <- res:
	case <-time.After(deadline):
		s.t.Fatal("nobody listens to the script")
	}
}

func (s *scripted) options(dir string) Options {
	return Options{
		Target: "passthrough:///script", Node: "krater/test", Types: []string{testType}, Dir: dir,
		Backoff: func(int) time.Duration { return time.Millisecond },
		Dial: []grpc.DialOption{grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return s.listener.DialContext(ctx)
		})},
	}
}

// running is a client at work, and what it handed on.
type running struct {
	t       *testing.T
	updates chan Update
	refuse  chan error // the handler's next answers; none is nil
}

func run(t *testing.T, o Options) *running {
	r := &running{t: t, updates: make(chan Update, 64), refuse: make(chan error, 64)}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- New(o).Run(ctx, func(u Update) error {
			r.updates <- u
			select {
			case err := <-r.refuse:
				return err
			default:
				return nil
			}
		})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != context.Canceled {
			t.Errorf("Run ended with %v", err)
		}
	})
	return r
}

func (r *running) update() Update {
	r.t.Helper()
	select {
	case u := <-r.updates:
		return u
	case <-time.After(deadline):
		r.t.Fatal("no update came")
		return Update{}
	}
}
