package translate

import (
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

// connectRoute takes a CONNECT into an internal listener: for a port that was
// declared as TCP one that looks at nothing. It is no request of its own: it is
// not traced, and not logged.
func connectRoute(protocol model.Protocol) *routev3.Route {
	cluster := clusterInternal
	if protocol == model.TCP {
		cluster = clusterInternalTCP
	}
	return &routev3.Route{
		Name:  RouteConnect,
		Match: onConnect(),
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster},
			Timeout:          &durationpb.Duration{},
			UpgradeConfigs: []*routev3.RouteAction_UpgradeConfig{{
				UpgradeType: "CONNECT", ConnectConfig: &routev3.RouteAction_UpgradeConfig_ConnectConfig{},
			}},
		}},
		Tracing: &routev3.Tracing{ClientSampling: share(0), RandomSampling: share(0), OverallSampling: share(0)},
	}
}

// write writes each choice, once for each of its matches.
func (b *routing) write(choices []RouteChoice) []*routev3.Route {
	var out []*routev3.Route
	for _, c := range choices {
		matches := c.Route.Matches
		if len(matches) == 0 {
			matches = []model.HTTPMatch{{}}
		}
		for _, m := range matches {
			r := b.action(c)
			r.Name, r.Match, r.StatPrefix = c.named(m), routeMatch(m), m.StatPrefix
			out = append(out, r)
		}
	}
	return out
}

// named is %ROUTE_NAME%: a match that has a name adds it.
func (c RouteChoice) named(m model.HTTPMatch) string {
	if m.Name == "" {
		return c.Name
	}
	return c.Name + "." + m.Name
}

// action is a route without its match.
func (b *routing) action(c RouteChoice) *routev3.Route {
	r := c.Route
	out := &routev3.Route{}
	b.changeHeaders(out, c, r.Headers)
	switch {
	case r.Redirect != nil:
		out.Action = &routev3.Route_Redirect{Redirect: b.redirect(*r.Redirect)}
	case r.Direct != nil:
		out.Action = &routev3.Route_DirectResponse{DirectResponse: direct(*r.Direct)}
	default:
		out.Action = &routev3.Route_Route{Route: b.forward(out, c)}
	}
	if f := fault(r.Fault); f != nil {
		configure(out, filterFault, f)
	}
	if r.CORS != nil {
		configure(out, filterCORS, cors(*r.CORS))
	}
	return out
}

// configure gives a filter of the chain this route's own configuration.
func configure(r *routev3.Route, filter string, config proto.Message) {
	if r.TypedPerFilterConfig == nil {
		r.TypedPerFilterConfig = map[string]*anypb.Any{}
	}
	r.TypedPerFilterConfig[filter] = pack(config)
}

// forward sends requests on: one destination is the route's cluster, several
// share by weight. A weight of 0 is no share.
func (b *routing) forward(route *routev3.Route, c RouteChoice) *routev3.RouteAction {
	r := c.Route
	out := &routev3.RouteAction{HashPolicy: b.hashPolicies(r.Destinations), RequestMirrorPolicies: mirrors(r.Mirrors)}
	setTimeout(out, r.Timeout)
	retries := b.mesh.Retries
	if r.Retries != nil {
		retries = *r.Retries
	}
	out.RetryPolicy = retryPolicy(retries, len(out.HashPolicy) > 0)
	host := hostChange(r.Headers)
	switch shares := sharing(r.Destinations); len(shares) {
	case 0:
		out.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: clusterBlackHole}
	case 1:
		out.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: destinationCluster(shares[0])}
		b.changeHeaders(route, c, shares[0].Headers)
		if host == "" {
			host = hostChange(shares[0].Headers)
		}
	default:
		out.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: b.weighted(c, shares)}
	}
	if r.Rewrite != nil {
		rewrite(out, *r.Rewrite)
		if r.Rewrite.Authority != "" {
			host = r.Rewrite.Authority
		}
	}
	if host != "" {
		out.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: host}
	}
	return out
}

// sharing are the destinations that get requests. One alone needs no weight.
func sharing(all []model.Destination) []model.Destination {
	if len(all) == 1 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(d model.Destination) bool { return d.Weight == 0 })
}

// setTimeout bounds the whole of a request. One of gRPC may ask for less in
// grpc-timeout, and without a bound of ours for anything.
func setTimeout(out *routev3.RouteAction, t *model.Duration) {
	out.Timeout = &durationpb.Duration{}
	if t != nil {
		out.Timeout = duration(*t)
	}
	// Its replacement, max_stream_duration, has Envoy forget the timeout above.
	//lint:ignore SA1019 see there
	out.MaxGrpcTimeout = out.Timeout
}

func destinationCluster(d model.Destination) string { return ClusterName(d.Port, d.Subset, d.Host) }

func (b *routing) weighted(c RouteChoice, shares []model.Destination) *routev3.WeightedCluster {
	out := &routev3.WeightedCluster{}
	for _, d := range shares {
		w := &routev3.WeightedCluster_ClusterWeight{Name: destinationCluster(d), Weight: wrapperspb.UInt32(d.Weight)}
		b.changeHeaders(w, c, d.Headers)
		if h := hostChange(d.Headers); h != "" {
			w.HostRewriteSpecifier = &routev3.WeightedCluster_ClusterWeight_HostRewriteLiteral{HostRewriteLiteral: h}
		}
		out.Clusters = append(out.Clusters, w)
	}
	return out
}

func rewrite(out *routev3.RouteAction, r model.Rewrite) {
	if r.Regex != nil {
		out.RegexRewrite = regexRewrite(*r.Regex)
	} else if r.URI != "" {
		out.PrefixRewrite = r.URI
	}
}
