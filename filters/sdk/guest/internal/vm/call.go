package vm

import (
	"errors"
	"time"

	"github.com/krater-mesh/krater/filters/sdk"
	"github.com/krater-mesh/krater/filters/sdk/guest/internal/abi"
)

// call is one that is out. Its owner is the stream or connection that made
// it; nil: the binding itself.
type call struct {
	key   uint64
	calls map[uint64]*call // that it is listed in
	owner *context
	http  func(sdk.HTTPAnswer)
	grpc  func(sdk.GRPCAnswer)

	metadata, trailers [][2]string
}

var (
	httpCalls = map[uint64]*call{}
	grpcCalls = map[uint64]*call{}
)

// key names a call: proxies number those of each binding, or those of a VM.
func key(plugin, token uint32) uint64 { return uint64(plugin)<<32 | uint64(token) }

func (c *call) list(in map[uint64]*call) {
	c.calls = in
	in[c.key] = c
	if c.owner != nil {
		c.owner.calls = append(c.owner.calls, c)
	}
}

// arrived takes a call off the lists; nil: nobody waits for it any more.
func arrived(in map[uint64]*call, k uint64) *call {
	c := in[k]
	if c == nil {
		return nil
	}
	delete(in, k)
	if c.owner != nil {
		list := c.owner.calls
		for i, have := range list {
			if have == c {
				last := len(list) - 1
				list[i], list[last] = list[last], nil
				c.owner.calls = list[:last]
				break
			}
		}
	}
	return c
}

// drop forgets a call, and cancels it where proxies can do that.
func (c *call) drop() {
	if c.calls[c.key] != c {
		return
	}
	delete(c.calls, c.key)
	if c.grpc != nil {
		abi.GRPCCancel(uint32(c.key))
	}
}

// prepare makes owner effective; of a context that is over no call goes out.
// A gRPC call to no cluster at all would end Envoy 1.40 with all its requests.
func (p *plugin) prepare(owner *context, cluster string) error {
	if err := p.need(Calls, "it calls other services"); err != nil {
		return err
	}
	if cluster == "" {
		return errors.New("a call names no cluster")
	}
	if owner != nil && !owner.activate() {
		return errors.New("the stream is over")
	}
	return nil
}

func milliseconds(d time.Duration) uint32 {
	if d <= 0 {
		d = sdk.DefaultTimeout
	}
	return uint32((d + time.Millisecond - 1) / time.Millisecond)
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}

func failed(cluster string, status abi.Status) error {
	return errors.New("calling " + cluster + ": " + status.Error())
}

func (p *plugin) http(owner *context, c sdk.HTTPCall, done func(sdk.HTTPAnswer)) error {
	if err := p.prepare(owner, c.Cluster); err != nil {
		return err
	}
	first := [...][2]string{
		{":method", or(c.Method, "GET")},
		{":authority", or(c.Authority, c.Cluster)},
		{":path", or(c.Path, "/")},
	}
	token, status := abi.HTTPCall(c.Cluster, first[:], c.Headers, c.Body, c.Trailers, milliseconds(c.Timeout))
	if status != abi.OK {
		return failed(c.Cluster, status)
	}
	(&call{key: key(p.id, token), owner: owner, http: done}).list(httpCalls)
	return nil
}

func (p *plugin) grpc(owner *context, c sdk.GRPCCall, done func(sdk.GRPCAnswer)) (func(), error) {
	if err := p.prepare(owner, c.Cluster); err != nil {
		return func() {}, err
	}
	token, status := abi.GRPCCall(service(c), c.Service, c.Method, c.Metadata, c.Message, milliseconds(c.Timeout))
	if status != abi.OK {
		return func() {}, failed(c.Cluster, status)
	}
	out := &call{key: key(p.id, token), owner: owner, grpc: done}
	out.list(grpcCalls)
	return func() { out.cancel() }, nil
}

// cancel may come when the call is long over.
func (c *call) cancel() {
	if c.calls[c.key] == c {
		arrived(c.calls, c.key)
		abi.GRPCCancel(uint32(c.key))
	}
}

// service writes an envoy.config.core.v3.GrpcService that names a cluster: a
// bare name would do, unless its bytes happen to be such a message.
func service(c sdk.GRPCCall) []byte {
	const clusterName, authority, envoyGRPC = 1<<3 | 2, 2<<3 | 2, 1<<3 | 2
	inner := field(field(nil, clusterName, c.Cluster), authority, c.Authority)
	return field(nil, envoyGRPC, string(inner))
}

// field appends a protobuf field of text, if there is any.
func field(b []byte, tag byte, text string) []byte {
	if text == "" {
		return b
	}
	b = append(b, tag)
	n := len(text)
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(append(b, byte(n)), text...)
}
