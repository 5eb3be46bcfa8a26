package serve

import (
	"cmp"
	"fmt"
	"strings"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// resource is one encoded resource, shared by every proxy that has it.
type resource struct {
	name    string
	message proto.Message // that it was made of
	digest  digest
	frame   []byte // as it stands in a response
	// endpoints is, for a cluster, the name of its EDS resource: Envoy warms
	// a changed cluster until it gets that, and does not ask for it.
	endpoints string
	// brings: a filter's configuration that asks for others by name.
	brings bool
	// hosts: a route configuration that gets its virtual hosts by VHDS.
	hosts bool
}

// encode marshals a resource deterministically.
func encode(name string, m proto.Message) (*resource, error) {
	r := &resource{name: name, message: m}
	boxed, ok := m.(*anypb.Any)
	if !ok {
		boxed = &anypb.Any{}
		if err := anypb.MarshalFrom(boxed, m, proto.MarshalOptions{Deterministic: true}); err != nil {
			return nil, fmt.Errorf("encoding resource %q: %w", name, err)
		}
	} else if boxed.GetTypeUrl() == TypeCluster || boxed.GetTypeUrl() == TypeRouteConfiguration {
		m, _ = boxed.UnmarshalNew() // what cannot be read refers to nothing
	}
	r.digest = digestOf(boxed.GetTypeUrl(), boxed.GetValue())
	switch m := m.(type) {
	case *cluster.Cluster:
		if m.GetType() == cluster.Cluster_EDS {
			r.endpoints = cmp.Or(m.GetEdsClusterConfig().GetServiceName(), m.GetName())
		}
	case *core.TypedExtensionConfig:
		r.brings = strings.HasSuffix(m.GetTypedConfig().GetTypeUrl(), ".HttpConnectionManager")
	case *route.RouteConfiguration:
		r.hosts = m.GetVhds() != nil
	}
	var err error
	r.frame, err = frame(&discovery.Resource{Name: name, Version: r.digest.String(), Resource: boxed})
	if err != nil {
		return nil, fmt.Errorf("encoding resource %q: %w", name, err)
	}
	return r, nil
}

// size is how many bytes it takes in a response.
func (r *resource) size() int { return len(r.frame) }
