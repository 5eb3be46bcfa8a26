package serve

import (
	"context"
	"io"
	"sync"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// stream is one proxy's connection.
type stream struct {
	server *Server
	rpc    discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer
	node   string
	wake   chan struct{} // capacity 1: the node's set has changed
	since  time.Time

	mu      sync.Mutex // never held while sending
	session *session
}

// requests hands on what the proxy sends, until the stream ends.
func requests(rpc discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer, to chan<- *discovery.DeltaDiscoveryRequest) error {
	for {
		req, err := rpc.Recv()
		if err != nil {
			return err
		}
		select {
		case to <- req:
		case <-rpc.Context().Done():
			return context.Cause(rpc.Context())
		}
	}
}

// DeltaAggregatedResources serves one proxy until it goes.
func (s *Server) DeltaAggregatedResources(rpc discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	first, err := rpc.Recv()
	if err != nil {
		return err
	}
	node := first.GetNode().GetId()
	if node == "" {
		return status.Error(codes.InvalidArgument, "the first request of a stream must carry node.id")
	}
	admitted, err := s.admit(rpc.Context(), first.GetNode())
	if err != nil {
		return err
	}
	st := &stream{server: s, rpc: rpc, node: node, wake: make(chan struct{}, 1), since: time.Now(), session: newSession(node)}
	s.connect(st)
	defer s.disconnect(st)

	incoming := make(chan *discovery.DeltaDiscoveryRequest)
	ended := make(chan error, 1)
	go func() { ended <- requests(rpc, incoming) }()
	return st.run(admitted, first, incoming, ended)
}

// run is the stream's one loop: a request or a new set comes in, whatever may
// be sent goes out.
func (st *stream) run(ctx context.Context, req *discovery.DeltaDiscoveryRequest, incoming <-chan *discovery.DeltaDiscoveryRequest, ended <-chan error) error {
	for {
		if ctx.Err() != nil { // it may not be told anything more
			return context.Cause(ctx)
		}
		if err := st.pump(req); err != nil {
			return err
		}
		select {
		case req = <-incoming:
		case <-st.wake:
			req = nil
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-ended:
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// pump takes a request in, if there is one, and sends all that may be sent.
func (st *stream) pump(req *discovery.DeltaDiscoveryRequest) error {
	if report, ok := st.server.reports[req.GetTypeUrl()]; ok {
		report(st.node, req)
		req = nil
	}
	for {
		res, events := st.step(req)
		req = nil
		if res == nil {
			st.server.observe(events)
			return nil
		}
		err := st.rpc.SendMsg(res)
		st.server.observe(events)
		if err != nil {
			return err
		}
	}
}

// step advances the session once, with the newest set.
func (st *stream) step(req *discovery.DeltaDiscoveryRequest) (*response, []Event) {
	set, causes, changed := st.server.newest(st)
	st.mu.Lock()
	defer st.mu.Unlock()
	if changed {
		st.session.publish(set, causes)
	}
	now := time.Now()
	if req != nil {
		st.session.request(req, now)
	}
	return st.session.next(now), st.session.take()
}

// status is where the stream's proxy stands.
func (st *stream) status() map[string]TypeStatus {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.session.status()
}
