package subscribe

import (
	"context"
	"errors"
	"fmt"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// errSilent ends the first connection when it brings nothing, so that the
// state on disk is used, and the next connection tells the server of it.
var errSilent = errors.New("it answers nothing")

type rpc = discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient

// dial reaches the control plane. It says nothing yet.
func (c *Client) dial() (*grpc.ClientConn, error) {
	options := append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithNoProxy(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64 << 20)),
	}, c.options.Dial...)
	return grpc.NewClient(c.options.Target, options...)
}

// connect subscribes over one connection, until it breaks. It tells whether
// the server answered.
func (c *Client) connect(ctx context.Context, handle Handler) (answered bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := c.dial()
	if err != nil {
		return false, fmt.Errorf("dialing %s: %w", c.options.Target, err)
	}
	defer conn.Close()
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx)
	if err != nil {
		return false, fmt.Errorf("opening the stream: %w", err)
	}
	for i, typeURL := range c.options.Types {
		if err := stream.Send(c.subscription(typeURL, i == 0)); err != nil {
			return false, fmt.Errorf("subscribing: %w", recvError(stream, err))
		}
	}
	return c.serve(ctx, stream, handle)
}

// recvError is why a send failed: only receiving tells.
func recvError(stream rpc, err error) error {
	if _, reason := stream.Recv(); reason != nil {
		return reason
	}
	return err
}

// subscription is the first request for a type: all of it, and what is here
// already. Only the first one of a stream names the node.
func (c *Client) subscription(typeURL string, first bool) *discovery.DeltaDiscoveryRequest {
	req := &discovery.DeltaDiscoveryRequest{TypeUrl: typeURL, InitialResourceVersions: c.types[typeURL].versions}
	if first {
		req.Node = &core.Node{Id: c.options.Node, UserAgentName: "krater"}
	}
	return req
}

// received is what the stream gave.
type received struct {
	res *discovery.DeltaDiscoveryResponse
	err error
}

// receive reads the stream until it ends.
func receive(ctx context.Context, stream rpc, to chan<- received) {
	for {
		res, err := stream.Recv()
		select {
		case to <- received{res, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// serve takes in what comes, and answers it.
func (c *Client) serve(ctx context.Context, stream rpc, handle Handler) (answered bool, err error) {
	incoming := make(chan received)
	go receive(ctx, stream, incoming)
	patience := time.NewTimer(c.options.Patience)
	defer patience.Stop()
	for {
		select {
		case <-ctx.Done():
			return answered, context.Cause(ctx)
		case <-patience.C:
			if !c.loaded && !c.current() {
				return answered, errSilent
			}
		case in := <-incoming:
			if in.err != nil {
				return answered, in.err
			}
			answered = true
			if err := stream.Send(c.take(in.res, handle)); err != nil {
				return answered, fmt.Errorf("answering: %w", err)
			}
		}
	}
}

// take hands a response to the handler, and makes the answer to it.
func (c *Client) take(res *discovery.DeltaDiscoveryResponse, handle Handler) *discovery.DeltaDiscoveryRequest {
	answer := &discovery.DeltaDiscoveryRequest{TypeUrl: res.GetTypeUrl(), ResponseNonce: res.GetNonce()}
	if err := c.adopt(res, handle); err != nil {
		c.log.Warn("an update is refused; the last good state stays", "type", short(res.GetTypeUrl()), "error", err)
		answer.ErrorDetail = &rpcstatus.Status{Code: int32(codes.InvalidArgument), Message: err.Error()}
	}
	return answer
}

// adopt puts a response in force, if the handler agrees, and on disk.
func (c *Client) adopt(res *discovery.DeltaDiscoveryResponse, handle Handler) error {
	before, ok := c.types[res.GetTypeUrl()]
	if !ok {
		return fmt.Errorf("type %s was not asked for", res.GetTypeUrl())
	}
	next, err := before.apply(res)
	if err != nil {
		return err
	}
	u := next.update(before)
	if before.current && len(u.Changed)+len(u.Removed) == 0 {
		c.types[next.typeURL] = next
		return nil
	}
	if err := handle(u); err != nil {
		return err
	}
	c.types[next.typeURL] = next
	if c.options.Dir == "" {
		return nil
	}
	if err := save(c.options.Dir, c.options.Node, next); err != nil {
		c.log.Warn("the last good state is not kept", "type", short(next.typeURL), "error", err)
	}
	return nil
}
