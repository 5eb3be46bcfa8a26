package translate

import (
	"encoding/base64"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	statev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	setstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
	upstreamcodecv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/krater-mesh/krater/model"
)

// What a workload's certificate does not say of it, its labels and version,
// travels in a header between the two proxies of a call. A member of the mesh
// can lie in it, so nothing but telemetry reads it; and neither application
// ever sees it.
const (
	headerPeer = "x-krater-peer"
	// metadataPeer is the namespace, and statePeer the filter state, where the
	// called and the calling proxy keep it.
	metadataPeer = "krater.peer"
	statePeer    = "krater.peer"
	peerKey      = "peer"

	slotPeer = "peer"

	// maxPeer bounds the header: the called proxy reads no longer ones.
	maxPeer = 4 << 10
)

// peerFilters come first: they take the header off, reading it first where the
// caller showed a certificate of the mesh.
func (p *proxy) peerFilters(c chain) []*hcmv3.HttpFilter {
	var out []*hcmv3.HttpFilter
	if c.direction == inbound && c.mtls {
		out = append(out, fixed("krater.peer", pack(readPeer())))
	}
	out = append(out, fixed("krater.peer.strip", pack(&headermutationv3.HeaderMutation{
		Mutations: &headermutationv3.Mutations{RequestMutations: []*mutationrulesv3.HeaderMutation{withoutPeer()}},
	})))
	if c.direction == inbound {
		return out
	}
	name := slotName(c.listener, slotPeer)
	p.slot(name, filterChain(p.ownPeer()))
	return append(out, discovered(name))
}

// readPeer keeps what the header says; what cannot be read, and one that comes
// twice, says nothing.
func readPeer() *headertometadatav3.Config {
	return &headertometadatav3.Config{RequestRules: []*headertometadatav3.Config_Rule{{
		Header: headerPeer,
		OnHeaderPresent: &headertometadatav3.Config_KeyValuePair{
			MetadataNamespace: metadataPeer, Key: peerKey,
			Type: headertometadatav3.Config_PROTOBUF_VALUE, Encode: headertometadatav3.Config_BASE64,
		},
		Remove: true,
	}}}
}

func withoutPeer() *mutationrulesv3.HeaderMutation {
	return &mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_Remove{Remove: headerPeer}}
}

// ownPeer is what this proxy will say of its workload.
func (p *proxy) ownPeer() filters {
	if p.opt.NoIdentity {
		return nil
	}
	text := peerHeader(p.w.Labels)
	if len(text) > maxPeer {
		p.problem(model.Warning, model.CodeInvalidValue, p.w.Object, "", "the labels of "+p.w.ID()+" are too long to be told to those it calls: their telemetry shows none", "use fewer or shorter ones")
		text = peerHeader(nil)
	}
	return filters{extension("krater.peer", &setstatev3.Config{OnRequestHeaders: []*statev3.FilterStateValue{stateValue(statePeer, text)}})}
}

// peerHeader writes a google.protobuf.Value in Base64. What the certificate
// says stays out: nobody shall read it in the wrong place.
func peerHeader(labels map[string]string) string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(structpb.NewStructValue(labelFields(labels)))
	if err != nil { // only invalid UTF-8: config refuses it
		panic("translate: writing a peer's labels: " + err.Error())
	}
	return base64.StdEncoding.EncodeToString(b)
}

// labelFields are a workload's labels and its version.
func labelFields(labels map[string]string) *structpb.Struct {
	out := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	if version := model.Version(labels); version != "" {
		out.Fields["version"] = structpb.NewStringValue(version)
	}
	if len(labels) == 0 {
		return out
	}
	all := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	for k, v := range labels {
		all.Fields[k] = structpb.NewStringValue(v)
	}
	out.Fields["labels"] = structpb.NewStructValue(all)
	return out
}

// endpointFields are what the caller's side tells of an endpoint.
func endpointFields(e model.Endpoint) *structpb.Struct {
	out := labelFields(e.Labels)
	namespace, name := model.ParseKey(e.Workload, "")
	account := e.ServiceAccount
	if account == "" {
		account = model.DefaultServiceAccount
	}
	for k, v := range map[string]string{"workload": name, "namespace": namespace, "service_account": account} {
		out.Fields[k] = structpb.NewStringValue(v)
	}
	return out
}

// Where a cluster's metadata says who of its endpoints is spoken to by mutual
// TLS of the mesh.
const (
	metadataMTLS    = "mtls"
	mtlsAlways      = "always"
	mtlsByEndpoint  = "endpoint"
	sentOverMTLS    = clusterMTLS + " == '" + mtlsAlways + "' || (" + clusterMTLS + " == '" + mtlsByEndpoint + "' && " + endpointTLSMode + " == 'istio')"
	clusterMTLS     = "xds.cluster_metadata.filter_metadata['" + metadataNamespace + "']['" + metadataMTLS + "']"
	endpointTLSMode = "xds.upstream_host_metadata.filter_metadata['envoy.transport_socket_match']['tlsMode']"
)

// tellsPeers notes that a cluster's endpoints are told of the caller: those
// that are spoken to by mutual TLS, but nobody outside of the mesh.
func (b *clusters) tellsPeers(c *clusterv3.Cluster, how mutuality) {
	said := mtlsByEndpoint
	if how == allMutual {
		said = mtlsAlways
	}
	if !b.service.External {
		c.Metadata.FilterMetadata[metadataNamespace].Fields[metadataMTLS] = structpb.NewStringValue(said)
	}
}

// router sends requests. Its filters run once an endpoint is chosen, anew with
// each attempt: only then is it known whether the header may go along. In CEL
// what is not there is an error, and an error leaves the header out.
func (p *proxy) router(c chain) *routerv3.Router {
	if c.direction == inbound || p.opt.NoIdentity {
		return &routerv3.Router{}
	}
	return &routerv3.Router{UpstreamHttpFilters: []*hcmv3.HttpFilter{
		fixed("krater.peer", pack(&headermutationv3.HeaderMutation{Mutations: &headermutationv3.Mutations{
			RequestMutations: []*mutationrulesv3.HeaderMutation{withoutPeer(), {Action: &mutationrulesv3.HeaderMutation_Append{
				Append: &corev3.HeaderValueOption{
					AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
					Header:       &corev3.HeaderValue{Key: headerPeer, Value: "%CEL(" + sentOverMTLS + " ? filter_state['" + statePeer + "'] : '')%"},
				},
			}}},
		}})),
		fixed("envoy.filters.http.upstream_codec", pack(&upstreamcodecv3.UpstreamCodec{})),
	}}
}
