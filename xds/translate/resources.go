package translate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Resources are all that one proxy gets, each list sorted by name.
type Resources struct {
	Clusters     []*clusterv3.Cluster
	Endpoints    []*endpointv3.ClusterLoadAssignment
	Listeners    []*listenerv3.Listener
	Routes       []*routev3.RouteConfiguration
	VirtualHosts []*routev3.VirtualHost
	Extensions   []*corev3.TypedExtensionConfig
	Secrets      []*tlsv3.Secret
}

// Set gives the resources by type URL and name, as a server sends them.
func (r Resources) Set() map[string]map[string]proto.Message {
	return map[string]map[string]proto.Message{
		typeURL(&clusterv3.Cluster{}):                byName(r.Clusters, (*clusterv3.Cluster).GetName),
		typeURL(&endpointv3.ClusterLoadAssignment{}): byName(r.Endpoints, (*endpointv3.ClusterLoadAssignment).GetClusterName),
		typeURL(&listenerv3.Listener{}):              byName(r.Listeners, (*listenerv3.Listener).GetName),
		typeURL(&routev3.RouteConfiguration{}):       byName(r.Routes, (*routev3.RouteConfiguration).GetName),
		typeURL(&routev3.VirtualHost{}):              byName(r.VirtualHosts, (*routev3.VirtualHost).GetName),
		typeURL(&corev3.TypedExtensionConfig{}):      byName(r.Extensions, (*corev3.TypedExtensionConfig).GetName),
		typeURL(&tlsv3.Secret{}):                     byName(r.Secrets, (*tlsv3.Secret).GetName),
	}
}

// JSON writes the resources by type: {"clusters": [...], ...}. Equal resources
// give equal bytes. Private keys are never written.
func (r Resources) JSON() ([]byte, error) {
	doc := map[string][]json.RawMessage{}
	for key, list := range map[string][]proto.Message{
		"clusters": messages(r.Clusters), "endpoints": messages(r.Endpoints), "listeners": messages(r.Listeners),
		"routes": messages(r.Routes), "virtualHosts": messages(r.VirtualHosts), "extensions": messages(r.Extensions),
		"secrets": messages(readable(r.Secrets)),
	} {
		doc[key] = []json.RawMessage{}
		for _, m := range list {
			b, err := stableJSON(m)
			if err != nil {
				return nil, fmt.Errorf("writing %s: %w", key, err)
			}
			doc[key] = append(doc[key], b)
		}
	}
	return json.Marshal(doc)
}

// add appends the resources of another.
func (r *Resources) add(o Resources) {
	r.Clusters = append(r.Clusters, o.Clusters...)
	r.Endpoints = append(r.Endpoints, o.Endpoints...)
	r.Listeners = append(r.Listeners, o.Listeners...)
	r.Routes = append(r.Routes, o.Routes...)
	r.VirtualHosts = append(r.VirtualHosts, o.VirtualHosts...)
	r.Extensions = append(r.Extensions, o.Extensions...)
	r.Secrets = append(r.Secrets, o.Secrets...)
}

// sort brings each list in the order of its names.
func (r *Resources) sort() {
	sortBy(r.Clusters, (*clusterv3.Cluster).GetName)
	sortBy(r.Endpoints, (*endpointv3.ClusterLoadAssignment).GetClusterName)
	sortBy(r.Listeners, (*listenerv3.Listener).GetName)
	sortBy(r.Routes, (*routev3.RouteConfiguration).GetName)
	sortBy(r.VirtualHosts, (*routev3.VirtualHost).GetName)
	sortBy(r.Extensions, (*corev3.TypedExtensionConfig).GetName)
	sortBy(r.Secrets, (*tlsv3.Secret).GetName)
}

func sortBy[M any](list []M, name func(M) string) {
	slices.SortStableFunc(list, func(a, b M) int { return strings.Compare(name(a), name(b)) })
}

func byName[M proto.Message](list []M, name func(M) string) map[string]proto.Message {
	out := make(map[string]proto.Message, len(list))
	for _, m := range list {
		out[name(m)] = m
	}
	return out
}

func messages[M proto.Message](list []M) []proto.Message {
	out := make([]proto.Message, 0, len(list))
	for _, m := range list {
		out = append(out, m)
	}
	return out
}

func readable(secrets []*tlsv3.Secret) []*tlsv3.Secret {
	out := make([]*tlsv3.Secret, 0, len(secrets))
	for _, s := range secrets {
		out = append(out, redacted(s))
	}
	return out
}

// stableJSON is protojson without the random spaces it puts in on purpose.
func stableJSON(m proto.Message) ([]byte, error) {
	b, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
