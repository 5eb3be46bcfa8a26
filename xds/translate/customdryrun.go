package translate

import (
	"slices"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	luav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	upstreamcodecv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	networkextauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/ext_authz/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/krater-mesh/krater/model"
)

const (
	// dryRunTimeout bounds how long a dry run's question holds a request.
	dryRunTimeout = model.Duration(time.Second)

	dryRunClusterPrefix = "dry-run|"
	// dryRunSaid begins what providers said.
	dryRunSaid = "istio_dry_run_said_custom_"
)

// dryRunKey begins what is recorded of a provider's dry runs.
func dryRunKey(key string) string { return dryRunPrefix(model.Custom) + key }

// dryRunQuestion asks a provider about what dry runs matched, and records what
// it would have come to: nothing of the answer gets to the request.
func (p *proxy) dryRunQuestion(name, key string) filters {
	to, reached := p.provider(name)
	if !reached {
		return filters{extension(filterRBAC, &rbacv3.RBAC{ShadowRulesStatPrefix: dryRunSaid + key, ShadowRules: said("", false)})}
	}
	question := to.extAuthz(dryRunKey(key) + shadowRule)
	question.ShadowMode, question.FailureModeAllow, question.ClearRouteCache, question.ValidateMutations = true, true, false, false
	question.StatPrefix = dryRunKey(key)
	question.DecoderHeaderMutationRules = &mutationrulesv3.HeaderMutationRules{DisallowAll: wrapperspb.Bool(true)}
	if question.WithRequestBody != nil {
		question.WithRequestBody.AllowPartialMessage = true // else one that is too long is refused
	}
	if grpc := question.GetGrpcService(); grpc != nil {
		to.dryRun(grpc)
	} else {
		service := question.GetHttpService()
		service.ServerUri.Timeout = duration(min(to.asks.Timeout, dryRunTimeout))
		service.AuthorizationResponse = nil
	}
	filter := "custom-dry-run|" + key[:len(key)-1]
	return filters{
		extension(filter, question),
		extension(filterRBAC, &rbacv3.RBAC{ShadowRulesStatPrefix: dryRunSaid + key, ShadowRules: said(filter+".shadow", to.asks.FailOpen)}),
	}
}

// dryRunTCP is the same for connections.
func (p *proxy) dryRunTCP(to provider, prefix string) *networkextauthzv3.ExtAuthz {
	grpc := to.grpc()
	to.dryRun(grpc)
	return &networkextauthzv3.ExtAuthz{
		StatPrefix: prefix, FailureModeAllow: true, ShadowMode: true, TransportApiVersion: corev3.ApiVersion_V3, GrpcService: grpc,
		FilterEnabledMetadata: ruleFound(filterNetworkRBAC, dryRunKey(to.key())+shadowRule), IncludePeerCertificate: true,
	}
}

func (to provider) dryRun(grpc *corev3.GrpcService) {
	grpc.GetEnvoyGrpc().ClusterName = dryRunClusterPrefix + to.cluster
	grpc.Timeout = duration(min(to.asks.Timeout, dryRunTimeout))
}

// said are rules named by what a question in shadow came to, which Envoy left
// in state; "": nobody could be asked.
func said(state string, failOpen bool) *rbacconfigv3.RBAC {
	unanswered := model.DryRunRefused
	if failOpen {
		unanswered = model.DryRunPassed
	}
	out := &rbacconfigv3.RBAC{Action: rbacconfigv3.RBAC_DENY, Policies: map[string]*rbacconfigv3.Policy{}}
	when := func(name string, holds *rbacconfigv3.Principal) {
		out.Policies[name] = &rbacconfigv3.Policy{Permissions: []*rbacconfigv3.Permission{anyPermission()}, Principals: []*rbacconfigv3.Principal{holds}}
	}
	if state == "" {
		when(unanswered, allOf(nil))
		return out
	}
	for word, name := range map[string]string{"OK": model.DryRunAllowed, "DENIED": model.DryRunDenied, "ERROR": unanswered} {
		when(name, &rbacconfigv3.Principal{Identifier: &rbacconfigv3.Principal_FilterState{FilterState: &matcherv3.FilterStateMatcher{
			Key: state, Matcher: &matcherv3.FilterStateMatcher_StringMatch{StringMatch: stringMatcher(model.StringMatch{Kind: model.Prefix, Value: `{"check_result":"` + word + `"`})},
		}}})
	}
	return out
}

