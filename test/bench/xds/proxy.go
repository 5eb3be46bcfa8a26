package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
)

// The types that a proxy asks for.
const (
	prefix          = "type.googleapis.com/envoy.config."
	typeCluster     = prefix + "cluster.v3.Cluster"
	typeEndpoint    = prefix + "endpoint.v3.ClusterLoadAssignment"
	typeListener    = prefix + "listener.v3.Listener"
	typeRoutes      = prefix + "route.v3.RouteConfiguration"
	typeVirtualHost = prefix + "route.v3.VirtualHost"
	typeExtension   = prefix + "core.v3.TypedExtensionConfig"
)

type stream = discovery.AggregatedDiscoveryService_DeltaAggregatedResourcesClient

// proxy speaks delta ADS as Envoy does: it asks for all clusters, then for
// their endpoints, acknowledges clusters when these are there, then asks for
// listeners and for what they name. It keeps names, and throws bytes away.
type proxy struct {
	node   string
	fleet  *fleet
	stream stream
	asked  map[string]bool            // types
	names  map[string]map[string]bool // subscribed, by type
	cold   map[string]bool            // clusters whose endpoints are awaited
	held   *discovery.DeltaDiscoveryRequest
	bytes  atomic.Int64 // of all messages received
}

var _ stats.Handler = (*proxy)(nil)

// TagRPC implements stats.Handler.
func (p *proxy) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC counts what arrives.
func (p *proxy) HandleRPC(_ context.Context, s stats.RPCStats) {
	if in, ok := s.(*stats.InPayload); ok {
		p.bytes.Add(int64(in.WireLength))
	}
}

// TagConn implements stats.Handler.
func (p *proxy) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (p *proxy) HandleConn(context.Context, stats.ConnStats) {}

// run is one connection, until ctx ends.
func (p *proxy) run(ctx context.Context, socket string) error {
	conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(p), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		return fmt.Errorf("connecting %s: %w", p.node, err)
	}
	defer conn.Close()
	p.stream, err = discovery.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx, grpc.WaitForReady(true))
	if err != nil {
		return fmt.Errorf("connecting %s: %w", p.node, err)
	}
	p.asked, p.names, p.cold = map[string]bool{}, map[string]map[string]bool{}, map[string]bool{}
	if err := p.ask(typeCluster, nil, nil); err != nil {
		return err
	}
	for {
		res, err := p.stream.Recv()
		if err != nil {
			return fmt.Errorf("receiving for %s: %w", p.node, err)
		}
		if err := p.take(res); err != nil {
			return err
		}
	}
}

// ask says what is wanted and what no longer is.
func (p *proxy) ask(typeURL string, add, drop []string) error {
	req := &discovery.DeltaDiscoveryRequest{TypeUrl: typeURL, ResourceNamesSubscribe: add, ResourceNamesUnsubscribe: drop}
	if len(p.asked) == 0 {
		req.Node = &corev3.Node{Id: p.node, Cluster: "bench"}
	}
	p.asked[typeURL] = true
	return p.stream.Send(req)
}

// take puts a response in force, and acknowledges it.
func (p *proxy) take(res *discovery.DeltaDiscoveryResponse) error {
	answer := &discovery.DeltaDiscoveryRequest{TypeUrl: res.GetTypeUrl(), ResponseNonce: res.GetNonce()}
	if err := p.apply(res); err != nil {
		return err
	}
	if res.GetTypeUrl() == typeCluster && len(p.cold) > 0 {
		p.held = answer
		return nil
	}
	if err := p.answer(answer, res); err != nil {
		return err
	}
	if p.held == nil || len(p.cold) > 0 {
		return nil
	}
	answer, p.held = p.held, nil
	return p.answer(answer, &discovery.DeltaDiscoveryResponse{TypeUrl: typeCluster})
}

// answer acknowledges; after the first clusters it asks for listeners.
func (p *proxy) answer(req *discovery.DeltaDiscoveryRequest, res *discovery.DeltaDiscoveryResponse) error {
	if err := p.stream.Send(req); err != nil {
		return fmt.Errorf("answering for %s: %w", p.node, err)
	}
	p.fleet.acknowledged(p, res, time.Now())
	if req.GetTypeUrl() == typeCluster && !p.asked[typeListener] {
		return p.ask(typeListener, nil, nil)
	}
	return nil
}

// apply subscribes to what the response's resources name.
func (p *proxy) apply(res *discovery.DeltaDiscoveryResponse) error {
	found := references{}
	switch res.GetTypeUrl() {
	case typeCluster:
		for _, r := range res.GetResources() {
			if isEDS(r.GetResource().GetValue()) {
				found.add(typeEndpoint, p.fleet.intern(r.GetName()))
				p.cold[r.GetName()] = true
			}
		}
		if len(res.GetRemovedResources()) > 0 {
			if err := p.drop(typeEndpoint, res.GetRemovedResources()); err != nil {
				return err
			}
		}
	case typeEndpoint:
		for _, r := range res.GetResources() {
			delete(p.cold, r.GetName())
		}
	case typeListener, typeExtension:
		for _, r := range res.GetResources() {
			if err := found.in(r.GetResource()); err != nil {
				return fmt.Errorf("reading %s: %w", r.GetName(), err)
			}
		}
	case typeRoutes:
		if !p.asked[typeVirtualHost] {
			return p.ask(typeVirtualHost, nil, nil)
		}
	}
	return p.want(found)
}

// want subscribes to names that are new.
func (p *proxy) want(found references) error {
	for typeURL, names := range found {
		var add []string
		if p.names[typeURL] == nil {
			p.names[typeURL] = map[string]bool{}
		}
		for name := range names {
			if !p.names[typeURL][name] {
				p.names[typeURL][name] = true
				add = append(add, name)
			}
		}
		if len(add) > 0 {
			if err := p.ask(typeURL, add, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *proxy) drop(typeURL string, names []string) error {
	var gone []string
	for _, name := range names {
		if p.names[typeURL][name] {
			delete(p.names[typeURL], name)
			delete(p.cold, name)
			gone = append(gone, name)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return p.ask(typeURL, nil, gone)
}
