package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
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
			r.Name, r.Match = c.Name, routeMatch(m)
			out = append(out, r)
		}
	}
	return out
}

// action is a route without its match.
func (b *routing) action(c RouteChoice) *routev3.Route {
	r := c.Route
	out := &routev3.Route{}
	b.changeHeaders(out, c, r.Headers)
	switch {
	case r.Redirect != nil:
		out.Action = &routev3.Route_Redirect{Redirect: redirect(*r.Redirect)}
	case r.Direct != nil:
		out.Action = &routev3.Route_DirectResponse{DirectResponse: direct(*r.Direct)}
	default:
		out.Action = &routev3.Route_Route{Route: b.forward(out, c)}
	}
	if f := fault(r.Fault); f != nil {
		out.TypedPerFilterConfig = map[string]*anypb.Any{filterFault: pack(f)}
	}
	return out
}

// forward sends requests on: one destination is the route's cluster, several
// share by weight. A weight of 0 is no share.
func (b *routing) forward(route *routev3.Route, c RouteChoice) *routev3.RouteAction {
	r := c.Route
	out := &routev3.RouteAction{Timeout: &durationpb.Duration{}, HashPolicy: b.hashPolicies(r.Destinations)}
	if r.Timeout != nil {
		out.Timeout = duration(*r.Timeout)
	}
	retries := b.mesh.Retries
	if r.Retries != nil {
		retries = *r.Retries
	}
	out.RetryPolicy = retryPolicy(retries, len(out.HashPolicy) > 0)
	var shares []model.Destination
	for _, d := range r.Destinations {
		if d.Weight > 0 {
			shares = append(shares, d)
		}
	}
	if len(shares) == 0 && len(r.Destinations) == 1 {
		shares = r.Destinations
	}
	host := hostChange(r.Headers)
	switch len(shares) {
	case 0:
		out.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: clusterBlackHole}
	case 1:
		out.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: destinationCluster(shares[0])}
		b.changeHeaders(route, c, shares[0].Headers)
		if h := hostChange(shares[0].Headers); h != "" {
			host = h
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

var redirectCodes = map[uint32]routev3.RedirectAction_RedirectResponseCode{
	301: routev3.RedirectAction_MOVED_PERMANENTLY,
	302: routev3.RedirectAction_FOUND,
	303: routev3.RedirectAction_SEE_OTHER,
	307: routev3.RedirectAction_TEMPORARY_REDIRECT,
	308: routev3.RedirectAction_PERMANENT_REDIRECT,
}

func redirect(r model.Redirect) *routev3.RedirectAction {
	out := &routev3.RedirectAction{HostRedirect: r.Authority, PortRedirect: r.Port, ResponseCode: redirectCodes[r.Code]}
	if r.Scheme != "" {
		out.SchemeRewriteSpecifier = &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: r.Scheme}
	}
	switch {
	case r.PrefixRewrite != "":
		out.PathRewriteSpecifier = &routev3.RedirectAction_PrefixRewrite{PrefixRewrite: r.PrefixRewrite}
	case r.URI != "":
		out.PathRewriteSpecifier = &routev3.RedirectAction_PathRedirect{PathRedirect: r.URI}
	}
	return out
}

func direct(d model.DirectResponse) *routev3.DirectResponseAction {
	out := &routev3.DirectResponseAction{Status: d.Status}
	if d.Body != "" {
		out.Body = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: d.Body}}
	}
	return out
}
