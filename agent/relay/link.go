package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// maxQueue is how many requests may wait for a control plane that takes none.
const maxQueue = 4096

// link is one stream to the control plane, on a connection of its own: the
// next one shows the certificate of its time.
type link struct {
	number int
	conn   *grpc.ClientConn
	out    chan *discoveryv3.DeltaDiscoveryRequest
	end    context.CancelFunc
}

// news is what a link tells: that it is up, a response, or why it ended.
type news struct {
	link *link
	up   bool
	res  *discoveryv3.DeltaDiscoveryResponse
	err  error
}

// dial opens a link and tells its news until it ends. It returns at once.
func (r *Relay) dial(ctx context.Context, number int, to chan<- news) *link {
	ctx, cancel := context.WithCancel(ctx)
	l := &link{number: number, out: make(chan *discoveryv3.DeltaDiscoveryRequest, maxQueue), end: cancel}
	tell := func(n news) {
		n.link = l
		select {
		case to <- n:
		case <-ctx.Done():
		}
	}
	conn, err := r.connect()
	if err != nil {
		go tell(news{err: err})
		return l
	}
	l.conn = conn
	go func() {
		defer conn.Close()
		tell(news{err: l.run(ctx, tell)})
	}()
	return l
}

func (r *Relay) connect() (*grpc.ClientConn, error) {
	return grpc.NewClient(r.o.ControlPlane,
		grpc.WithTransportCredentials(r.o.Credentials()), grpc.WithNoProxy(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)))
}

// run is the link's life.
func (l *link) run(ctx context.Context, tell func(news)) error {
	ctx, cancel := context.WithCancel(ctx) // ends the sender with the receiver
	defer cancel()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(l.conn).DeltaAggregatedResources(ctx)
	if err != nil {
		return fmt.Errorf("opening the stream: %w", err)
	}
	sent := make(chan struct{})
	defer func() { cancel(); <-sent }()
	go func() {
		defer close(sent)
		l.send(ctx, stream)
	}()
	tell(news{up: true})
	for {
		res, err := stream.Recv()
		if err != nil {
			return err
		}
		tell(news{res: res})
	}
}

func (l *link) send(ctx context.Context, stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient) {
	for {
		select {
		case <-ctx.Done():
			return
		case req := <-l.out:
			if stream.Send(req) != nil {
				return // receiving tells why
			}
		}
	}
}

var errStuck = errors.New("it takes no requests")

// push queues a request. A control plane that takes none for so long is as
// good as away.
func (l *link) push(req *discoveryv3.DeltaDiscoveryRequest) error {
	select {
	case l.out <- req:
		return nil
	default:
		return errStuck
	}
}

func plaintext() credentials.TransportCredentials { return insecure.NewCredentials() }

func backoff(attempt int) time.Duration {
	wait := min(100*time.Millisecond<<min(attempt-1, 10), 5*time.Second)
	return wait - time.Duration(rand.Int64N(int64(wait/2)))
}
