package filtertest

import (
	"context"
	"strconv"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/krater-mesh/krater/filters/headermap"
	"github.com/krater-mesh/krater/filters/sdk"
)

// Call is one that a filter made and that is not answered yet. It has one of
// HTTP and GRPC.
type Call struct {
	HTTP *sdk.HTTPCall
	GRPC *sdk.GRPCCall

	module *Module
	token  uint32
	root   uint32
}

// grpcStatus is what proxy_get_status gives.
type grpcStatus struct {
	code uint32
	text string
}

// Out lists the calls that are out, the oldest first.
func (m *Module) Out() []*Call { return append([]*Call(nil), m.host.out...) }

// Deliver answers every call that is out by the module's Services, oldest
// first, and those that are made meanwhile. It counts them.
func (m *Module) Deliver() (answered int, err error) {
	for i := 0; i < len(m.host.out); {
		c := m.host.out[i]
		switch {
		case c.HTTP != nil && m.Services[c.HTTP.Cluster] != nil:
			err = c.Answer(m.Services[c.HTTP.Cluster](*c.HTTP))
		case c.GRPC != nil && m.GRPCServices[c.GRPC.Cluster] != nil:
			err = c.AnswerGRPC(m.GRPCServices[c.GRPC.Cluster](*c.GRPC))
		default:
			i++
			continue
		}
		if err != nil {
			return answered, err
		}
		answered++
	}
	return answered, nil
}

// take tells whether the call is still out, and takes it off the list.
func (c *Call) take() bool {
	for i, out := range c.module.host.out {
		if out == c {
			c.module.host.out = append(c.module.host.out[:i], c.module.host.out[i+1:]...)
			return true
		}
	}
	return false
}

// Answer brings an HTTP call's answer; with a Status of 0 it failed.
func (c *Call) Answer(a sdk.HTTPAnswer) error {
	if !c.take() {
		return nil
	}
	root := c.module.host.contexts[c.root]
	headers, trailers, body := 0, 0, []byte(nil)
	if a.Status != 0 {
		list := sdk.NewHeaderList(append([][2]string{{":status", strconv.Itoa(a.Status)}}, all(a.Headers)...)...)
		root.maps[mapCall], headers = list, len(list.All())
		root.maps[mapCallTrailers], trailers = sdk.NewHeaderList(all(a.Trailers)...), len(all(a.Trailers))
		if a.Body != nil {
			body = a.Body.Read(0, a.Body.Len())
		}
		root.buffers[bufferCall] = body
	}
	_, err := c.module.call("proxy_on_http_call_response", c.root, uint64(c.token), uint64(headers), uint64(len(body)), uint64(trailers))
	delete(root.maps, mapCall)
	delete(root.maps, mapCallTrailers)
	delete(root.buffers, bufferCall)
	if err != nil {
		return err
	}
	return c.module.settle()
}

func all(h sdk.Headers) [][2]string {
	if h == nil {
		return nil
	}
	return h.All()
}

// AnswerGRPC brings a gRPC call's answer, as Envoy does: a message, or a status
// that is not OK.
func (c *Call) AnswerGRPC(a sdk.GRPCAnswer) error {
	if !c.take() {
		return nil
	}
	m := c.module
	root := m.host.contexts[c.root]
	for _, part := range []struct {
		pairs [][2]string
		which uint32
		name  string
	}{
		{a.Metadata, mapGRPCMetadata, "proxy_on_grpc_receive_initial_metadata"},
		{a.Trailers, mapGRPCTrailers, "proxy_on_grpc_receive_trailing_metadata"},
	} {
		if part.pairs == nil {
			continue
		}
		root.maps[part.which] = sdk.NewHeaderList(part.pairs...)
		if _, err := m.call(part.name, c.root, uint64(c.token), uint64(len(part.pairs))); err != nil {
			return err
		}
		delete(root.maps, part.which)
	}
	var err error
	if a.Status == 0 {
		root.buffers[bufferGRPC] = a.Message
		_, err = m.call("proxy_on_grpc_receive", c.root, uint64(c.token), uint64(len(a.Message)))
		delete(root.buffers, bufferGRPC)
	} else {
		m.host.answer = grpcStatus{uint32(a.Status), a.Text}
		_, err = m.call("proxy_on_grpc_close", c.root, uint64(c.token), uint64(a.Status))
		m.host.answer = grpcStatus{}
	}
	if err != nil {
		return err
	}
	return m.settle()
}

// TimeOut is what Envoy does when a call's Timeout has passed.
func (c *Call) TimeOut() error {
	if c.HTTP != nil {
		return c.Answer(sdk.HTTPAnswer{Status: 504, Body: sdk.NewBuffer("upstream request timeout")})
	}
	const unavailable = 14
	return c.AnswerGRPC(sdk.GRPCAnswer{Status: unavailable, Text: "upstream request timeout{response_timeout}"})
}

// outCalls are the host calls that start calls.
func (h *host) outCalls() map[string]any {
	return map[string]any{
		"proxy_http_call":   h.httpCall,
		"proxy_grpc_call":   h.grpcCall,
		"proxy_grpc_cancel": h.grpcCancel,
		"proxy_get_status": func(ctx context.Context, m api.Module, code, at, size uint32) status {
			write(m, code, h.answer.code)
			return give(ctx, m, []byte(h.answer.text), at, size)
		},
	}
}

func (h *host) start(c *Call) uint32 {
	h.tokens++
	_, root := h.root()
	c.module, c.token, c.root = h.module, h.tokens, root
	h.out = append(h.out, c)
	return c.token
}

func (h *host) httpCall(_ context.Context, m api.Module, cluster, clusterSize, headers, headersSize, body, bodySize, trailers, trailersSize, timeout, token uint32) status {
	c := &sdk.HTTPCall{Cluster: read(m, cluster, clusterSize), Body: []byte(read(m, body, bodySize)), Timeout: time.Duration(timeout) * time.Millisecond}
	if _, known := h.module.Services[c.Cluster]; !known {
		return badArgument
	}
	pairs, good := headermap.Decode(read(m, headers, headersSize))
	if c.Trailers, _ = headermap.Decode(read(m, trailers, trailersSize)); !good {
		return badArgument
	}
	for _, p := range pairs {
		switch p[0] {
		case ":method":
			c.Method = p[1]
		case ":path":
			c.Path = p[1]
		case ":authority":
			c.Authority = p[1]
		default:
			c.Headers = append(c.Headers, p)
		}
	}
	if c.Method == "" || c.Path == "" || c.Authority == "" {
		return badArgument
	}
	write(m, token, h.start(&Call{HTTP: c}))
	return ok
}

func (h *host) grpcCall(_ context.Context, m api.Module, service, serviceSize, name, nameSize, method, methodSize, metadata, metadataSize, message, messageSize, timeout, token uint32) status {
	c := &sdk.GRPCCall{
		Service: read(m, name, nameSize), Method: read(m, method, methodSize),
		Message: []byte(read(m, message, messageSize)), Timeout: time.Duration(timeout) * time.Millisecond,
	}
	c.Metadata, _ = headermap.Decode(read(m, metadata, metadataSize))
	c.Cluster, c.Authority = grpcService(read(m, service, serviceSize))
	if _, known := h.module.GRPCServices[c.Cluster]; !known {
		return internalFailure
	}
	write(m, token, h.start(&Call{GRPC: c}))
	return ok
}

func (h *host) grpcCancel(token uint32) status {
	for _, c := range h.out {
		if c.token == token && c.GRPC != nil {
			c.take()
			return ok
		}
	}
	return notFound
}
