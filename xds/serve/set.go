package serve

import (
	"cmp"
	"fmt"
	"slices"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	route "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Set is all that one proxy, or one class of equal proxies, shall have: type
// URL → resource name → resource. A resource that is an *anypb.Any already is
// taken as it is. A type that is absent is a type with no resources.
type Set map[string]map[string]proto.Message

// encoded is a Set as it is served. It never changes.
type encoded struct {
	groups map[string]*group // by type URL
	nodes  int               // how many nodes have it; guarded by store.mu
}

// group returns the resources of a type, nil where there are none.
func (e *encoded) group(typeURL string) *group {
	if g, ok := e.groups[typeURL]; ok {
		return g
	}
	return emptyGroup
}

// group is all resources of one type in a set. Equal groups are one pointer.
type group struct {
	typeURL   string
	digest    digest // of all names and bytes
	resources map[string]*resource
	sets      int // guarded by store.mu
}

var emptyGroup = &group{}

// want is the digest of the bytes that a name shall have; absent if none.
func (g *group) want(name string) digest {
	if r, ok := g.resources[name]; ok {
		return r.digest
	}
	return absent
}

// resource is one encoded resource, shared by every proxy that has it.
type resource struct {
	digest digest
	wire   *discovery.Resource
	size   int
	// endpoints is, for a cluster, the name of its EDS resource: Envoy warms
	// a changed cluster until it gets that, and does not ask for it.
	endpoints string
	// hosts: a route configuration that gets its virtual hosts by VHDS.
	hosts  bool
	groups int // guarded by store.mu
}

// encode marshals a resource deterministically.
func encode(name string, m proto.Message) (*resource, error) {
	boxed, ok := m.(*anypb.Any)
	if !ok {
		boxed = &anypb.Any{}
		if err := anypb.MarshalFrom(boxed, m, proto.MarshalOptions{Deterministic: true}); err != nil {
			return nil, fmt.Errorf("encoding resource %q: %w", name, err)
		}
	}
	d := digestOf(boxed.GetTypeUrl(), boxed.GetValue())
	return &resource{
		digest:    d,
		size:      len(boxed.GetValue()) + len(name),
		endpoints: endpointsOf(boxed),
		hosts:     hasVHDS(boxed),
		wire:      &discovery.Resource{Name: name, Version: d.String(), Resource: boxed},
	}, nil
}

// endpointsOf names a cluster's EDS resource, "" for all else.
func endpointsOf(boxed *anypb.Any) string {
	if boxed.GetTypeUrl() != TypeCluster {
		return ""
	}
	c := &cluster.Cluster{}
	if boxed.UnmarshalTo(c) != nil || c.GetType() != cluster.Cluster_EDS {
		return ""
	}
	return cmp.Or(c.GetEdsClusterConfig().GetServiceName(), c.GetName())
}

// hasVHDS tells whether a resource is a route configuration with VHDS.
func hasVHDS(boxed *anypb.Any) bool {
	if boxed.GetTypeUrl() != TypeRouteConfiguration {
		return false
	}
	r := &route.RouteConfiguration{}
	return boxed.UnmarshalTo(r) == nil && r.GetVhds() != nil
}

// encodeGroup marshals all resources of a type.
func encodeGroup(typeURL string, from map[string]proto.Message) (*group, error) {
	g := &group{typeURL: typeURL, resources: make(map[string]*resource, len(from))}
	names := make([]string, 0, len(from))
	for name, m := range from {
		r, err := encode(name, m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", short(typeURL), err)
		}
		g.resources[name], names = r, append(names, name)
	}
	slices.Sort(names)
	g.digest = digestOfAll(names, g.want)
	return g, nil
}
