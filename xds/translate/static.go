package translate

import (
	"cmp"
	"errors"
	"fmt"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	internallistenerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/bootstrap/internal_listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// Static puts resources into a copy of a bootstrap, so that `envoy -c` runs
// them without a server: endpoints go into their clusters, routes and virtual
// hosts into their connection managers, and slots into their listeners.
// Private keys that are no files are an error: StaticWithKeys writes them.
func Static(r Resources, base *bootstrapv3.Bootstrap) (*bootstrapv3.Bootstrap, error) {
	return static(r, base, false)
}

// StaticWithKeys is Static with the private keys in what it makes.
func StaticWithKeys(r Resources, base *bootstrapv3.Bootstrap) (*bootstrapv3.Bootstrap, error) {
	return static(r, base, true)
}

func static(r Resources, base *bootstrapv3.Bootstrap, withKeys bool) (*bootstrapv3.Bootstrap, error) {
	out := proto.CloneOf(base)
	if out.StaticResources == nil {
		out.StaticResources = &bootstrapv3.Bootstrap_StaticResources{}
	}
	out.DynamicResources = nil
	in := inliner{routes: map[string]*routev3.RouteConfiguration{}, extensions: map[string]*anypb.Any{}, secrets: map[string]*tlsv3.Secret{}}
	in.index(r)
	var errs []error
	var secrets []string
	for _, c := range r.Clusters {
		c = in.cluster(c, r.Endpoints)
		secrets = append(secrets, staticSecrets(c)...)
		out.StaticResources.Clusters = append(out.StaticResources.Clusters, c)
	}
	for _, l := range r.Listeners {
		l = proto.CloneOf(l)
		for _, fc := range l.FilterChains {
			for _, f := range fc.Filters {
				if err := in.networkFilter(f); err != nil {
					errs = append(errs, fmt.Errorf("making listener %s static: %w", l.Name, err))
				}
			}
		}
		secrets = append(secrets, staticSecrets(l)...)
		out.StaticResources.Listeners = append(out.StaticResources.Listeners, l)
	}
	added, err := in.addSecrets(secrets, withKeys)
	errs = append(errs, err)
	out.StaticResources.Secrets = append(out.StaticResources.Secrets, added...)
	needsInternalListener(out)
	return out, errors.Join(errs...)
}

// BootstrapJSON writes a bootstrap for `envoy -c`.
func BootstrapJSON(b *bootstrapv3.Bootstrap) ([]byte, error) { return stableJSON(b) }

// inliner finds what a resource refers to.
type inliner struct {
	routes     map[string]*routev3.RouteConfiguration
	extensions map[string]*anypb.Any
	secrets    map[string]*tlsv3.Secret
}

func (in inliner) index(r Resources) {
	for _, rc := range r.Routes {
		rc = proto.CloneOf(rc)
		rc.Vhds = nil
		for _, v := range r.VirtualHosts {
			if prefix := rc.Name + "/"; len(v.Name) > len(prefix) && v.Name[:len(prefix)] == prefix {
				rc.VirtualHosts = append(rc.VirtualHosts, v)
			}
		}
		in.routes[rc.Name] = rc
	}
	for _, e := range r.Extensions {
		in.extensions[e.Name] = e.TypedConfig
	}
	for _, s := range r.Secrets {
		in.secrets[s.Name] = s
	}
}

func (in inliner) cluster(c *clusterv3.Cluster, endpoints []*endpointv3.ClusterLoadAssignment) *clusterv3.Cluster {
	c = proto.CloneOf(c)
	if c.GetType() != clusterv3.Cluster_EDS {
		return c
	}
	c.ClusterDiscoveryType = &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}
	name := cmp.Or(c.GetEdsClusterConfig().GetServiceName(), c.Name)
	c.EdsClusterConfig = nil
	c.LoadAssignment = &endpointv3.ClusterLoadAssignment{ClusterName: c.Name}
	for _, e := range endpoints {
		if e.ClusterName == name {
			c.LoadAssignment = e
		}
	}
	return c
}

// networkFilter inlines a slot of connections, or all that a connection
// manager refers to.
func (in inliner) networkFilter(f *listenerv3.Filter) error {
	if f.GetConfigDiscovery() != nil {
		config, ok := in.extensions[f.Name]
		if !ok {
			return fmt.Errorf("nothing is in the slot %s", f.Name)
		}
		f.ConfigType = &listenerv3.Filter_TypedConfig{TypedConfig: config}
	}
	m := &hcmv3.HttpConnectionManager{}
	if !f.GetTypedConfig().MessageIs(m) {
		return nil
	}
	if err := f.GetTypedConfig().UnmarshalTo(m); err != nil {
		return fmt.Errorf("reading the connection manager: %w", err)
	}
	if rds := m.GetRds(); rds != nil {
		rc, ok := in.routes[rds.RouteConfigName]
		if !ok {
			return fmt.Errorf("there is no route configuration %s", rds.RouteConfigName)
		}
		m.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: rc}
	}
	for _, h := range m.HttpFilters {
		if h.GetConfigDiscovery() == nil {
			continue
		}
		config, ok := in.extensions[h.Name]
		if !ok {
			return fmt.Errorf("nothing is in the slot %s", h.Name)
		}
		h.ConfigType = &hcmv3.HttpFilter_TypedConfig{TypedConfig: config}
	}
	f.Name, f.ConfigType = filterHCM, &listenerv3.Filter_TypedConfig{TypedConfig: pack(m)}
	return nil
}

// needsInternalListener adds the extension without which Envoy refuses one.
func needsInternalListener(b *bootstrapv3.Bootstrap) {
	const name = "envoy.bootstrap.internal_listener"
	for _, e := range b.BootstrapExtensions {
		if e.Name == name {
			return
		}
	}
	b.BootstrapExtensions = append(b.BootstrapExtensions, &corev3.TypedExtensionConfig{
		Name: name, TypedConfig: pack(&internallistenerv3.InternalListener{}),
	})
}
