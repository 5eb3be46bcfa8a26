package sds

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	secretv3 "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
)

// absent is the version that a client has of a secret which is none.
const absent = "-"

// stream is what one client asked for, and what it was sent.
type stream struct {
	server *Server
	rpc    secretv3.SecretDiscoveryService_DeltaSecretsServer
	sent   map[string]string // versions by name; "" before the first
	nonce  int
}

// DeltaSecrets serves one client until it goes.
func (s *Server) DeltaSecrets(rpc secretv3.SecretDiscoveryService_DeltaSecretsServer) error {
	st := &stream{server: s, rpc: rpc, sent: map[string]string{}}
	incoming, ended := make(chan *discoveryv3.DeltaDiscoveryRequest), make(chan error, 1)
	go func() { ended <- receive(rpc, incoming) }()
	for {
		changed := s.source.Changed()
		if err := st.send(s.source.Current()); err != nil {
			return err
		}
		select {
		case req := <-incoming:
			st.take(req)
		case <-changed:
		case err := <-ended:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

func receive(rpc secretv3.SecretDiscoveryService_DeltaSecretsServer, to chan<- *discoveryv3.DeltaDiscoveryRequest) error {
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

// take notes what the client wants, and what it says of what it was sent.
func (st *stream) take(req *discoveryv3.DeltaDiscoveryRequest) {
	if detail := req.GetErrorDetail(); detail != nil {
		st.server.log.Error("envoy refused a secret; it keeps the one before", "detail", detail.GetMessage())
	}
	for _, name := range req.GetResourceNamesUnsubscribe() {
		delete(st.sent, name)
	}
	for _, name := range req.GetResourceNamesSubscribe() {
		if known(name) || len(st.sent) < mostNames {
			st.sent[name] = req.GetInitialResourceVersions()[name] // "" asks anew
		}
	}
}

// mostNames is how many names a client may ask for in vain.
const mostNames = 100

func known(name string) bool { return name == Certificate || name == Roots }

// send gives the client what it wants and has not. Before there is an
// identity it waits: an answer would have Envoy go on without one.
func (st *stream) send(m *Material) error {
	if m == nil {
		return nil
	}
	res := &discoveryv3.DeltaDiscoveryResponse{TypeUrl: typeURL}
	for _, name := range slices.Sorted(maps.Keys(st.sent)) {
		r, err := m.resource(name)
		switch {
		case err != nil:
			return err
		case r == nil && st.sent[name] != absent:
			st.server.log.Warn("envoy asks for a secret that the agent does not have", "secret", name)
			res.RemovedResources = append(res.RemovedResources, name)
			st.sent[name] = absent
		case r != nil && st.sent[name] != r.GetVersion():
			res.Resources = append(res.Resources, r)
			st.sent[name] = r.GetVersion()
		}
	}
	if len(res.GetResources())+len(res.GetRemovedResources()) == 0 {
		return nil
	}
	st.nonce++
	res.Nonce = strconv.Itoa(st.nonce)
	return st.rpc.Send(res)
}