// dryRunInput are the clusters of providers that dry runs ask by gRPC.
type dryRunInput struct{ clusters []*clusterv3.Cluster }

// dryRunClusters finds them among a proxy's parts; nil: it has none.
func (r *round) dryRunClusters(v view, parts []*Part) *Part {
	var in dryRunInput
	for _, to := range v.providers {
		if to.asks.HTTP || !slices.ContainsFunc(v.authorization, func(a *model.AuthorizationPolicy) bool { return a.DryRun && a.Provider == to.name }) {
			continue
		}
		for _, part := range parts {
			for _, c := range part.Clusters {
				if c.Name == to.cluster && !slices.Contains(in.clusters, c) {
					in.clusters = append(in.clusters, c)
				}
			}
		}
	}
	if len(in.clusters) == 0 {
		return nil
	}
	return r.dryRuns.of(in)
}

// dryRunPart are copies of clusters that let nothing through of an answer but
// whether it is a denial: Envoy applies the rest of one in shadow mode, too.
func dryRunPart(in dryRunInput) *Part {
	out := &Part{}
	for _, original := range in.clusters {
		c := proto.CloneOf(original)
		c.Name, c.HealthChecks = dryRunClusterPrefix+original.Name, nil
		if c.EdsClusterConfig != nil && c.EdsClusterConfig.ServiceName == "" {
			c.EdsClusterConfig.ServiceName = original.Name
		}
		options := &httpv3.HttpProtocolOptions{}
		if packed := c.TypedExtensionProtocolOptions[httpProtocolOptions]; packed != nil && packed.UnmarshalTo(options) != nil {
			continue // one that somebody patched into something else
		}
		options.HttpFilters = []*hcmv3.HttpFilter{
			fixed("krater.verdict", pack(&luav3.Lua{StatPrefix: "krater_dry_run", DefaultSourceCode: &corev3.DataSource{
				Specifier: &corev3.DataSource_InlineString{InlineString: verdictScript}}})),
			fixed("envoy.filters.http.upstream_codec", pack(&upstreamcodecv3.UpstreamCodec{})),
		}
		if c.TypedExtensionProtocolOptions == nil {
			c.TypedExtensionProtocolOptions = packed(options)
		} else {
			c.TypedExtensionProtocolOptions[httpProtocolOptions] = pack(options)
		}
		out.Clusters = append(out.Clusters, c)
	}
	out.sort()
	return out
}

// verdictScript leaves of a CheckResponse its status (1), what a denial says (2)
// and an error (5). What it cannot read becomes what Envoy cannot.
const verdictScript = `local function number(s,at)
  local n,scale=0,1
  while true do
    local c=string.byte(s,at)
    if c==nil or scale>2^49 then return nil end
    at,n=at+1,n+(c%128)*scale
    if c<128 then return n,at end
    scale=scale*128
  end
end
local function verdict(s)
  if #s<5 or string.byte(s,1)~=0 then return nil end
  local kept,at={},6
  while at<=#s do
    local start,tag,size=at
    tag,at=number(s,at)
    if tag==nil then return nil end
    local kind=tag%8
    if kind==2 then
      size,at=number(s,at)
      if size==nil then return nil end
      at=at+size
    elseif kind==0 then
      size,at=number(s,at)
      if size==nil then return nil end
    elseif kind==1 then at=at+8
    elseif kind==5 then at=at+4
    else return nil end
    if at>#s+1 then return nil end
    if tag==10 or tag==18 or tag==42 then kept[#kept+1]=string.sub(s,start,at-1) end
  end
  local out=table.concat(kept)
  local n=#out
  return string.char(0,math.floor(n/16777216),math.floor(n/65536)%256,math.floor(n/256)%256,n%256)..out
end
function envoy_on_response(handle)
  local body=handle:body()
  if body~=nil and body:length()>0 then
    body:setBytes(verdict(body:getBytes(0,body:length())) or "\0\0\0\0\1\255")
  end
end
`
