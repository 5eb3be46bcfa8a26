package serve

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// BenchmarkPublish changes one of 200 resources of 1 KB for 1000 streams, and
// waits until every one of them has acknowledged it. The clients run in the
// same process, and their cost is in the figure.
func BenchmarkPublish(b *testing.B) {
	const streams, resources = 1000, 200
	var acks sync.WaitGroup
	w := newWire(b)
	w.watcher = func(e Event) {
		if e.Kind == EventSettled {
			acks.Done()
		}
	}
	set := Set{testType: map[string]proto.Message{}}
	for i := range resources {
		set[testType][fmt.Sprintf("resource-%d", i)] = say("%d %s", i, strings.Repeat("x", 1000))
	}
	var nodes []string
	for i := range streams {
		nodes = append(nodes, fmt.Sprintf("node-%d", i))
	}
	publish := func() {
		acks.Add(streams)
		if err := w.PublishTo(nodes, set, Cause{}); err != nil {
			b.Fatal(err)
		}
	}
	acks.Add(streams)
	if err := w.PublishTo(nodes, set, Cause{}); err != nil {
		b.Fatal(err)
	}
	var conn *grpc.ClientConn
	for i, node := range nodes {
		if i%100 == 0 {
			conn = w.dial()
		}
		c := w.openOn(conn, node, &discovery.DeltaDiscoveryRequest{TypeUrl: testType})
		go func() {
			for res := range c.in {
				if err := c.stream.Send(&discovery.DeltaDiscoveryRequest{TypeUrl: testType, ResponseNonce: res.GetNonce()}); err != nil {
					return
				}
			}
		}()
	}
	acks.Wait()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		set[testType]["resource-7"] = say("changed %d", n)
		publish()
		acks.Wait()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n*streams), "µs/stream")
}
